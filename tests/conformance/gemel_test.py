#!/usr/bin/env python3
"""Runs the conversations of this directory against Gemel: each must go as written, none be skipped."""

import subprocess
import sys
from pathlib import Path

from gemel_server import HOST, PASSWORD, Server

RUN = Path(__file__).with_name("run.py")


def main():
    with Server() as server:
        server.add_user("ann")
        done = subprocess.run(
            [sys.executable, RUN, HOST, str(server.ports["imap"]), "ann", PASSWORD],
            stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="")
    return done.returncode or not done.stdout.endswith(", 0 skip\n")


if __name__ == "__main__":
    sys.exit(main())

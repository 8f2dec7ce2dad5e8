#!/usr/bin/env python3
"""gemel sieve compile and test: what they say and how they end, without a server."""

import json
import subprocess
import tempfile
from pathlib import Path

from gemel_server import GEMEL

SCRIPT = '''require ["fileinto", "imap4flags"];
if header :contains "subject" "hi" { fileinto :flags "\\\\Flagged" "Lists"; }
'''
MESSAGE = "From: a@example.org\nSubject: hi there\n\nhello\n"


def gemel(*words, **how):
    done = subprocess.run([GEMEL, *map(str, words)], capture_output=True, text=True, timeout=60, **how)
    return done.returncode, done.stdout, done.stderr


def main():
    with tempfile.TemporaryDirectory() as directory:
        script, message = Path(directory) / "a.sieve", Path(directory) / "a.eml"
        script.write_text(SCRIPT)
        message.write_text(MESSAGE)
        assert gemel("sieve", "compile", script) == (0, "", "")
        filed = 'fileinto "Lists" :flags "\\\\Flagged"\n'
        assert gemel("sieve", "test", script, message, "--mailbox", "Lists") == (0, filed, "")
        assert gemel("sieve", "test", "-", message, input="discard;") == (0, "discard\n", "")
        status, out, _ = gemel("--json", "sieve", "test", script, message)
        assert status == 0 and json.loads(out)["actions"] == [filed.strip()], out
        script.write_text('keep;\nfileinto "x";\n')
        status, out, error = gemel("sieve", "compile", script)
        assert status == 1 and out == "" and f"{script}:2:1: error: " in error, error
        assert gemel("sieve", "test", script, message)[0] == 1
        status, _, error = gemel("sieve", "compile", Path(directory) / "missing")
        assert status == 1 and "can't read" in error, error
    print("compile and test say what they should")


main()

#!/usr/bin/env python3
"""A full disk: new mail is refused for now, nothing is lost, and it goes on when there is room."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))
from gemel_server import Server, skip  # noqa: E402

DISK_MB = 256
MESSAGE = b"From: a@example.org\r\nSubject: room\r\n\r\n" + b"x" * 70 + b"\r\n"


def fill(path, leave_mb):
    """Leaves about so much room on the disk of `path`."""
    room = os.statvfs(path.parent)
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - (leave_mb << 20))


def check(server, filler):
    """How many messages ann has after it."""
    server.add_user("ann")
    count = 1
    assert server.deliver(["ann"], MESSAGE) == [250]
    fill(filler, 16)
    # The store looks at its disk once a second; until then there is still room for a few.
    deadline = time.monotonic() + 30
    while (codes := server.deliver(["ann"], MESSAGE)) == [250]:
        count += 1
        assert time.monotonic() < deadline, "a full disk is never noticed"
        time.sleep(0.1)
    assert all(400 <= code < 500 for code in codes), f"a full disk is a temporary failure: {codes}"
    imap = server.imap("ann")
    assert imap.append("INBOX", "", None, MESSAGE)[0] == "NO", "APPEND to a full disk"
    assert int(imap.select("INBOX")[1][0]) == count, "what was there can be read"
    filler.unlink()
    assert server.deliver(["ann"], MESSAGE) == [250], "there is room again"
    assert imap.append("INBOX", "", None, MESSAGE)[0] == "OK"
    assert int(imap.select("INBOX")[1][0]) == count + 2
    imap.logout()
    assert server.verify() == []
    return count + 2


def main():
    if os.geteuid() != 0:
        skip("only root can mount a small disk")
    with tempfile.TemporaryDirectory() as name:
        disk = Path(name)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "gemel-test", name],
                          capture_output=True, check=False).returncode != 0:
            skip("mount is not allowed here")
        try:
            with Server(directory=disk / "server", services=("imap", "lmtp")) as server:
                count = check(server, disk / "filler")
                server.stop()
                server.start()
                found = int(server.imap("ann").select("INBOX")[1][0])
                assert found == count, f"{found} after a restart, not {count}"
        finally:
            subprocess.run(["umount", "-l", name], check=True)
    print("a full disk refuses for now, and loses nothing")


if __name__ == "__main__":
    main()

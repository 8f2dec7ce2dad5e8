#!/usr/bin/env python3
"""The disk of a replica is full, then the primary's, then both: each says so in clear words, nothing
that was accepted is lost, and all goes on by itself when there is room. Clients see the same on both."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
for place in (HERE, HERE.parent / "interop", HERE.parent / "netns"):
    sys.path.insert(0, str(place))
from full_disk_test import DISK_MB, fill  # noqa: E402
from gemel_server import CHANNEL, Pair, skip, wait_until  # noqa: E402
from lab import letter, read_all, wait_equal  # noqa: E402

LEAVE_MB = 16
USER = "ann"
NO_ROOM = "bytes left"  # of the disk


class Disks:
    """A small file system for each side, which can be made full."""

    def __init__(self, root):
        self.paths = {name: root / name for name in ("primary", "replica")}
        self.mounted = []
        for path in self.paths.values():
            path.mkdir()
            if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "gemel-test", str(path)],
                              capture_output=True, check=False).returncode != 0:
                self.close()
                skip("mount is not allowed here")
            self.mounted.append(path)

    def fill(self, name):
        fill(self.paths[name] / "filler", LEAVE_MB)

    def free(self, name):
        (self.paths[name] / "filler").unlink()

    def close(self):
        for path in self.mounted:
            subprocess.run(["umount", "-l", str(path)], check=True)


class Trial:
    def __init__(self, pair, disks):
        self.pair, self.disks, self.accepted = pair, disks, []
        pair.primary.add_user(USER)
        self.deliver_all(10)

    def deliver(self):
        """A new message; the code of its reply."""
        token = f"t{time.monotonic_ns()}"
        (code,) = self.pair.primary.deliver([USER], letter(token))
        if code == 250:
            self.accepted.append(token)
        return code

    def deliver_all(self, count):
        assert [self.deliver() for _ in range(count)] == [250] * count

    def deliver_until_refused(self):
        def is_refused():
            code = self.deliver()
            assert code == 250 or 400 <= code < 500, f"a full disk is a temporary failure: {code}"
            return code != 250
        # The store looks at its disk once a second; until then there is still room for a few.
        wait_until(is_refused, self.pair.primary.log_end, 30)

    def channel(self):
        return self.pair.primary.status()["channels"][CHANNEL]

    def says_why(self):
        channel = self.channel()
        aside = [row["reason"] for row in channel.get("set_aside", [])]
        return any(NO_ROOM in words for words in [channel.get("last_error") or "", *aside])

    def replica_full(self):
        """The primary goes on alone, and says why the replica does not follow."""
        self.disks.fill("replica")
        def is_said():
            self.deliver_all(1)
            time.sleep(0.1)
            return self.says_why()
        wait_until(is_said, lambda: f"{self.channel()}", 60)
        self.deliver_all(20)
        self.disks.free("replica")

    def primary_full(self):
        """It refuses, also by IMAP; what it had reaches the replica all the same."""
        self.disks.fill("primary")
        self.deliver_until_refused()
        imap = self.pair.primary.imap(USER)
        status, words = imap.append("INBOX", "", None, letter("refused"))
        assert status == "NO" and NO_ROOM in words[0].decode(), f"APPEND to a full disk: {words}"
        imap.logout()
        wait_equal(self.pair.sides)
        self.disks.free("primary")
        wait_until(lambda: self.deliver() == 250, self.pair.primary.log_end, 30)

    def both_full_and_killed(self):
        for name in ("primary", "replica"):
            self.disks.fill(name)
        self.deliver_until_refused()
        for side in self.pair.sides:
            side.kill()
            side.start()
        self.deliver_until_refused()
        for name in ("replica", "primary"):
            self.disks.free(name)
        wait_until(lambda: self.deliver() == 250, self.pair.primary.log_end, 30)

    def check(self, name):
        self.deliver_all(5)
        wait_equal(self.pair.sides)
        here, there = (read_all(side, [USER]) for side in self.pair.sides)
        assert here == there, f"{name}: clients see something else on the replica"
        bodies = b"".join(body for _, body in here[USER, "INBOX"][1])
        counts = [bodies.count(f"<{token}@".encode()) for token in self.accepted]
        assert counts == [1] * len(counts), f"{name}: accepted messages are there {set(counts)} times"
        assert len(here[USER, "INBOX"][1]) == len(counts), f"{name}: what was refused is there"
        for side in self.pair.sides:
            assert side.verify() == [], f"{name}: {side.verify()}"


def main():
    if os.geteuid() != 0:
        skip("only root can mount a small disk")
    with tempfile.TemporaryDirectory() as root:
        disks = Disks(Path(root))
        try:
            with Pair(root) as pair:
                trial = Trial(pair, disks)
                for trouble in (trial.replica_full, trial.primary_full, trial.both_full_and_killed):
                    trouble()
                    trial.check(trouble.__name__)
        finally:
            disks.close()
    print(f"full disks: all {len(trial.accepted)} accepted messages are on both, and nothing else")


if __name__ == "__main__":
    main()

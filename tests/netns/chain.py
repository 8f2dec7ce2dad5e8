#!/usr/bin/env python3
"""A chain of three servers, A to B to C, in trouble: links are cut, servers killed with -9, disks of
replicas full, while clients of A deliver, append, flag, move and expunge.

    chain.py [--rounds N] [--seed N] [--delay-ms N]

After each round all is healed; then clients must see the same on all three by IMAP, nothing that was
acknowledged may be lost or changed, nothing expunged may be back, and every server verifies. Needs
root. Not among the tests that always run: a round takes about ten seconds.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
for place in (HERE, HERE.parent / "crash", HERE.parent / "interop"):
    sys.path.insert(0, str(place))
from gemel_server import Lmtp, ServerError  # noqa: E402
from kill_test import Deliverer, Knowledge, Reader, compare, read_side  # noqa: E402
from lab import Lab, skip, wait_equal  # noqa: E402

NAMES = ["a", "b", "c"]
DELIVERERS, READERS = 2, 3
DISK_MB, LEAVE_MB = 400, 20
TROUBLE_S = (0.5, 3)


class Disk:
    """A small file system that can be made full."""

    def __init__(self, path):
        self.path, self.filler = path, path / "filler"
        path.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "gemel-test", str(path)],
                          capture_output=True, check=False).returncode != 0:
            skip("mount is not allowed here")

    def fill(self):
        room = os.statvfs(self.path)
        count = room.f_bavail * room.f_frsize - (LEAVE_MB << 20)
        with self.filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, count))

    def free(self):
        self.filler.unlink(missing_ok=True)

    def close(self):
        subprocess.run(["umount", "-l", str(self.path)], check=True)


class NetDeliverer(Deliverer):
    """Its connection begins in the server's namespace."""

    def connect(self):
        server = self.pair.primary
        self.lmtp = server.space.run(Lmtp, server.ports["lmtp"], 30)


class Chain:
    """The servers, and the clients of the first one."""

    def __init__(self, lab, directory, dice):
        self.lab, self.dice = lab, dice
        self.disks = {name: Disk(Path(directory) / name) for name in NAMES[1:]}
        self.servers = {}
        for name, to in (("c", []), ("b", ["c"]), ("a", ["b"])):
            at = self.disks[name].path / "server" if name in self.disks else None
            self.servers[name] = lab.server(name, "replica" if name != "a" else "primary", to,
                                            directory=at)
        self.primary = self.servers["a"]  # as kill_test's workers call it
        self.users = [f"user{number}" for number in range(READERS)]
        self.knowledge = Knowledge()
        for user in self.users:
            self.primary.add_user(user)
        self.workers = [NetDeliverer(self.knowledge, self, i) for i in range(DELIVERERS)]
        self.workers += [Reader(self.knowledge, self, 100 + i, user)
                         for i, user in enumerate(self.users)]
        for worker in self.workers:
            worker.start()

    def pause(self):
        self.knowledge.running.clear()
        for _ in self.workers:
            if not self.knowledge.idle.acquire(timeout=120):
                raise ServerError("a client hangs")
        for worker in self.workers:
            if worker.error is not None:
                raise worker.error

    def trouble(self):
        """Begins some trouble; returns its name and what ends it."""
        kind = self.dice.choice(["cut", "kill", "kill", "full"])
        if kind == "cut":
            ends = self.dice.choice([("a", "b"), ("b", "c")])
            self.lab.cut(*ends)
            return f"cut {ends[0]}-{ends[1]}", lambda: self.lab.heal(*ends)
        name = self.dice.choice(NAMES if kind == "kill" else NAMES[1:])
        if kind == "kill":
            self.servers[name].kill()
            return f"kill {name}", self.servers[name].start
        self.disks[name].fill()
        return f"full {name}", self.disks[name].free

    def round(self, number):
        self.knowledge.running.set()
        time.sleep(self.dice.uniform(0.3, 1))
        names, ends = [], []
        for _ in range(self.dice.randint(1, 3)):
            name, end = self.trouble()
            if name in names:  # what began twice ends twice; being killed or full is once
                if name.startswith("cut"):
                    end()
                continue
            names.append(name)
            ends.append(end)
            time.sleep(self.dice.uniform(*TROUBLE_S))
        for end in ends:
            end()
            time.sleep(self.dice.uniform(0, 0.5))
        self.pause()
        started = time.monotonic()
        wait_equal(list(self.servers.values()), 300)
        took = time.monotonic() - started
        seen = {name: read_side(server, self.users) for name, server in self.servers.items()}
        wrong = [f"{name} shows of {key} {seen[name].get(key)}, not {seen['a'].get(key)}"
                 for name in NAMES[1:] for key in sorted(seen[name].keys() | seen["a"].keys())
                 if seen[name].get(key) != seen["a"].get(key)]
        for name, server in self.servers.items():
            wrong += compare(self.knowledge, seen[name], name)
            wrong += [f"{name}: {problem}" for problem in server.verify()]
        counts = ", ".join(f"{value} {key}" for key, value in sorted(self.knowledge.counts.items()))
        print(f"round {number}: {'; '.join(names)}; equal after {took:.1f} s; {counts}", flush=True)
        if wrong:
            raise ServerError("\n".join(wrong[:20]))

    def close(self):
        self.knowledge.stopped = True
        self.knowledge.running.set()
        for server in self.servers.values():
            server.kill()
        for disk in self.disks.values():
            disk.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--delay-ms", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gemel-chain-") as directory, \
            Lab(NAMES, options.delay_ms) as lab:
        chain = Chain(lab, directory, random.Random(options.seed))
        try:
            for number in range(options.rounds):
                chain.round(number)
        except ServerError as error:
            print(f"FAILED: {error}")
            return 1
        finally:
            chain.close()
    print(f"{options.rounds} rounds: nothing acknowledged was lost, and all three are the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())

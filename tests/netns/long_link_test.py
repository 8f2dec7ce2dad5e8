#!/usr/bin/env python3
"""A primary and a replica with a long, lossy way between them, which is cut now and then; either is
killed with -9 under load. At the end clients see the same on both, and nothing accepted is lost."""

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from lab import Lab, letter, read_all, wait_equal  # noqa: E402

USERS = ["ann", "ben", "cid"]
ROUNDS = 6
STEPS = 30


def main():
    dice = random.Random(1)
    tokens = []
    with Lab(["a", "b"], delay_ms=25) as lab:
        b = lab.server("b", role="replica")
        a = lab.server("a", channels=["b"])
        lab.lose("a", percent=1)
        lab.lose("b", percent=1)
        lab.limit("a", kbit_per_s=4000)
        for user in USERS:
            a.add_user(user)
            a.imap(user).create("Copies")
        for number in range(ROUNDS):
            is_cut = number % 2 == 1
            if is_cut:
                lab.cut("a", "b")
            for step in range(STEPS):
                users = dice.sample(USERS, 2)
                token = f"t{number}-{step}"
                if a.deliver(users, letter(token)) == [250, 250]:
                    tokens += [(user, token) for user in users]
            imap = a.imap(dice.choice(USERS))
            imap.select("INBOX")
            imap.store("1:5", "+FLAGS", "(\\Flagged)")
            assert imap.copy("1:3", "Copies")[0] == "OK"
            imap.logout()
            victim = dice.choice((a, b))
            victim.kill()
            if is_cut:
                lab.heal("a", "b")
            time.sleep(dice.random())
            victim.start()
        wait_equal([a, b])
        here, there = read_all(a, USERS), read_all(b, USERS)
        assert here == there, "clients see something else on the replica"
        for user, token in tokens:
            bodies = [body for _, body in here[user, "INBOX"][1] if f"<{token}@".encode() in body]
            assert len(bodies) == 1, f"{token} of {user} is there {len(bodies)} times"
        for server in (a, b):
            assert server.verify() == [], server.verify()
        print(f"{len(tokens)} accepted, {sum(len(m) for _, m in here.values())} messages on both")


main()

#!/usr/bin/env python3
"""Split brains of three servers, each with channels to the others: links are cut, a second primary is
promoted, both take mail and changes by LMTP and IMAP, one may be killed with -9; then the links heal.

    split_test.py [--rounds N] [--seed N] [--delay-ms N]

They must become one by themselves: one primary, the same for clients of all three, each message that
was accepted there once, what was expunged on either side gone, each flag that was set on either
side there, mailboxes of both. Needs root.
"""

import argparse
import random
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from lab import Lab, ServerError, letter, read_all, wait_equal  # noqa: E402

NAMES = ["a", "b", "c"]
USERS = ["ann", "ben"]
DELIVERIES, FLAGGED, EXPUNGED = 12, 6, 2
SUBJECT = re.compile(rb"Subject: (\S+)")
KEYWORDS = re.compile(rb"FLAGS \(([^)]*)\)")


def alike(head):
    """Flags in one order, and without \\Recent, which a server claims before it tells the others."""
    flags = set(KEYWORDS.search(head)[1].split()) - {b"\\Recent"}
    return KEYWORDS.sub(lambda _: b"FLAGS (%s)" % b" ".join(sorted(flags)), head)


def shared(seen):
    return {key: (numbers, [(alike(head), body) for head, body in rows])
            for key, (numbers, rows) in seen.items()}


class Expected:
    """What clients were told: for each user the messages of INBOX and their keywords, and the other
    mailboxes with what is in each."""

    def __init__(self):
        self.messages = {user: {} for user in USERS}
        self.mailboxes = {user: {} for user in USERS}

    def errors(self, seen):
        wrong = []
        for user in USERS:
            found = {}
            for head, body in seen[user, "INBOX"][1]:
                token = SUBJECT.search(body)[1].decode()
                if token in found:
                    wrong.append(f"{token} of {user} is there twice")
                found[token] = set(KEYWORDS.search(head)[1].decode().split())
            for token, keywords in self.messages[user].items():
                if token not in found:
                    wrong.append(f"{token} of {user} is lost")
                elif missing := keywords - found[token]:
                    wrong.append(f"{token} of {user} lacks {missing}")
            wrong += [f"{token} of {user} is back, or was never there"
                      for token in found.keys() - self.messages[user].keys()]
            for name, token in self.mailboxes[user].items():
                bodies = [body for _, body in seen.get((user, name), (None, []))[1]]
                if [SUBJECT.search(body)[1].decode() for body in bodies] != [token]:
                    wrong.append(f"{name} of {user} does not hold {token} alone")
        return wrong


class Side:
    """The clients of one primary, and what it has accepted from them."""

    def __init__(self, server, label, past, dice):
        self.server, self.label, self.dice = server, label, dice
        self.past = {user: sorted(messages) for user, messages in past.items()}
        self.delivered = {user: [] for user in USERS}
        self.flagged = {user: [] for user in USERS}
        self.expunged = {user: [] for user in USERS}
        self.mailboxes = {user: {} for user in USERS}

    def deliver(self, count):
        for number in range(count):
            users = self.dice.sample(USERS, self.dice.randint(1, len(USERS)))
            token = f"{self.label}-{time.monotonic_ns()}-{number}"
            for user, code in zip(users, self.server.deliver(users, letter(token))):
                if code == 250:
                    self.delivered[user].append(token)

    def change(self, user):
        imap = self.server.imap(user)
        imap.select("INBOX")
        for token in self.dice.sample(self.past[user], min(FLAGGED, len(self.past[user]))):
            (found,) = imap.uid("search", "HEADER", "Subject", token)[1]
            if imap.uid("store", found.decode(), "+FLAGS", f"({self.label})")[0] == "OK":
                self.flagged[user].append(token)
        for token in self.dice.sample(self.past[user], min(EXPUNGED, len(self.past[user]))):
            (found,) = imap.uid("search", "HEADER", "Subject", token)[1]
            imap.uid("store", found.decode(), "+FLAGS", "(\\Deleted)")
            if imap.uid("expunge", found.decode())[0] == "OK":
                self.expunged[user].append(token)
        name, token = f"of-{self.label}", f"in-{self.label}"
        if imap.create(name)[0] == "OK" and imap.append(name, None, None, letter(token))[0] == "OK":
            self.mailboxes[user][name] = token
        imap.logout()

    def work(self):
        self.deliver(DELIVERIES)
        for user in USERS:
            self.change(user)
        self.deliver(DELIVERIES)

    def settle(self, expected):
        for user in USERS:
            for token in self.delivered[user]:
                expected.messages[user].setdefault(token, set())
            for token in self.flagged[user]:
                if token in expected.messages[user]:
                    expected.messages[user][token].add(self.label)
            expected.mailboxes[user] |= self.mailboxes[user]


class Trial:
    def __init__(self, lab, dice):
        self.lab, self.dice, self.expected = lab, dice, Expected()
        self.servers = {name: lab.server(name, "primary" if name == "a" else "replica",
                                         [other for other in NAMES if other != name])
                        for name in reversed(NAMES)}
        self.primary = "a"
        for user in USERS:
            self.servers["a"].add_user(user)
        first = Side(self.servers["a"], "first", {user: [] for user in USERS}, dice)
        first.deliver(DELIVERIES)
        first.settle(self.expected)
        wait_equal(list(self.servers.values()))

    def round(self, number):
        old = self.primary
        new, third = self.dice.sample([name for name in NAMES if name != old], 2)
        ways = [(old, new)]
        ways.append((old, third) if self.dice.random() < 0.5 else (new, third))
        for way in ways:
            self.lab.cut(*way)
        self.servers[new].gemel("promote", "--force")
        sides = [Side(self.servers[name], f"r{number}{name}", self.expected.messages,
                      random.Random(self.dice.random())) for name in (old, new)]
        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(side.work) for side in sides]:
                done.result()
        killed = self.dice.choice([*NAMES, None])
        if killed:
            self.servers[killed].kill()
        for way in ways:
            self.lab.heal(*way)
        if killed:
            time.sleep(self.dice.random())
            self.servers[killed].start()
        for side in sides:
            side.settle(self.expected)
        for side in sides:
            for user in USERS:
                for token in side.expunged[user]:
                    self.expected.messages[user].pop(token, None)
        started = time.monotonic()
        wait_equal(list(self.servers.values()))
        self.check(f"round {number}: {old} and {new} apart{f', {killed} killed' if killed else ''}; "
                   f"one again after {time.monotonic() - started:.1f} s")
        self.primary = new

    def check(self, words):
        roles = [server.status()["role"] for server in self.servers.values()]
        wrong = [] if roles.count("primary") == 1 else [f"roles are {roles}"]
        seen = {name: shared(read_all(server, USERS)) for name, server in self.servers.items()}
        for name in NAMES[1:]:
            wrong += [f"{name} shows of {key} {seen[name].get(key)}, not {seen['a'].get(key)}"[:800]
                      for key in sorted(seen[name].keys() | seen["a"].keys())
                      if seen[name].get(key) != seen["a"].get(key)]
        wrong += self.expected.errors(seen["a"])
        for name, server in self.servers.items():
            wrong += [f"{name}: {problem}" for problem in server.verify()]
        count = sum(map(len, self.expected.messages.values()))
        print(f"{words}; {count} messages", flush=True)
        if wrong:
            raise ServerError("\n".join(wrong[:20]))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--delay-ms", type=float, default=10)
    options = parser.parse_args()
    with Lab(NAMES, options.delay_ms) as lab:
        trial = Trial(lab, random.Random(options.seed))
        try:
            for number in range(options.rounds):
                trial.round(number)
        except ServerError as error:
            print(f"FAILED: {error}")
            return 1
    print(f"{options.rounds} split brains: nothing accepted was lost, and all three are the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""kill -9 of a primary and its replica under load, again and again.

    kill_test.py [--rounds N] [--seed N] [--keep DIR]
    kill_test.py --soak SECONDS [--rounds N]     rounds of so long a load, without kills

After each kill, and with what the clients know from the servers' answers alone:
- nothing that was acknowledged is lost, on the primary at once and on the replica once they are in
  step; no UID names another message than before; nothing that was expunged comes back;
- both sides verify, bodies included, and reach the same digest; at the end, the same dump.
"""

import argparse
import imaplib
import random
import re
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))
from gemel_server import Lmtp, Pair, ServerError  # noqa: E402

LOAD_S = (0.4, 2.5)  # between two kills
DELIVERERS, READERS = 2, 3
LOST = (OSError, imaplib.IMAP4.abort, ConnectionError, EOFError, ServerError)


class Message:
    """What its clients know of one message. None: an answer was lost, so both are right."""

    def __init__(self, user, mailbox, alive):
        self.user, self.mailbox, self.alive = user, mailbox, alive
        self.flagged = False
        self.uid = None  # (uidvalidity, uid), where the server said so


class Knowledge:
    """All messages by token, and the load's pause. Threads: any."""

    def __init__(self):
        self.lock = threading.Lock()
        self.messages = {}
        self.counts = {}
        self.running = threading.Event()
        self.stopped = False
        self.idle = threading.Semaphore(0)

    def add(self, token, message):
        with self.lock:
            self.messages[token] = message

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1


def letter(token, size):
    line = f"{token} lorem ipsum dolor sit amet\r\n"
    return (f"From: a@example.org\r\nSubject: {token}\r\nX-Token: {token}\r\n"
            f"Message-ID: <{token}@example.org>\r\n\r\n" + line * (size // len(line) + 1)).encode()


class Worker(threading.Thread):
    """Does steps while the load runs; a lost connection is opened anew."""

    def __init__(self, knowledge, pair, number):
        super().__init__(daemon=True)
        self.knowledge, self.pair, self.number = knowledge, pair, number
        self.random = random.Random(number)
        self.error = None
        self.serial = 0

    def token(self):
        self.serial += 1
        return f"t{self.number}-{self.serial}"

    def run(self):
        try:
            while not self.knowledge.stopped:
                self.knowledge.running.wait()
                try:
                    self.connect()
                    while self.knowledge.running.is_set():
                        self.step()
                    self.disconnect()
                except LOST:
                    time.sleep(0.05)
                if not self.knowledge.running.is_set():
                    self.knowledge.idle.release()
                    while not self.knowledge.running.is_set() and not self.knowledge.stopped:
                        time.sleep(0.01)
        except Exception as error:  # told by the main thread
            self.error = error
            self.knowledge.idle.release()
            raise


class Deliverer(Worker):
    """Delivers one message after another by LMTP, to one or more users."""

    def connect(self):
        self.lmtp = Lmtp(self.pair.primary.ports["lmtp"], 30)

    def disconnect(self):
        self.lmtp.socket.close()

    def step(self):
        users = self.random.sample([f"user{i}" for i in range(READERS)], self.random.randint(1, 2))
        token = self.token()
        mine = [Message(user, "INBOX", None) for user in users]
        for message in mine:
            self.knowledge.add(f"{token}/{message.user}", message)
        codes = self.lmtp.deliver(users, letter(token, self.random.choice((300, 5000, 90_000))))
        for message, code in zip(mine, codes):
            message.alive = code == 250
            self.knowledge.count("delivered" if code == 250 else f"delivery {code}")


class Reader(Worker):
    """A user's client: appends, flags, moves, copies and expunges in mailboxes of its own."""

    def __init__(self, knowledge, pair, number, user):
        super().__init__(knowledge, pair, number)
        self.user = user
        self.mine = []  # tokens in Work that are known to be there

    def connect(self):
        self.imap = self.pair.primary.imap(self.user)
        for name in ("Work", "Done"):
            self.imap.create(name)
        self.expect(self.imap.select("Work"))

    def disconnect(self):
        self.imap.logout()

    def expect(self, answer):
        if answer[0] != "OK":
            raise RuntimeError(f"{self.user}: {answer}")
        return answer

    def step(self):
        self.random.choice([self.append, self.append, self.flag, self.move, self.expunge])()

    def append(self):
        token = self.token()
        message = Message(self.user, "Work", None)
        self.knowledge.add(token, message)
        _, answer = self.expect(self.imap.append("Work", "", None, letter(token, 2000)))
        message.uid = tuple(map(int, re.search(rb"APPENDUID (\d+) (\d+)", answer[0]).groups()))
        message.alive = True
        self.mine.append(token)
        self.knowledge.count("appended")

    def take(self):
        """One of my messages that nobody else changes meanwhile."""
        if not self.mine:
            return None, None
        token = self.mine.pop(self.random.randrange(len(self.mine)))
        return token, self.knowledge.messages[token]

    def flag(self):
        token, message = self.take()
        if token is None:
            return
        message.flagged = None
        self.expect(self.imap.uid("STORE", str(message.uid[1]), "+FLAGS", "(\\Flagged $Crash)"))
        message.flagged = True
        self.mine.append(token)
        self.knowledge.count("flagged")

    def move(self):
        token, message = self.take()
        if token is None:
            return
        source, message.mailbox, message.uid = message.uid, None, None
        self.expect(self.imap.uid("MOVE", str(source[1]), "Done"))
        message.mailbox = "Done"
        self.knowledge.count("moved")

    def expunge(self):
        token, message = self.take()
        if token is None:
            return
        message.alive = None
        uid = str(message.uid[1])
        self.expect(self.imap.uid("STORE", uid, "+FLAGS.SILENT", "(\\Deleted)"))
        self.expect(self.imap.uid("EXPUNGE", uid))
        message.alive = False
        self.knowledge.count("expunged")


def read_side(server, users):
    """{(user, token): (mailbox, uidvalidity, uid, flags)} as an IMAP client sees it."""
    seen = {}
    for user in users:
        imap = server.imap(user)
        for mailbox in ("INBOX", "Work", "Done"):
            if imap.select(mailbox, readonly=True)[0] != "OK":
                continue
            validity = int(imap.response("UIDVALIDITY")[1][0])
            _, rows = imap.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[HEADER.FIELDS (X-TOKEN)])")
            for row in rows:
                if not isinstance(row, tuple):
                    continue
                uid = int(re.search(rb"UID (\d+)", row[0])[1])
                flags = re.search(rb"FLAGS \(([^)]*)\)", row[0])[1].decode().split()
                # What is recent a server claims before it tells the others.
                flags = sorted(set(flags) - {"\\Recent"})
                token = re.search(rb"X-Token: (\S+)", row[1], re.I)[1].decode()
                if (user, token, mailbox) in seen:
                    raise ServerError(f"{server.name}: {token} twice in {user}/{mailbox}")
                seen[user, token, mailbox] = (validity, uid, flags)
        imap.logout()
    return seen


def compare(knowledge, seen, name):
    """What the side shows against what the clients know: a list of complaints."""
    wrong = []
    for key, message in knowledge.messages.items():
        token = key.split("/")[0]
        places = {mailbox: seen[message.user, token, mailbox] for mailbox in ("INBOX", "Work", "Done")
                  if (message.user, token, mailbox) in seen}
        label = f"{name}: {message.user} {token}"
        if message.alive and len(places) != 1:
            wrong.append(f"{label}: acknowledged, and now in {list(places)}")
        elif message.alive is False and places:
            wrong.append(f"{label}: gone, and now in {list(places)}")
        for mailbox, (validity, uid, flags) in places.items():
            if message.mailbox not in (None, mailbox):
                wrong.append(f"{label}: in {mailbox}, not {message.mailbox}")
            if message.uid is not None and (validity, uid) != message.uid:
                wrong.append(f"{label}: uid {validity, uid}, was {message.uid}")
            if message.flagged is not None and message.flagged != ("\\Flagged" in flags):
                wrong.append(f"{label}: flagged should be {message.flagged}: {flags}")
    return wrong


class Test:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.users = [f"user{i}" for i in range(READERS)]
        self.knowledge = Knowledge()

    def run(self):
        with Pair(self.options.keep) as pair:
            self.pair = pair
            for user in self.users:
                pair.primary.add_user(user)
            self.workers = [Deliverer(self.knowledge, pair, i) for i in range(DELIVERERS)]
            self.workers += [Reader(self.knowledge, pair, 100 + i, user)
                             for i, user in enumerate(self.users)]
            for worker in self.workers:
                worker.start()
            for number in range(1, self.options.rounds + 1):
                self.round(number)
            self.knowledge.stopped = True
            self.knowledge.running.set()
            if pair.primary.dump() != pair.replica.dump():
                raise ServerError("the dumps differ")
        print(f"{self.options.rounds} rounds: nothing acknowledged was lost")

    def round(self, number):
        victims = [] if self.options.soak else self.random.choice([[0], [1], [0, 1]])
        self.knowledge.running.set()
        time.sleep(self.options.soak or self.random.uniform(*LOAD_S))
        for index in victims:
            self.pair.sides[index].kill()
        time.sleep(self.random.uniform(0, 0.3))
        for index in victims:
            self.pair.sides[index].start()
        time.sleep(self.random.uniform(0, 0.5))
        self.pause()
        wrong = compare(self.knowledge, read_side(self.pair.primary, self.users), "primary")
        self.pair.wait_equal()
        wrong += compare(self.knowledge, read_side(self.pair.replica, self.users), "replica")
        for side in self.pair.sides:
            wrong += [f"{side.name}: {problem}" for problem in side.verify()]
        names = " and ".join(self.pair.sides[index].name for index in victims) or "none"
        counts = ", ".join(f"{value} {key}" for key, value in sorted(self.knowledge.counts.items()))
        memory = ", ".join(f"{side.name} {side.memory_kb() >> 10} MiB" for side in self.pair.sides)
        print(f"round {number}: killed {names}; {memory}; {counts}", flush=True)
        if wrong:
            raise ServerError("\n".join(wrong[:20]))

    def pause(self):
        self.knowledge.running.clear()
        for _ in self.workers:
            if not self.knowledge.idle.acquire(timeout=120):
                raise ServerError("a client hangs")
        for worker in self.workers:
            if worker.error is not None:
                raise worker.error


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", metavar="DIR")
    parser.add_argument("--soak", type=float, default=0, metavar="SECONDS")
    test = Test(parser.parse_args())
    try:
        test.run()
    except ServerError as error:
        print(f"FAILED: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

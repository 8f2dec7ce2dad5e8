"""The part of scripts/demo that runs when everything is built; see there."""

import argparse
import imaplib
import queue
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from gemel_server import CHANNEL, GEMEL, HOST, Lmtp, Server, ServerError, free_ports

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "gemel-demo"
USERS = ("anna", "boris", "chiyo")
EQUAL_S_MAX = 300
POLL_S = 0.004
WIDTH = 52
SCREEN = sys.stdout.isatty()


# --- two servers, and a link with TLS --------------------------------------------------------

def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_certificates(directory):
    """A certification authority of our own, and a certificate for localhost by it."""
    ca, ca_key = directory / "ca.pem", directory / "ca.key"
    key, request, certificate = (directory / f"localhost.{end}" for end in ("key", "csr", "pem"))
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "30", "-subj", "/CN=Gemel demo CA", "-keyout", ca_key, "-out", ca,
            "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", "/CN=localhost", "-keyout", key, "-out", request)
    names = directory / "names.ext"
    names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"
                     "extendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
            "-days", "30", "-extfile", names, "-out", certificate)
    return ca, certificate, key


def chosen_ports(wanted):
    """`wanted` if all of them are free, else any."""
    for port in wanted:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                return free_ports(len(wanted))
    return list(wanted)


class Pair:
    def __init__(self, directory):
        ca, certificate, key = make_certificates(directory)
        self.sides = []
        for name, role, base in (("replica", "replica", 2), ("primary", "primary", 1)):
            imap, imaps, lmtp, sync = chosen_ports(
                [base * 1000 + end for end in (143, 993, 24, 5)])
            more = {"imap": {"listen_tls": [f"{HOST}:{imaps}"]},
                    "tls": {"certificate": str(certificate), "key": str(key)},
                    "sync": {"tls": "always"},
                    "users": {"mailboxes": {"Sent": "\\Sent", "Drafts": "\\Drafts",
                                            "Trash": "\\Trash"}}}
            channel = None if role == "replica" else {
                "host": "localhost", "port": self.sides[0].ports["sync"], "tls": "required",
                "ca_file": str(ca)}
            server = Server(name, role, directory / name, channel, more=more,
                            ports={"imap": imap, "lmtp": lmtp, "sync": sync})
            server.imaps = imaps
            self.sides.append(server)
        self.replica, self.primary = self.sides
        self.trust = ssl.create_default_context(cafile=str(ca))

    def start(self):
        for side in self.sides:
            side.start(start_new_session=True)

    def stop(self):
        for side in reversed(self.sides):
            try:
                side.stop()
            except ServerError as error:
                print(error)

    def imap(self, user, side=None):
        connection = imaplib.IMAP4_SSL("localhost", (side or self.primary).imaps,
                                       ssl_context=self.trust, timeout=120)
        connection.login(user, PASSWORD)
        return connection

    def digests(self):
        return [side.digest() for side in (self.primary, self.replica)]

    def channel(self):
        return self.primary.status()["channels"][CHANNEL]


# --- the table -------------------------------------------------------------------------------

class Table:
    """A line for each step. On a screen the line under way is shown all the time."""

    def __init__(self, pair):
        self.pair = pair
        self.number = 0
        self.all_equal = True
        print(f"{'step':<{WIDTH}} {'round trips':>11} {'bytes up':>11} {'bytes down':>10} "
              f"{'took s':>7} {'lag ms':>8}  sides")

    def live(self, title, words):
        if SCREEN:
            print(f"\r\x1b[2K{self.number:2} {title:<{WIDTH - 3}} {words}", end="", flush=True)

    def line(self, title, before, took_s, lag_s, equal):
        after = self.pair.channel()
        moved = [after[key] - before[key] for key in ("round_trips", "bytes_up", "bytes_down")]
        # The channel counts anew when the primary starts anew.
        shown = [f"{value:,}" if value >= 0 else "-" for value in moved]
        lag = f"{lag_s * 1000:,.0f}" if equal else "-"
        start = "\r\x1b[2K" if SCREEN else ""
        print(f"{start}{self.number:2} {title:<{WIDTH - 3}} {shown[0]:>11} {shown[1]:>11} "
              f"{shown[2]:>10} {took_s:>7.2f} {lag:>8}  {'equal' if equal else 'DIFFERENT'}",
              flush=True)

    def step(self, title, action):
        """Runs `action` in a thread while the channel is watched; then waits for equal sides."""
        self.number += 1
        before = self.pair.channel()
        outcome = queue.Queue()

        def work():
            try:
                outcome.put(action())
            except Exception as error:  # shown by the main thread
                outcome.put(error)

        began = time.monotonic()
        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        while worker.is_alive():
            worker.join(0.2)
            self.watch(title, before, began)
        done = time.monotonic()
        result = outcome.get()
        if isinstance(result, Exception):
            raise result
        equal = self.wait_equal(title, before, done)
        self.all_equal = self.all_equal and equal
        self.line(f"{title}{result or ''}"[:WIDTH - 3], before, done - began,
                  time.monotonic() - done, equal)

    def watch(self, title, before, began):
        if not SCREEN:
            return
        try:
            now = self.pair.channel()
        except (ServerError, OSError, ValueError):
            return
        self.live(title, f"{now['round_trips'] - before['round_trips']:>11,} "
                         f"{now['bytes_up'] - before['bytes_up']:>11,} {'':>10} "
                         f"{time.monotonic() - began:>7.1f} {now['lag_seconds'] * 1000:>8,.0f}  "
                         f"{now['changes_behind']} behind")

    def wait_equal(self, title, before, since):
        polls = 0
        while time.monotonic() - since < EQUAL_S_MAX:
            digests = self.pair.digests()
            if digests[0] == digests[1]:
                return True
            polls += 1
            if polls % 50 == 0:
                self.watch(title, before, since)
            time.sleep(POLL_S)
        return False


# --- what people do --------------------------------------------------------------------------

def expect(answer):
    if answer[0] != "OK":
        raise ServerError(f"the server refused: {answer}")
    return answer[1]


def messages_of_samples():
    return [path.read_bytes() for path in sorted((ROOT / "share/sample-mail").glob("*.eml"))]


class People:
    """The steps, in order: each is a title and a function that may return words for the title."""

    def __init__(self, pair, mail):
        self.pair, self.mail = pair, mail
        self.random = random.Random(7)
        self.sent = 0

    def steps(self):
        yield "three users", self.add_users
        if self.mail is None:
            yield "sample mail comes in by LMTP", self.deliver_samples
        else:
            yield "your mail is imported for anna", self.import_mail
            yield "some sample mail comes in by LMTP", self.deliver_some
        yield "one new message", self.deliver_one
        yield "one message is read", lambda: self.flag("1", "+FLAGS", "(\\Seen)")
        yield "all of INBOX is read at once", lambda: self.flag("1:*", "+FLAGS", "(\\Seen)")
        yield "some are flagged, one gets a keyword", self.flag_some
        yield "new mailboxes, and subscriptions", self.new_mailboxes
        yield "a third is copied to Projects/Harbour", lambda: self.take("COPY", 3, "Projects/Harbour")
        yield "a third is moved to Archive", lambda: self.take("MOVE", 3, "Archive")
        yield "Archive becomes Old/Archive", lambda: self.rename("Archive", "Old/Archive")
        yield "an answer is kept in Sent", self.keep_sent
        yield "some are deleted and expunged", self.expunge
        yield "one message to all three at once", self.deliver_to_all
        yield "a mailbox is deleted", lambda: self.delete_mailbox("Lists")
        yield "a busy minute: 4 deliverers, 3 readers", self.busy
        yield "the replica is killed, mail goes on, it returns", self.lose_replica

    def add_users(self):
        for user in USERS:
            self.pair.primary.add_user(user, PASSWORD)

    def deliver_samples(self):
        messages = messages_of_samples()
        with Lmtp(self.pair.primary.ports["lmtp"]) as lmtp:
            taken = [lmtp.deliver([USERS[i % 3]], message) for i, message in enumerate(messages)]
        return f" ({sum(codes == [250] for codes in taken)})"

    def deliver_some(self):
        with Lmtp(self.pair.primary.ports["lmtp"]) as lmtp:
            for user in USERS:
                for message in messages_of_samples()[:20]:
                    lmtp.deliver([user], message)

    def import_mail(self):
        return f" ({self.pair.primary.gemel('import', 'anna', self.mail).strip().splitlines()[-1]})"

    def letter(self, lines=20):
        self.sent += 1
        body = "\r\n".join("We could walk out to the point and have lunch there." for _ in range(lines))
        return (f"From: Ruth Ambler <ruth@example.net>\r\nTo: harbour@example.org\r\n"
                f"Subject: Lunch {self.sent}\r\nMessage-ID: <lunch.{self.sent}@example.net>\r\n"
                f"Date: Wed, 05 Jun 2024 10:{self.sent % 60:02}:00 +0100\r\n\r\n{body}\r\n").encode()

    def deliver_one(self):
        self.pair.primary.deliver(["anna"], self.letter())

    def deliver_to_all(self):
        self.pair.primary.deliver(list(USERS), self.letter(4000))

    def flag(self, messages, how, flags, user="anna"):
        with self.pair.imap(user) as imap:
            expect(imap.select("INBOX"))
            expect(imap.store(messages, how, flags))

    def flag_some(self):
        with self.pair.imap("anna") as imap:
            count = int(expect(imap.select("INBOX"))[0])
            some = ",".join(map(str, range(1, count + 1, 7)))
            expect(imap.store(some, "+FLAGS.SILENT", "(\\Flagged)"))
            expect(imap.store("2", "+FLAGS", "(\\Answered $Important)"))

    def new_mailboxes(self):
        with self.pair.imap("anna") as imap:
            for name in ("Archive", "Projects", "Projects/Harbour", "Lists", "Lists/Bees"):
                expect(imap.create(name))
                expect(imap.subscribe(name))

    def take(self, command, nth, target):
        with self.pair.imap("anna") as imap:
            expect(imap.select("INBOX"))
            uids = expect(imap.uid("SEARCH", "ALL"))[0].decode().split()[::nth]
            expect(imap.uid(command, ",".join(uids), target))
            return f" ({len(uids)})"

    def rename(self, old, new):
        with self.pair.imap("anna") as imap:
            expect(imap.rename(old, new))

    def delete_mailbox(self, name):
        with self.pair.imap("anna") as imap:
            expect(imap.delete(name))
            expect(imap.unsubscribe(name))

    def keep_sent(self):
        with self.pair.imap("anna") as imap:
            expect(imap.append("Sent", "\\Seen", None, self.letter()))

    def expunge(self):
        with self.pair.imap("boris") as imap:
            count = int(expect(imap.select("INBOX"))[0])
            some = f"{count // 2 + 1}:{min(count, count // 2 + 20)}"
            expect(imap.store(some, "+FLAGS.SILENT", "(\\Deleted)"))
            return f" ({len(expect(imap.expunge()))})"

    def busy(self, seconds=6):
        """Everybody at once."""
        until = time.monotonic() + seconds
        counts = []

        def deliverer(index):
            with Lmtp(self.pair.primary.ports["lmtp"]) as lmtp:
                while time.monotonic() < until:
                    counts.append(lmtp.deliver([USERS[index % 3]], self.letter()))

        def reader(user):
            chance = random.Random(user)
            with self.pair.imap(user) as imap:
                while time.monotonic() < until:
                    count = int(expect(imap.select("INBOX"))[0])
                    expect(imap.store(str(chance.randint(1, count)), chance.choice(("+FLAGS", "-FLAGS")),
                                      "(\\Flagged \\Seen)"))
        workers = [threading.Thread(target=deliverer, args=[i]) for i in range(4)]
        workers += [threading.Thread(target=reader, args=[user]) for user in USERS]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return f" ({len(counts)} delivered)"

    def lose_replica(self):
        self.pair.replica.kill()
        self.deliver_one()
        self.flag("1:*", "-FLAGS", "(\\Flagged)", "chiyo")
        self.rename("Old/Archive", "Archive")
        self.pair.replica.start(start_new_session=True)


# --- the end -----------------------------------------------------------------------------------

def compare_dumps(pair, directory):
    """The whole content of both, line by line, by the tool; and each side against its invariants."""
    names = []
    for side in (pair.primary, pair.replica):
        names.append(directory / f"{side.name}.dump")
        names[-1].write_text(side.gemel("dump"))
        problems = side.verify()
        print(f"   gemel verify on the {side.name}: {len(problems)} problems")
        if problems:
            return False
    if names[0].read_bytes() == names[1].read_bytes():
        print(f"   gemel dump: {names[0].read_text().count(chr(10))} lines, the same on both sides")
        return True
    shown = subprocess.run(["diff", *map(str, names)], capture_output=True, text=True, check=False)
    print("   gemel dump DIFFERS:\n" + shown.stdout[:2000])
    return False


def say_how_to_log_in(pair, directory):
    print(f"\nUse your own mail client on either side; the password of {', '.join(USERS)} is {PASSWORD}\n")
    for side in (pair.primary, pair.replica):
        what = "read and write" if side.role == "primary" else "the replica: reading only"
        print(f"  {side.name}: IMAP {HOST} port {side.ports['imap']} (no TLS, or STARTTLS), "
              f"port {side.imaps} (TLS)   {what}")
    print(f"""
  certificates by {directory}/ca.pem (your client will ask, or trust that file)
  deliver a message:  with swaks:
    swaks --protocol LMTP --server {HOST}:{pair.primary.ports['lmtp']} --to anna --from you@example.org
  look inside:        {GEMEL} --socket {pair.primary.admin_socket} status
""")


def stay(pair):
    """Shows what you change, until Ctrl-C."""
    print("Waiting for your changes; Ctrl-C ends it.", flush=True)
    before, digest = pair.channel(), pair.digests()[0]
    while True:
        time.sleep(0.2)
        digests = pair.digests()
        if digests[0] == digest:
            continue
        since = time.monotonic()
        while digests[0] != digests[1] and time.monotonic() - since < EQUAL_S_MAX:
            time.sleep(POLL_S)
            digests = pair.digests()
        after = pair.channel()
        print(f"{time.strftime('%H:%M:%S')}  a change crossed: "
              f"{after['round_trips'] - before['round_trips']} round trips, "
              f"{after['bytes_up'] - before['bytes_up']:,} bytes up, "
              f"{after['bytes_down'] - before['bytes_down']:,} down; "
              f"{'equal' if digests[0] == digests[1] else 'DIFFERENT'}", flush=True)
        before, digest = after, digests[0]


def run(options, directory):
    pair = Pair(directory)
    try:
        print(f"two servers start in {directory}; their link has TLS and SCRAM-SHA-256", flush=True)
        pair.start()
        table = Table(pair)
        people = People(pair, options.mail)
        for title, action in people.steps():
            table.step(title, action)
        print()
        same = compare_dumps(pair, directory) and table.all_equal
        print("\nBoth sides are EQUAL." if same else "\nThe sides DIFFER.", flush=True)
        if options.once:
            return 0 if same else 1
        say_how_to_log_in(pair, directory)
        stay(pair)
    finally:
        pair.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--mail")
    options = parser.parse_args()
    for ending in (signal.SIGTERM, signal.SIGHUP):  # also when the terminal is closed
        signal.signal(ending, lambda *_: sys.exit(1))
    directory = options.dir or Path(tempfile.mkdtemp(prefix="gemel-demo-"))
    directory.mkdir(parents=True, exist_ok=True)
    if re.search(r'["\\]', str(directory)):
        parser.error("a directory without quotes and backslashes, please")
    try:
        return run(options, directory)
    except KeyboardInterrupt:
        print("\nended")
        return 0
    except (ServerError, OSError, imaplib.IMAP4.error) as error:
        print(f"\nFAILED: {error}")
        return 1
    finally:
        if options.dir is None:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Hand-over, fail-over and chains: whole servers that change roles under their clients."""

import imaplib
import json
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from gemel_server import CHANNEL, HOST, PASSWORD, Server, ServerError, wait_until

MESSAGE = b"From: ida@example.org\r\nSubject: hello\r\n\r\n" + b"hello\r\n" * 50


def twins(test, prepare=lambda server: None):
    """Two servers, each with a channel to the other; the first is the primary. `prepare` is told of
    each before it starts."""
    one, two = Server("one", "primary"), Server("two", "replica")
    one.channel = {"host": HOST, "port": two.ports["sync"]}
    two.channel = {"host": HOST, "port": one.ports["sync"]}
    for server in (one, two):
        prepare(server)
    test.enterContext(two)
    test.enterContext(one)
    one.add_user("ann")
    wait_equal(one, two)
    return one, two


def select(imap, mailbox="INBOX"):
    """SELECT that takes what it gets: imaplib's own raises an error when that is read-only."""
    imap.is_readonly = True
    kind, data = imap._simple_command("SELECT", mailbox)
    assert kind == "OK", data
    imap.state = "SELECTED"


def wait_equal(*servers):
    wait_until(lambda: len({server.digest() for server in servers}) == 1,
               lambda: "\n".join(server.log_end() for server in servers))


class Failover(unittest.TestCase):
    def setUp(self):
        self.one, self.two = twins(self)

    def deliver(self, server, count=1):
        for _ in range(count):
            self.assertEqual(server.deliver(["ann"], MESSAGE), [250])

    def selected(self, server):
        imap = self.enterContext(server.imap("ann"))
        select(imap)
        return imap

    def test_a_planned_hand_over_and_back(self):
        self.deliver(self.one, 3)
        before, after = self.one, self.two
        for _ in range(2):
            wait_equal(before, after)
            old, new = self.selected(before), self.selected(after)
            self.assertEqual(old.store("1", "+FLAGS", r"(\Flagged)")[0], "OK")
            self.assertEqual(new.store("1", "+FLAGS", r"(\Flagged)")[0], "NO")
            started = time.monotonic()
            before.gemel("demote")
            # Refused at once, in a session that was there before.
            answer = old.store("2", "+FLAGS", r"(\Answered)")
            self.assertEqual(answer[0], "NO", answer)
            self.assertTrue(all(400 <= code < 500 for code in before.deliver(["ann"], MESSAGE)))
            self.assertEqual(before.digest(), after.digest())  # nothing was left behind
            after.gemel("promote")
            print(f"hand-over: {time.monotonic() - started:.2f} s")
            answer = new.store("2", "+FLAGS", r"(\Answered)")
            self.assertEqual(answer[0], "OK", answer)
            self.deliver(after)
            wait_equal(before, after)
            self.assertEqual(after.status()["role"], "primary")
            self.assertEqual(before.status()["role"], "replica")
            self.assertEqual(after.status()["term"], before.status()["term"])
            before, after = after, before
        self.assertEqual(self.one.verify() + self.two.verify(), [])
        self.assertEqual(self.one.dump(), self.two.dump())

    def test_nobody_is_promoted_beside_a_primary_that_lives(self):
        for arguments in ([], ["--dry-run"]):
            with self.assertRaisesRegex(ServerError, "is connected and was heard .* --force"):
                self.two.gemel("promote", *arguments)
        self.assertEqual(self.two.status()["role"], "replica")
        self.assertEqual(self.one.status()["role"], "primary")
        said = self.two.gemel("promote", "--dry-run", "--force")
        self.assertRegex(said, "this server would be a primary in term 2-")
        self.assertIn("0 changes unsent", said)
        self.assertEqual(self.two.status()["role"], "replica")

    def test_force_cuts_a_live_primary_off(self):
        old = self.selected(self.one)
        self.two.gemel("promote", "--force")
        wait_until(lambda: self.one.status()["role"] == "replica", self.one.log_end)
        self.assertEqual(old.create("Mine")[0], "NO")
        self.deliver(self.two)
        wait_equal(self.one, self.two)

    def test_a_dead_primary_is_followed_and_comes_back_as_a_replica(self):
        self.deliver(self.one, 2)
        wait_equal(self.one, self.two)
        self.one.kill()
        wait_until(lambda: not self.upstreams(self.two), self.two.log_end)
        self.two.gemel("promote")
        self.deliver(self.two, 2)
        self.one.start()
        wait_until(lambda: self.one.status()["role"] == "replica", self.one.log_end)
        self.assertTrue(all(400 <= code < 500 for code in self.one.deliver(["ann"], MESSAGE)))
        wait_equal(self.one, self.two)
        self.assertEqual(self.one.dump(), self.two.dump())
        # It stays so, whatever its configuration says of new stores.
        self.one.stop()
        self.one.start()
        self.assertEqual(self.one.status()["role"], "replica")

    def upstreams(self, server):
        return [row for row in server.admin("status")[0] if row["type"] == "upstream"]

    def test_demote_says_what_it_could_not_send(self):
        self.two.stop()
        self.deliver(self.one)
        with self.assertRaisesRegex(ServerError, "is a replica now, but not all was sent"):
            self.one.gemel("demote", "--wait", "0.2")
        self.assertEqual(self.one.status()["role"], "replica")
        self.two.start()
        wait_equal(self.one, self.two)  # it still sends what was made in its term

    def test_dry_runs_change_nothing(self):
        said = self.one.gemel("demote", "--dry-run")
        self.assertIn(f"channel {CHANNEL} to", said)
        self.assertRegex(said, "this server would be a replica in term 1-")
        self.deliver(self.one)
        rows = [json.loads(line) for line in
                self.one.gemel("--json", "demote", "--dry-run").splitlines()]
        self.assertEqual([row.get("type") for row in rows], ["channel", None])
        self.assertEqual(rows[-1]["role"], "replica")

    def test_the_standby_channel_says_why_it_is_quiet(self):
        channel = self.two.status()["channels"][CHANNEL]
        self.assertTrue(channel["apart"])
        self.assertRegex(channel["last_error"], "the other end is the primary")

    def test_clients_go_from_one_to_the_other_without_reloading(self):
        self.deliver(self.one, 5)
        with self.one.imap("ann") as imap:
            imap.enable("QRESYNC")
            imap.select("INBOX")
            imap.store("2", "+FLAGS", r"(\Seen)")
            validity = int(imap.response("UIDVALIDITY")[1][0])
            modseq = int(imap.response("HIGHESTMODSEQ")[1][0])
            imap.store("3", "+FLAGS", r"(\Deleted)")
            imap.expunge()
        mbsync = Mbsync(self)
        mbsync.run(self.one)
        self.assertEqual(mbsync.count(), 4)
        known = mbsync.state()
        self.one.gemel("demote")
        self.two.gemel("promote")
        # mbsync finds the same, and brings nothing.
        mbsync.run(self.two)
        self.assertEqual(mbsync.state(), known)
        # What was changed after the client's modseq, and that only, is told; then nothing is.
        with self.two.imap("ann") as imap:
            imap.enable("QRESYNC")
            imap.select(f"INBOX (QRESYNC ({validity} {modseq}))")
            self.assertEqual(imap.response("VANISHED")[1], [b"(EARLIER) 3"])
            self.assertEqual(len(imap.response("FETCH")[1]), 1)
            now = int(imap.response("HIGHESTMODSEQ")[1][0])
            imap.select(f"INBOX (QRESYNC ({validity} {now}))")
            self.assertEqual(imap.response("FETCH")[1], [None])
            self.assertEqual(imap.response("VANISHED")[1], [None])


class Mbsync:
    """A mirror of a user's mail that thinks of both servers as one."""

    def __init__(self, test):
        if not shutil.which("mbsync"):
            test.skipTest("mbsync is missing")
        self.test = test
        self.directory = Path(test.enterContext(tempfile.TemporaryDirectory()))
        self.box = self.directory / "mail"
        self.box.mkdir()

    def run(self, server):
        (self.directory / "mbsyncrc").write_text(
            f"IMAPAccount a\nHost {HOST}\nPort {server.ports['imap']}\nUser ann\nPass {PASSWORD}\n"
            "SSLType None\nAuthMechs LOGIN\n\nIMAPStore far\nAccount a\n\n"
            f"MaildirStore near\nPath {self.box}/\nInbox {self.box}/INBOX\nSubFolders Verbatim\n\n"
            "Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Near\nExpunge Both\nSyncState *\n")
        done = subprocess.run(["mbsync", "-c", str(self.directory / "mbsyncrc"), "-a"],
                              capture_output=True, text=True, timeout=60, check=False,
                              env={"HOME": str(self.directory), "PATH": "/usr/bin:/bin"})
        self.test.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def count(self):
        return len(list((self.box / "INBOX").glob("[cn]*/*")))

    def state(self):
        """The names of all files, flags and all, and what mbsync remembers."""
        return (sorted(path.name for path in (self.box / "INBOX").glob("[cn]*/*")),
                (self.box / "INBOX/.mbsyncstate").read_text())


class Chain(unittest.TestCase):
    """A sends to B, and B to C."""

    def setUp(self):
        self.c = Server("c", "replica")
        self.b = Server("b", "replica", channel={"host": HOST, "port": self.c.ports["sync"]})
        self.a = Server("a", "primary", channel={"host": HOST, "port": self.b.ports["sync"]})
        for server in (self.c, self.b, self.a):
            self.enterContext(server)
        self.a.add_user("ann")

    def test_changes_go_all_the_way(self):
        for _ in range(3):
            self.assertEqual(self.a.deliver(["ann"], MESSAGE), [250])
        wait_equal(self.a, self.b, self.c)
        self.assertEqual(self.a.status()["term"], self.c.status()["term"])
        self.assertEqual(self.a.dump(), self.c.dump())
        # A new term goes all the way too.
        self.a.gemel("demote")
        self.b.gemel("promote")
        self.assertEqual(self.b.deliver(["ann"], MESSAGE), [250])
        wait_equal(self.b, self.c)
        self.assertEqual(self.b.status()["term"], self.c.status()["term"])


class Heard(unittest.TestCase):
    """A replica has followed a primary that is lost; another one, which has not, is promoted."""

    def test_one_promotion_is_enough(self):
        follower = Server("follower", "replica")
        lost = Server("lost", "primary", channel={"host": HOST, "port": follower.ports["sync"]})
        other = Server("other", "replica", channel={"host": HOST, "port": follower.ports["sync"]})
        with follower, lost:
            lost.add_user("ann")
            lost.gemel("demote")
            lost.gemel("promote")
            self.assertEqual(lost.deliver(["ann"], MESSAGE), [250])
            wait_equal(lost, follower)
            lost.kill()
            follower.stop()
            with other:
                # It asks for long pauses only: it would hear too late.
                wait_until(lambda: other.status()["channels"][CHANNEL]["retry_in_seconds"] > 3,
                           other.log_end)
                follower.start()
                self.assertIn("NOBODY SENDS TO THIS REPLICA", follower.gemel("status"))
                other.gemel("promote")
                self.assertRegex(other.status()["term"], "^3-")
                wait_equal(follower, other)
                self.assertNotIn("NOBODY SENDS", follower.gemel("status"))
                self.assertEqual(other.deliver(["ann"], MESSAGE), [250])


class Replica(unittest.TestCase):
    """R29: all that writes is refused, with a code."""

    def test_refuses_everything_that_writes(self):
        one, two = twins(self)
        one.deliver(["ann"], MESSAGE)
        one.deliver(["ann"], MESSAGE)
        for mailbox in ("Box", "Gone"):
            one.admin("mailbox create", user="ann", mailbox=mailbox)
        one.admin("mailbox delete", user="ann", mailbox="Gone")
        with one.imap("ann") as imap:
            imap.select("INBOX")
            imap.store("2", "+FLAGS", r"(\Deleted)")
            imap.expunge()
        wait_equal(one, two)
        before = two.digest()
        with two.imap("ann") as imap:
            select(imap)
            commands = ["CREATE New", "DELETE Box", "RENAME Box Other", "SUBSCRIBE Box",
                        "UNSUBSCRIBE Box", "STORE 1 +FLAGS (\\Seen)", "UID STORE 1 +FLAGS (\\Seen)",
                        "COPY 1 Box", "UID COPY 1 Box", "MOVE 1 Box", "UID MOVE 1 Box", "EXPUNGE",
                        "UID EXPUNGE 1", "SETACL Box bob lrs", "DELETEACL Box ann",
                        'SETMETADATA Box (/shared/comment "x")',
                        'SETMETADATA "" (/private/comment "x")', 'SETQUOTA "" (STORAGE 5)']
            imaplib.Commands |= {command.split()[0]: ("SELECTED",) for command in commands}
            for command in commands:
                name, rest = command.split(" ", 1) if " " in command else (command, "")
                kind, data = imap._simple_command(name, *([rest] if rest else []))
                self.assertEqual(kind, "NO", command)
                self.assertRegex(data[0].decode(), r"^\[[A-Z]+\] ", command)
            kind, data = imap.append("INBOX", "", None, MESSAGE)
            self.assertEqual(kind, "NO")
            self.assertRegex(data[0].decode(), r"^\[[A-Z]+\] ")
            # Reading marks nothing.
            self.assertEqual(imap.fetch("1", "(BODY[])")[0], "OK")
            self.assertNotIn(rb"\Seen", imap.fetch("1", "(FLAGS)")[1][0])
        self.assertEqual(two.deliver(["ann"], MESSAGE), [451])
        for command, fields in (("user add", {"user": "bob", "password": "x"}),
                                ("user passwd", {"user": "ann", "password": "x"}),
                                ("user delete", {"user": "ann"}),
                                ("user move", {"user": "ann", "partition": "second"}),
                                ("mailbox create", {"user": "ann", "mailbox": "New"}),
                                ("mailbox rename", {"user": "ann", "mailbox": "Box", "to": "New"}),
                                ("mailbox delete", {"user": "ann", "mailbox": "Box"}),
                                ("acl set", {"user": "ann", "mailbox": "Box",
                                             "identifier": "bob", "rights": "lrs"}),
                                ("annotation set", {"user": "ann", "mailbox": "Box", "value": "x",
                                                    "entry": "/shared/comment"}),
                                ("quota set", {"user": "ann", "resource": "storage", "limit": 9}),
                                ("rule set", {"user": "ann", "mailbox": "Box", "rule": "days=1"}),
                                ("hold set", {"user": "ann", "until": "forever"}),
                                ("hold set", {"server": True, "until": "forever"}),
                                ("group create", {"group": "local.test"}),
                                ("undelete mailbox", {"user": "ann", "mailbox": "Gone"}),
                                ("undelete messages", {"user": "ann", "mailbox": "INBOX",
                                                       "uids": "2"}),
                                ("expire", {"expunged_days": 0})):
            with self.assertRaisesRegex(ServerError, "'code': 'read-only'", msg=command):
                two.admin(command, **fields)
        self.assertEqual(two.digest(), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)

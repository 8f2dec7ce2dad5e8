#!/usr/bin/env python3
"""Postfix and Exim before Gemel: each recipient of one message meets another end, and each end is
the right one; and the way back of what scripts answer. Needs root. Rows L01, L02 and M10 of the list
of cases."""

import os
import shutil
import smtplib
import unittest

from gemel_server import HOST, Server, free_ports, skip, wait_until
from mail_servers import EXIM, Exim, Postfix

MESSAGE = "Message-ID: <{}@example.net>\r\nSubject: {}\r\n\r\n.hello\r\n..\r\n"


def subjects(server, user):
    with server.imap(user) as imap:
        imap.select("INBOX", readonly=True)
        _, found = imap.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return [item[1].decode().strip().removeprefix("Subject: ")
                for item in found if isinstance(item, tuple)]


def bodies(server, user):
    with server.imap(user) as imap:
        imap.select("INBOX", readonly=True)
        _, found = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")
        return b"".join(item[1] for item in found if isinstance(item, tuple))


def set_quota(server, user, kib):
    with server.imap("root") as imap:
        answer = imap.setquota(user, f"(STORAGE {kib})")
        assert answer[0] == "OK", answer


class Mta:
    def send(self, name, users, sender="sam@example.org"):
        with smtplib.SMTP(HOST, self.mta.port, timeout=60) as smtp:
            smtp.sendmail(sender, [f"{user}@example.org" for user in users],
                          MESSAGE.format(name, name))

    def explain(self):
        return f"{self.mta.queued()}\n{self.mta.log()}\n{self.server.log_end()}"

    def setUp(self):
        # Nobody listens there, so the outbox stays as full as it is.
        nowhere = free_ports(1)[0]
        self.server = Server(services=("imap", "lmtp"))
        self.socket = self.server.directory / "lmtp.sock"
        self.server.more = {
            "": {"admins": ["root"]},
            "outgoing": {"relay": f"{HOST}:{nowhere}", "queue_max": 1},
            "lmtp": {"listen": [f"{HOST}:{self.server.ports['lmtp']}", f"unix:{self.socket}"]}}
        self.server.directory.chmod(0o755)  # the mail server runs as another user
        self.enterContext(self.server)
        for user in ("root", "ann", "bob", "cal", "dan", "sam", "filler"):
            self.server.add_user(user)
        for user, text in (("bob", 'require "reject"; reject "bob says no";'),
                           ("cal", 'require "copy"; redirect :copy "x@example.net";'),
                           ("filler", 'redirect "x@example.net";')):
            self.server.gemel("sieve", "put", user, "main", input=text)
            self.server.gemel("sieve", "activate", user, "main")
        self.mta = self.enterContext(self.make())

    def test_each_recipient_meets_an_end_of_its_own(self):  # L01
        self.assertEqual(self.server.deliver(["filler"], b"Subject: x\r\n\r\n"), [250])
        set_quota(self.server, "dan", 0)
        self.send("one", ["ann", "bob", "cal", "dan", "nobody", "ann+x"])
        wait_until(lambda: sorted(self.mta.queued()) == ["cal@example.org", "dan@example.org"],
                   self.explain)
        wait_until(lambda: b"nobody@example.org" in bodies(self.server, "sam")
                   and b"bob says no" in bodies(self.server, "sam"), self.explain)
        self.assertNotIn(b"cal@example.org", bodies(self.server, "sam"))
        # Two addresses of one mailbox: one message.
        self.assertEqual(subjects(self.server, "ann"), ["one"])
        self.assertEqual(subjects(self.server, "bob"), [])
        self.assertEqual(subjects(self.server, "cal") + subjects(self.server, "dan"), [])
        identifier = self.server.admin("outbox list")[0][0]["id"]
        self.server.gemel("outbox", "delete", identifier)
        set_quota(self.server, "dan", 100)
        wait_until(lambda: subjects(self.server, "cal") == subjects(self.server, "dan") == ["one"],
                   self.explain)
        wait_until(lambda: not self.mta.queued(), self.explain)
        self.assertEqual(subjects(self.server, "ann"), ["one"])
        self.assertIn(b"\r\n.hello\r\n..\r\n", bodies(self.server, "ann"))

    def test_nothing_is_lost_while_the_server_is_away(self):
        self.server.stop()
        self.send("away", ["ann", "sam"])
        self.server.start()
        wait_until(lambda: subjects(self.server, "ann") == subjects(self.server, "sam") == ["away"],
                   self.explain)

    def test_the_same_message_twice_is_filed_once(self):  # L02, M10
        for _ in range(2):
            self.send("same", ["ann"])
        self.send("other", ["ann"])
        wait_until(lambda: "other" in subjects(self.server, "ann") and not self.mta.queued(),
                   self.explain)
        self.assertEqual(sorted(subjects(self.server, "ann")), ["other", "same"])


class ByPostfix(Mta, unittest.TestCase):
    def make(self):
        return Postfix(self.server.ports["lmtp"])

    def setUp(self):
        if not shutil.which("postfix"):
            self.skipTest("no postfix")
        super().setUp()


class ByExim(Mta, unittest.TestCase):
    def make(self):
        return Exim(self.server.ports["lmtp"])

    def setUp(self):
        if not EXIM.exists():
            self.skipTest("no exim; see get-exim")
        super().setUp()


class ByEximOnASocket(ByExim):
    def make(self):
        return Exim(0, self.socket)


class VacationThroughPostfix(unittest.TestCase):
    """One Postfix brings the mail and takes the answers, as doc/delivery.md has it; it knows DSN."""

    def setUp(self):
        if not shutil.which("postfix"):
            self.skipTest("no postfix")
        self.server = Server(services=("imap", "lmtp"))
        self.mta = Postfix(self.server.ports["lmtp"])
        self.server.more = {
            "outgoing": {"relay": f"{HOST}:{self.mta.port}"},
            "lmtp": {"listen": [f"{HOST}:{self.server.ports['lmtp']}"]}}
        self.enterContext(self.server)
        for user in ("ann", "sam"):
            self.server.add_user(user)
        self.server.gemel("sieve", "put", "ann", "main", input=(
            'require "vacation"; vacation :addresses "ann@example.org" :days 1 "away until May";'))
        self.server.gemel("sieve", "activate", "ann", "main")
        self.enterContext(self.mta)

    def explain(self):
        return f"{self.mta.queued()}\n{self.mta.log()}\n{self.server.log_end()}"

    def send(self, name, sender, notify):
        with smtplib.SMTP(HOST, self.mta.port, timeout=60) as smtp:
            smtp.sendmail(sender, ["ann@example.org"],
                          f"From: {sender}\r\nTo: ann@example.org\r\n"
                          + MESSAGE.format(name, name), ["RET=HDRS"], [f"NOTIFY={notify}"])

    def is_at_rest(self):
        return not self.mta.queued() and not self.server.admin("outbox list")[0]

    def test_an_answer_goes_back_once_and_nothing_reports_on_it(self):
        for number, name in enumerate(("one", "two"), 1):
            self.send(name, "sam@example.org", "SUCCESS,FAILURE")
            wait_until(lambda: len(subjects(self.server, "ann")) == number, self.explain)
        wait_until(lambda: len(subjects(self.server, "sam")) == 3 and self.is_at_rest(),
                   self.explain)
        # A report on each message, as the sender wished, and one answer to both.
        got = subjects(self.server, "sam")
        self.assertEqual(got.count("Successful Mail Delivery Report"), 2, got)
        text = bodies(self.server, "sam")
        self.assertEqual(text.count(b"away until May"), 1)
        self.assertIn(b"\r\nAuto-Submitted: auto-replied", text)
        self.assertIn(b"\r\nIn-Reply-To: <one@example.net>\r\n", text)
        self.assertEqual(subjects(self.server, "ann"), ["one", "two"])

    def test_an_answer_that_nobody_takes_comes_back_to_nobody(self):
        self.send("one", "nobody@example.org", "NEVER")
        wait_until(lambda: "nobody@example.org" in self.mta.log() and "550" in self.mta.log()
                   and self.is_at_rest(), self.explain)
        self.assertEqual(subjects(self.server, "ann"), ["one"])
        self.assertEqual(subjects(self.server, "sam"), [])


if __name__ == "__main__":
    if os.geteuid() != 0:
        skip("not root")
    unittest.main()

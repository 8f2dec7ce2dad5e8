#!/usr/bin/env python3
"""Answers that wait for the replica: what clients see when it is there, away, and back."""

import poplib
import unittest
import warnings

from gemel_server import CHANNEL, HOST, PASSWORD, Pair, free_ports, wait_until

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import nntplib

MESSAGE = b"Subject: hi\r\n\r\nhello\r\n"


class Acknowledge(unittest.TestCase):
    def pair(self, **channel):
        pair = Pair(channel=channel, more={"acknowledge": {"wait_s": 1}})
        pair.primary.ports |= dict(zip(("pop3", "nntp"), free_ports(2)))
        self.enterContext(pair)
        pair.primary.add_user("ann")
        pair.wait_equal()
        return pair

    def channel(self, pair):
        return pair.primary.status()["channels"][CHANNEL]

    def test_an_answer_means_that_the_replica_has_it(self):
        for level in ("received", "durable", "applied"):
            pair = self.pair(acknowledge=level)
            for count in range(1, 6):
                self.assertEqual(pair.primary.deliver(["ann"], MESSAGE), [250])
                if level == "received":
                    pair.wait_equal()
                with pair.replica.imap("ann") as imap:
                    self.assertEqual(int(imap.select("INBOX", readonly=True)[1][0]), count)
            with pair.primary.imap("ann") as imap:
                imap.select("INBOX")
                self.assertEqual(imap.store("1:*", "+FLAGS", r"(\Deleted)")[0], "OK")
                self.assertEqual(imap.expunge()[0], "OK")
            if level != "received":
                self.assertEqual(pair.primary.digest(), pair.replica.digest())
            status = self.channel(pair)
            self.assertEqual((status["acknowledge"], status["acknowledge_away"],
                              status["unacknowledged"]), (level, False, 0))

    def test_what_a_replica_said_it_has_is_there_after_a_kill(self):
        """R30"""
        pair = self.pair(acknowledge="durable")
        for count in range(1, 8):
            self.assertEqual(pair.primary.deliver(["ann"], MESSAGE + b"x" * 50_000 * count), [250])
            pair.replica.kill()
            pair.primary.kill()  # nobody who could send it again
            pair.replica.start()
            with pair.replica.imap("ann") as imap:
                self.assertEqual(int(imap.select("INBOX", readonly=True)[1][0]), count)
                self.assertIn(b"x" * 50_000 * count, imap.fetch(str(count), "(BODY[])")[1][0][1])
            pair.primary.start()
            wait_until(lambda: self.channel(pair)["connected"], pair.primary.log_end)
        self.assertEqual(pair.replica.verify(), [])

    def test_degraded_goes_on_and_says_so(self):
        pair = self.pair(acknowledge="durable")
        pair.replica.kill()
        self.assertEqual(pair.primary.deliver(["ann"], MESSAGE), [250])  # after a wait
        self.assertEqual(pair.primary.deliver(["ann"], MESSAGE), [250])
        self.assertTrue(self.channel(pair)["acknowledge_away"])
        self.assertGreater(self.channel(pair)["unacknowledged"], 0)
        self.assertIn("DEGRADED: answers don't wait for it", pair.primary.gemel("status"))
        self.assertIn("go on without it", pair.primary.log.read_text())
        pair.replica.start()
        wait_until(lambda: not self.channel(pair)["acknowledge_away"], pair.primary.log_end)
        self.assertEqual(pair.primary.deliver(["ann"], MESSAGE), [250])
        pair.wait_equal()

    def test_refuse_takes_nothing_until_the_replica_is_back(self):
        pair = self.pair(acknowledge="durable", when_away="refuse")
        pair.replica.kill()
        wait_until(lambda: self.channel(pair)["acknowledge_away"], pair.primary.log_end)
        before = pair.primary.digest()
        self.assertEqual(pair.primary.deliver(["ann"], MESSAGE), [451])
        with pair.primary.imap("ann") as imap:
            self.assertEqual(imap.append("INBOX", "", None, MESSAGE)[0], "NO")
            kind, text = imap.create("Box")
            self.assertEqual(kind, "NO")
            self.assertIn(b"[UNAVAILABLE]", text[0])
            self.assertEqual(imap.select("INBOX")[0], "OK")  # reading goes on
        self.assertEqual(pair.primary.digest(), before)
        self.assertIn("AWAY: no changes are taken", pair.primary.gemel("status"))
        pair.replica.start()
        wait_until(lambda: not self.channel(pair)["acknowledge_away"], pair.primary.log_end)
        self.assertEqual(pair.primary.deliver(["ann"], MESSAGE), [250])

    def pop(self, pair, delete):
        """What is said to QUIT."""
        connection = poplib.POP3(HOST, pair.primary.ports["pop3"], timeout=60)
        connection.user("ann")
        connection.pass_(PASSWORD)
        connection.dele(delete)
        try:
            return connection.quit()
        except poplib.error_proto as error:
            connection.close()
            return error.args[0]

    def post(self, pair, number):
        with nntplib.NNTP(HOST, pair.primary.ports["nntp"], "ann", PASSWORD, timeout=60) as news:
            text = (f"From: a@example.org\r\nNewsgroups: test.one\r\nSubject: {number}\r\n"
                    f"Message-ID: <{number}@example.org>\r\n\r\nhello\r\n")
            try:
                return news.post(text.encode())
            except nntplib.NNTPError as error:
                return error.response

    def test_the_other_doors_wait_too(self):
        pair = self.pair(acknowledge="durable", when_away="refuse")
        pair.primary.gemel("group", "create", "test.one")
        for number in range(3):
            self.assertEqual(pair.primary.deliver(["ann"], MESSAGE + str(number).encode()), [250])
        for number in range(3):
            self.assertTrue(self.post(pair, number).startswith("240"))
            self.assertEqual(pair.primary.digest(), pair.replica.digest())
        self.assertTrue(self.pop(pair, 1).startswith(b"+OK"))
        self.assertEqual(pair.primary.digest(), pair.replica.digest())
        pair.replica.kill()
        wait_until(lambda: self.channel(pair)["acknowledge_away"], pair.primary.log_end)
        before = pair.primary.digest()
        self.assertTrue(self.post(pair, 4).startswith("441 "))
        self.assertTrue(self.pop(pair, 1).startswith(b"-ERR [SYS/TEMP] "))
        self.assertEqual(pair.primary.digest(), before)
        pair.replica.start()
        wait_until(lambda: not self.channel(pair)["acknowledge_away"], pair.primary.log_end)
        self.assertTrue(self.post(pair, 4).startswith("240"))
        self.assertTrue(self.pop(pair, 1).startswith(b"+OK"))
        self.assertEqual(pair.primary.digest(), pair.replica.digest())


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""Answers that wait for the replica: what clients see when it is there, away, and back."""

import unittest

from gemel_server import CHANNEL, Pair, wait_until

MESSAGE = b"Subject: hi\r\n\r\nhello\r\n"


class Acknowledge(unittest.TestCase):
    def pair(self, **channel):
        pair = self.enterContext(Pair(channel=channel, more={"acknowledge": {"wait_s": 1}}))
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


if __name__ == "__main__":
    unittest.main(verbosity=2)

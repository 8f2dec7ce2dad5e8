#!/usr/bin/env python3
"""POP3 and NNTP over a hand-over: a client finds the same UIDLs and article numbers on the other
server, and no number is given twice."""

import poplib
import unittest
import warnings

from failover_test import twins, wait_equal
from gemel_server import HOST, PASSWORD, free_ports, wait_until

warnings.simplefilter("ignore", DeprecationWarning)
try:
    import nntplib
except ImportError:  # Python 3.13 and later
    nntplib = None

GROUP = "test.one"
HELD = "test.held"


def article(name, group=GROUP):
    return [line.encode() + b"\r\n" for line in
            ("From: Ida <ida@example.org>", f"Newsgroups: {group}", f"Subject: {name}",
             f"Message-ID: <{name}@x>", "", f"text of {name}")]


def mailbox(server, owner, path):
    """The row of a mailbox."""
    rows, _ = server.admin("mailbox list", user=owner)
    return next(row for row in rows if row["mailbox"] == f"{owner}/{path}")


class Handover(unittest.TestCase):
    def setUp(self):
        self.one, self.two = twins(self, prepare=self.open_ports)

    @staticmethod
    def open_ports(server):
        server.ports |= dict(zip(("pop3", "nntp"), free_ports(2)))
        server.more["nntp"] = {"path_identity": "news.example.org"}

    def hand_over(self):
        wait_equal(self.one, self.two)
        self.one.gemel("demote")
        self.two.gemel("promote")
        self.one, self.two = self.two, self.one

    # --- POP3 ---

    @staticmethod
    def pop(server):
        connection = poplib.POP3(HOST, server.ports["pop3"], timeout=60)
        connection.user("ann")
        connection.pass_(PASSWORD)
        return connection

    def uidls(self, server):
        connection = self.pop(server)
        lines = [line.decode().split()[1] for line in connection.uidl()[1]]
        connection.quit()
        return lines

    def deliver(self, count):
        for number in range(count):
            self.assertEqual(self.one.deliver(["ann"], b"Subject: %d\r\n\r\nx\r\n" % number), [250])

    def test_r22_p01_uidls_stay_and_none_is_used_again(self):
        self.deliver(4)
        before = self.uidls(self.one)
        connection = self.pop(self.one)
        connection.dele(4)  # the last: its number must not come again
        connection.quit()
        self.one.gemel("expire", "--expunged", "0")  # also where no trace of it is left
        wait_equal(self.one, self.two)
        self.hand_over()
        self.assertEqual(self.uidls(self.one), before[:3])
        self.deliver(2)
        after = self.uidls(self.one)
        self.assertEqual(after[:3], before[:3])
        self.assertEqual(len(set(after) | set(before)), 6)
        # The new primary's deletions reach the old one.
        connection = self.pop(self.one)
        connection.dele(1)
        connection.quit()
        wait_equal(self.one, self.two)
        self.assertEqual(self.uidls(self.two), after[1:])
        self.hand_over()
        self.assertEqual(self.uidls(self.one), after[1:])

    # --- NNTP ---

    @staticmethod
    def news(server):
        return nntplib.NNTP(HOST, server.ports["nntp"], timeout=60, user="ann", password=PASSWORD)

    def overview(self, server):
        with self.news(server) as connection:
            connection.group(GROUP)
            return connection.over((1, None))[1]

    def articles(self, server):
        with self.news(server) as connection:
            connection.group(GROUP)
            return [connection.article(number)[1].lines for number, _ in
                    connection.over((1, None))[1]]

    @unittest.skipIf(nntplib is None, "this Python has no nntplib")
    def test_article_numbers_stay_and_none_is_used_again(self):
        self.one.gemel("group", "create", GROUP)
        with self.news(self.one) as connection:
            for name in ("a", "b", "c"):
                connection.post(article(name))
        before, texts = self.overview(self.one), self.articles(self.one)
        wait_equal(self.one, self.two)
        # The replica serves the same already, byte for byte, and takes nothing.
        self.assertEqual(self.overview(self.two), before)
        self.assertEqual(self.articles(self.two), texts)
        with self.news(self.two) as connection:
            with self.assertRaisesRegex(nntplib.NNTPTemporaryError, "^440"):
                connection.post(article("d"))
        self.hand_over()
        with self.news(self.one) as connection:
            # The new primary knows what was posted to the old one.
            with self.assertRaisesRegex(nntplib.NNTPTemporaryError, "^441"):
                connection.post(article("b"))
            connection.post(article("d"))
            self.assertEqual(connection.group(GROUP)[1:4], (4, 1, 4))
            self.assertEqual(connection.stat("<a@x>")[2], "<a@x>")
        after = self.overview(self.one)
        self.assertEqual(after[:3], before)
        self.assertEqual([number for number, _ in after], [1, 2, 3, 4])
        wait_equal(self.one, self.two)
        self.assertEqual(self.overview(self.two), after)
        self.assertEqual(self.one.dump(), self.two.dump())


    # --- both, and what is not kept ---

    def retrieved(self, server):
        connection = self.pop(server)
        lines = [connection.retr(number + 1)[1] for number in range(connection.stat()[0])]
        connection.quit()
        return lines

    def groups(self, server):
        """Count, low, high and the articles themselves, of each group."""
        out = {}
        with self.news(server) as connection:
            for group in (GROUP, HELD):
                numbers = connection.group(group)[1:4]
                out[group] = numbers, [connection.article(number)[1].lines
                                       for number, _ in connection.over((1, None))[1]]
        return out

    @unittest.skipIf(nntplib is None, "this Python has no nntplib")
    def test_after_a_promotion_what_expired_is_gone_and_what_is_held_or_archived_is_there(self):
        one, two = self.one, self.two
        for group, count in ((GROUP, 4), (HELD, 3)):
            one.gemel("group", "create", group)
            one.gemel("rule", "set", "shared", f"news/{group}", f"at-most={count - 2}")
            with self.news(one) as connection:
                for number in range(count):
                    connection.post(article(f"{group}.{number}", group))
        one.gemel("hold", "set", "--mailbox", f"shared/news/{HELD}", "--until", "forever")
        one.gemel("rule", "set", "ann", "INBOX", "archive-bytes=1")
        self.deliver(4)
        connection = self.pop(one)
        connection.dele(2)
        connection.quit()
        one.gemel("expire", "--rules", "--expunged", "0", "--archive", "second")
        wait_equal(one, two)
        before = self.uidls(one), self.retrieved(one), self.groups(one)
        self.assertEqual(len(before[0]), 3)
        self.assertEqual([numbers for numbers, _ in before[2].values()], [(2, 3, 4), (3, 1, 3)])
        one.kill()
        wait_until(lambda: not [row for row in two.admin("status")[0] if row["type"] == "upstream"],
                   two.log_end)
        two.gemel("promote")
        self.assertEqual((self.uidls(two), self.retrieved(two), self.groups(two)), before)
        self.assertEqual(mailbox(two, "ann", "INBOX")["partition"], "second")
        # The new primary's own runs heed the hold; numbers go on where they were.
        two.gemel("expire", "--rules", "--expunged", "0", "--deleted", "0", "--archive", "second")
        with self.news(two) as connection:
            connection.post(article("new"))
            self.assertEqual(connection.group(GROUP)[1:4], (3, 3, 5))
        self.assertEqual(self.groups(two)[HELD], before[2][HELD])
        self.one = two
        self.deliver(1)
        self.assertEqual(self.uidls(two)[:3], before[0])
        one.start()
        wait_equal(one, two)
        self.assertEqual((self.uidls(one), self.groups(one)), (self.uidls(two), self.groups(two)))
        self.assertEqual(mailbox(one, "ann", "INBOX")["partition"], "second")
        self.assertEqual(one.dump(), two.dump())
        self.assertEqual(one.verify() + two.verify(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)

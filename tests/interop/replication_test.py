#!/usr/bin/env python3
"""A primary and its replica as whole servers: what a client sees on one, it sees on the other."""

import re
import unittest

from gemel_server import CHANNEL, Pair, Server, ServerError

MESSAGE = b"From: ida@example.org\r\nSubject: hello\r\n\r\n" + b"hello\r\n" * 50


RECENT = re.compile(rb" ?\\Recent")


def sight(server, user):
    """All that a client of `user` can see, mailbox by mailbox. But for \\Recent: a primary tells the
    replica which messages were claimed with the next change."""
    seen = {}
    with server.imap(user) as imap:
        imap.enable("CONDSTORE")
        seen["subscribed"] = sorted(imap.lsub()[1], key=repr)
        for row in imap.list()[1]:
            name = re.search(rb'"?([^"]+)"?$', row.split(b' "/" ')[1])[1].decode()
            seen[name] = [row, imap.status(f'"{name}"', "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)")[1]]
            count = int(imap.select(f'"{name}"', readonly=True)[1][0])
            if count:
                rows = imap.fetch("1:*", "(UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE BODY.PEEK[])")[1]
                seen[name].append([(RECENT.sub(b"", row[0]), row[1]) for row in rows
                                   if isinstance(row, tuple)])
    return seen


class Replication(unittest.TestCase):
    def setUp(self):
        self.pair = self.enterContext(Pair())
        self.primary, self.replica = self.pair.sides
        self.primary.add_user("ann")

    def check_equal(self):
        self.pair.wait_equal()
        self.assertEqual(sight(self.primary, "ann"), sight(self.replica, "ann"))
        self.assertEqual(self.primary.dump(), self.replica.dump())

    def deliver(self, count):
        for _ in range(count):
            self.assertEqual(self.primary.deliver(["ann"], MESSAGE), [250])

    def change_everything(self, tag):
        """One of each change; names end in `tag` so that it can be done again."""
        with self.primary.imap("ann") as imap:
            for name in (f"Work{tag}", f"Work{tag}/Deep", f"Gone{tag}"):
                self.assertEqual(imap.create(name)[0], "OK")
            imap.subscribe(f"Work{tag}")
            self.deliver(12)
            imap.select("INBOX")
            for answer in (imap.store("1:5", "+FLAGS", f"(\\Seen $Key{tag})"),
                           imap.store("2", "-FLAGS", "(\\Seen)"),
                           imap.store("3", "FLAGS", "(\\Answered)"),
                           imap.copy("1:6", f"Work{tag}"),
                           imap.uid("MOVE", "4:5", f"Work{tag}/Deep"),
                           imap.store("1", "+FLAGS", "(\\Deleted)"), imap.expunge(),
                           imap.append("INBOX", "(\\Draft)", None, MESSAGE),
                           imap.rename(f"Work{tag}", f"Play{tag}"),
                           imap.delete(f"Gone{tag}"), imap.unsubscribe(f"Work{tag}")):
                self.assertEqual(answer[0], "OK", answer)

    def test_each_change_crosses(self):
        self.change_everything("")
        self.check_equal()

    def test_a_message_for_many_is_one_change_for_each(self):
        for user in ("bob", "cid", "dot"):
            self.primary.add_user(user)
        codes = self.primary.deliver(["bob", "nobody", "cid", "dot"], MESSAGE)
        self.assertEqual(codes, [250, 550, 250, 250])
        self.pair.wait_equal()
        for user in ("bob", "cid", "dot"):
            self.assertEqual(sight(self.primary, user), sight(self.replica, user))

    def test_the_replica_refuses_changes(self):
        self.deliver(1)
        self.pair.wait_equal()
        with self.replica.imap("ann") as imap:
            self.assertEqual(imap.create("Mine")[0], "NO")
            self.assertEqual(imap.append("INBOX", "", None, MESSAGE)[0], "NO")
            self.assertEqual(imap.select("INBOX", readonly=True)[1], [b"1"])
        codes = self.replica.deliver(["ann"], MESSAGE)
        self.assertTrue(all(400 <= code < 500 for code in codes), codes)
        self.check_equal()

    def test_the_replica_was_away(self):
        self.deliver(3)
        self.pair.wait_equal()
        self.replica.stop()
        self.change_everything("1")
        self.replica.start()
        self.check_equal()

    def test_both_start_anew(self):
        self.change_everything("1")
        self.primary.stop()
        self.replica.stop()
        self.replica.start()
        self.primary.start()
        self.change_everything("2")
        self.check_equal()

    def test_a_new_replica_gets_everything(self):
        self.change_everything("")
        self.pair.wait_equal()
        self.replica.stop()
        for path in (self.replica.store, self.replica.directory / "second"):
            if path.exists():
                path.rename(path.with_suffix(".old"))
        self.replica.start()
        self.check_equal()

    def test_a_paused_channel_sends_when_asked(self):
        self.pair.wait_equal()
        self.primary.admin("channel pause", channel=CHANNEL)
        self.deliver(3)
        self.assertTrue(self.primary.status()["channels"][CHANNEL]["paused"])
        self.assertNotEqual(*(side.digest() for side in self.pair.sides))
        self.primary.admin("sync", channel=CHANNEL)
        self.assertEqual(*(side.digest() for side in self.pair.sides))
        self.deliver(1)
        self.primary.admin("channel resume", channel=CHANNEL)
        self.check_equal()

    def test_a_move_to_another_partition(self):
        self.change_everything("")
        self.primary.admin("user move", user="ann", partition="second")
        self.deliver(2)
        self.check_equal()
        self.assertEqual(self.replica.verify(), [])


class WrongPassword(unittest.TestCase):
    def test_a_stranger_writes_nothing(self):
        with Server("replica", "replica") as replica:
            target = {"host": "127.0.0.1", "port": replica.ports["sync"], "password": "not this one"}
            with Server("primary", channel=target) as primary:
                primary.add_user("ann")
                with self.assertRaises(ServerError):
                    primary.admin("sync", channel=CHANNEL)
                self.assertNotEqual(primary.digest(), replica.digest())
                self.assertNotEqual(primary.status()["channels"][CHANNEL]["last_error"], "")


if __name__ == "__main__":
    unittest.main(verbosity=2)

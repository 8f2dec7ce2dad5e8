#!/usr/bin/env python3
"""Replicas that begin with a checkpoint of the primary's store, carried there; and bodies that rot."""

import random
import shutil
import tempfile
import threading
import unittest
from pathlib import Path

from gemel_server import HOST, Server, ServerError, wait_until

USERS = ("ann", "bob")


def message(seed):
    """Some 3 kB that compress badly, so that a body that is sent shows in the bytes."""
    text = random.Random(seed).randbytes(1500).hex()
    return b"Subject: %d\r\n\r\n" % seed + text.encode() + b"\r\n"


class Load:
    """Delivers and flags until it is told to stop."""

    def __init__(self, server):
        self.server, self.stopping, self.count = server, threading.Event(), 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        imap = self.server.imap("ann")
        while not self.stopping.is_set():
            codes = self.server.deliver(USERS, message(1_000_000 + self.count))
            assert codes == [250, 250], codes
            self.count += 1
            imap.select("INBOX")
            imap.store(str(self.count), "+FLAGS", r"\Seen")
            if self.count % 10 == 0:
                imap.store(str(self.count), "+FLAGS", r"\Deleted")
                imap.expunge()
        imap.logout()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


def seed(server, checkpoint):
    """Puts a copy of the checkpoint where the server, which is stopped, has its store."""
    shutil.copytree(checkpoint / "index", server.store)
    shutil.copytree(checkpoint / "partition-second", server.directory / "second")


class Seeding(unittest.TestCase):
    def setUp(self):
        self.where = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gemel-seed-")))
        self.replica = Server("replica", "replica")
        self.primary = Server("primary", "primary", channel={
            "host": HOST, "port": self.replica.ports["sync"]})
        self.enterContext(self.primary)
        for user in USERS:
            self.primary.add_user(user)
        self.primary.admin("mailbox create", user="bob", mailbox="Far", partition="second")
        imap = self.primary.imap("bob")
        for i in range(50):
            imap.append("Far", None, None, message(i))
        imap.logout()
        for i in range(200):
            self.assertEqual(self.primary.deliver(USERS, message(100 + i)), [250, 250])

    def wait_equal(self, *servers):
        wait_until(lambda: len({server.digest() for server in servers}) == 1,
                   lambda: "\n".join(server.log_end() for server in servers))

    def test_a_checkpoint_under_load_carried_over_becomes_a_replica_in_step(self):
        checkpoint = self.where / "checkpoint"
        with Load(self.primary) as load:
            wait_until(lambda: load.count > 20, lambda: "nothing is delivered")
            self.primary.gemel("checkpoint", checkpoint)
            copied = load.count
            wait_until(lambda: load.count > copied + 20, lambda: "nothing is delivered")
            seed(self.replica, checkpoint)
            self.enterContext(self.replica)
            wait_until(lambda: load.count > copied + 60, lambda: "nothing is delivered")
        self.wait_equal(self.primary, self.replica)
        self.assertEqual(self.primary.dump(), self.replica.dump())
        self.assertEqual(self.primary.verify() + self.replica.verify(), [])
        self.assertEqual(self.replica.status()["role"], "replica")
        # What was sent is what came after the checkpoint, and not the 250 messages before.
        sent = self.primary.status()["channels"]["standby"]["bytes_up"]
        self.assertLess(sent, (load.count - copied + 100) * 3000)
        # And it goes on from there.
        self.assertEqual(self.primary.deliver(USERS, message(7)), [250, 250])
        self.wait_equal(self.primary, self.replica)

    def test_a_quiet_store_costs_a_comparison_only(self):
        checkpoint = self.where / "checkpoint"
        self.primary.gemel("checkpoint", checkpoint)
        seed(self.replica, checkpoint)
        self.enterContext(self.replica)
        self.wait_equal(self.primary, self.replica)
        self.primary.gemel("sync")
        self.assertLess(self.primary.status()["channels"]["standby"]["bytes_up"], 2000)

    def test_a_copy_does_not_take_its_origin_for_itself(self):
        """It is a replica whatever its configuration says, and refuses what writes."""
        checkpoint = self.where / "checkpoint"
        self.primary.gemel("checkpoint", checkpoint)
        twin = Server("twin", "primary")
        seed(twin, checkpoint)
        self.enterContext(twin)
        self.assertEqual(twin.status()["role"], "replica")
        with self.assertRaisesRegex(ServerError, "'code': 'read-only'"):
            twin.add_user("carl")

    def test_a_directory_that_is_there_is_refused(self):
        with self.assertRaisesRegex(ServerError, "is there"):
            self.primary.gemel("checkpoint", self.where)


class Scrub(unittest.TestCase):
    def test_a_flipped_bit_is_found_and_the_rest_is_served(self):
        server = Server(services=("imap", "lmtp"))
        server.start()
        try:
            server.add_user("ann")
            for i in range(20):
                self.assertEqual(server.deliver(["ann"], message(i)), [250])
            self.assertIn(" 0 lost", server.gemel("scrub"))
            server.stop()
            server.start().stop()  # what was in the log is in files now
            blob = max(server.store.glob("*.blob"), key=lambda path: path.stat().st_size)
            content = bytearray(blob.read_bytes())
            content[len(content) // 2] ^= 1
            blob.write_bytes(content)
            server.start()
            found = server.gemel("scrub", check=False)
            self.assertIn("1 lost", found)
            self.assertIn("ann/INBOX uid", found)
            self.assertEqual(server.gemel("scrub", "--known", check=False).count("ann/INBOX"), 1)
            self.assertEqual(server.status()["lost_bodies"], 1)
            self.assertEqual(len(server.verify()), 1)
            imap = server.imap("ann")
            imap.select("INBOX")
            readable = sum(imap.fetch(str(i + 1), "BODY.PEEK[]")[0] == "OK" for i in range(20))
            self.assertEqual(readable, 19)
            imap.logout()
        finally:
            server.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""The text index of whole servers: built in the background, over restarts, by a replica for itself."""

import shutil
import unittest

from gemel_server import Lmtp, Pair, wait_until

MESSAGES = 300
BATCH = 256


def message(number):
    return (f"Subject: message {number}\r\nMessage-ID: <{number}@example.org>\r\n\r\n"
            f"the text of number{number}x\r\n").encode()


class TextIndex(unittest.TestCase):
    def index(self, side):
        rows, _ = side.admin("status")
        return next((row for row in rows if row["type"] == "text_index"), None)

    def search(self, side, text):
        with side.imap("ann") as imap:
            imap.select("INBOX", readonly=True)
            return imap.uid("search", None, "TEXT", f'"{text}"')[1][0].decode().split()

    def check_answers(self, side):
        self.assertEqual(self.search(side, "NUMBER7X"), ["7"])
        self.assertEqual(self.search(side, f"number{MESSAGES}x"), [str(MESSAGES)])
        self.assertEqual(len(self.search(side, "text of")), MESSAGES)
        self.assertEqual(self.search(side, "nowhere"), [])

    def restart(self, side, **how):
        side.stop()
        side.start(**how)

    def wait_covered(self, side):
        # A pass comes five seconds after a start, and not again for half a minute.
        self.restart(side)
        wait_until(lambda: self.index(side)["covered"] >= BATCH, lambda: str(self.index(side)))

    def test_it_is_built_and_kept_and_built_again(self):
        pair = self.enterContext(Pair())
        pair.primary.add_user("ann")
        with Lmtp(pair.primary.ports["lmtp"]) as lmtp:
            for number in range(1, MESSAGES + 1):
                self.assertEqual(lmtp.deliver(["ann"], message(number)), [250])
        pair.wait_equal()
        for side in pair.sides:
            self.check_answers(side)
            self.wait_covered(side)
            self.assertEqual(self.index(side)["covered"], BATCH)
            self.assertEqual(self.index(side)["messages"], MESSAGES)
            self.assertIn(f"text index: {BATCH} of {MESSAGES} messages", side.gemel("status"))
            self.check_answers(side)
        # A server that is killed has the index still, or builds it again; so does one that lost it.
        primary = pair.primary
        primary.kill()
        primary.start()
        self.check_answers(primary)
        primary.stop()
        folder = primary.store / "text-index"
        self.assertTrue(folder.is_dir())
        shutil.rmtree(folder)
        primary.start()
        self.check_answers(primary)
        wait_until(lambda: self.index(primary)["covered"] == BATCH)
        self.check_answers(primary)
        # Without it there is neither an index nor what is left of one.
        primary.stop()
        primary.more = {"store": {"text_index_bytes_per_s": 0}}
        primary.start()
        self.assertIsNone(self.index(primary))
        self.assertFalse(folder.exists())
        self.check_answers(primary)


if __name__ == "__main__":
    unittest.main()

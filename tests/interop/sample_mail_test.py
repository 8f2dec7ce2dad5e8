#!/usr/bin/env python3
"""Every sample message through the whole server: in by LMTP and APPEND, out by FETCH on both sides,
byte by byte, and with ENVELOPE and BODYSTRUCTURE that a client can read."""

import hashlib
import re
import unittest
from pathlib import Path

from gemel_server import ROOT, Lmtp, Pair

SAMPLES = sorted((ROOT / "share/sample-mail").glob("*.eml"))


def bodies(imap, mailbox):
    """The messages of a mailbox, by UID."""
    count = int(imap.select(mailbox, readonly=True)[1][0])
    rows = imap.uid("FETCH", "1:*", "(UID BODY.PEEK[])")[1] if count else []
    found = {int(re.search(rb"UID (\d+)", row[0])[1]): row[1] for row in rows if isinstance(row, tuple)}
    assert len(found) == count, f"{len(found)} of {count}"
    return list(found.values())


class SampleMail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pair = cls.enterClassContext(Pair())
        for user in ("ann", "bob", "cid", "dot"):
            cls.pair.primary.add_user(user)

    def test_lmtp_keeps_every_byte(self):
        taken = []
        with Lmtp(self.pair.primary.ports["lmtp"]) as lmtp:
            for i, path in enumerate(SAMPLES):
                raw = path.read_bytes()
                # Two have one Message-ID: from one sender, they would be filed once.
                codes = lmtp.deliver(["ann"], raw, sender=f"sender{i}@example.org")
                self.assertEqual(codes, [250], path.name)
                # What the wire can say: lines end in CRLF, and the last line has an end.
                taken.append(raw.replace(b"\r\n", b"\n").removesuffix(b"\n").replace(b"\n", b"\r\n") + b"\r\n")
        for side in self.pair.sides:
            self.pair.wait_equal()
            with side.imap("ann") as imap:
                found = bodies(imap, "INBOX")
            self.assertEqual(len(found), len(SAMPLES))
            for path, sent, kept in zip(SAMPLES, taken, found):
                self.assertTrue(kept.endswith(sent), f"{path.name} on the {side.name}")

    def test_append_keeps_every_byte(self):
        taken = []
        with self.pair.primary.imap("bob") as imap:
            imap.create("Samples")
            for path in SAMPLES:
                raw = path.read_bytes()
                # imaplib would mend line ends; so we make the literal ourselves.
                tag = imap._new_tag()
                imap.send(tag + b" APPEND Samples (\\Seen) {%d}\r\n" % len(raw))
                line = imap.readline()
                while line.startswith(b"* "):
                    line = imap.readline()
                if line.startswith(b"+"):
                    imap.send(raw + b"\r\n")
                    line = imap.readline()
                while line.startswith(b"* "):
                    line = imap.readline()
                if line.split()[1] == b"OK":
                    taken.append(hashlib.sha256(raw).digest())
                else:  # RFC 9051 §4.3: a literal has no NUL; a message without a byte is none
                    self.assertTrue(b"\0" in raw or not raw, f"{path.name}: {line}")
        self.assertGreater(len(taken), 300)
        self.pair.wait_equal()
        for side in self.pair.sides:
            with side.imap("bob") as imap:
                found = [hashlib.sha256(body).digest() for body in bodies(imap, "Samples")]
            self.assertEqual(found, taken, side.name)

    def test_a_client_can_read_the_structure_of_each(self):
        with Lmtp(self.pair.primary.ports["lmtp"]) as lmtp:
            for i, path in enumerate(SAMPLES):
                lmtp.deliver(["cid"], path.read_bytes(), sender=f"sender{i}@example.org")
        with self.pair.primary.imap("cid") as imap:
            imap.select("INBOX", readonly=True)
            for item in ("ENVELOPE", "BODY", "BODYSTRUCTURE", "RFC822.SIZE", "BODY.PEEK[1]", "BODY.PEEK[HEADER]"):
                status, rows = imap.fetch("1:*", f"(UID {item})")
                self.assertEqual(status, "OK", item)
                found = {int(re.search(rb"UID (\d+)", row[0] if isinstance(row, tuple) else row)[1])
                         for row in rows if b"UID" in (row[0] if isinstance(row, tuple) else row)}
                self.assertEqual(len(found), len(SAMPLES), item)
            self.assertEqual(imap.noop()[0], "OK")

    def test_search_finds_words_in_any_charset(self):
        texts = [path.read_bytes() for path in SAMPLES if "-charset-ru-" in path.name]
        for text in texts:
            self.pair.primary.deliver(["dot"], text)
        with self.pair.primary.imap("dot") as imap:
            imap.select("INBOX", readonly=True)
            found = set()
            for word in ("Собрание", "КЛЮЧИ", "снеговик", "чертежи", "варенье"):
                imap.literal = word.encode()
                status, uids = imap.uid("SEARCH", "CHARSET", "UTF-8", "BODY")
                self.assertEqual(status, "OK")
                found |= set(uids[0].split())
        self.assertEqual(len(found), len(texts))


if __name__ == "__main__":
    unittest.main(verbosity=2)

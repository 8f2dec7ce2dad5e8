#!/usr/bin/env python3
"""IMAP over a socket, by Python's imaplib: large messages, idle clients, many at once, and mbsync
that has nothing to do the second time."""

import shutil
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from gemel_server import HOST, PASSWORD, Server

MESSAGE = b"From: ida@example.org\r\nSubject: hello\r\nMessage-ID: <%d@example.org>\r\n\r\nhello\r\n"


def append(imap, mailbox, message, flags=None):
    status, data = imap.append(mailbox, flags, None, message)
    assert status == "OK", data


class Imap(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(services=("imap", "lmtp")))
        self.server.add_user("ann")

    def connect(self):
        return self.enterContext(self.server.imap("ann"))

    def test_large_message_comes_back_as_it_was(self):
        imap = self.connect()
        large = b"Subject: large\r\n\r\n" + bytes(range(14, 256)) * 60_000  # no line ends: imaplib maps them
        append(imap, "INBOX", large, r"(\Seen)")
        imap.select("INBOX")
        self.assertEqual(imap.fetch("1", "(RFC822.SIZE BODY.PEEK[])")[1][0][1], large)
        self.assertEqual(imap.fetch("1", "(BODY.PEEK[TEXT]<1000000.5000>)")[1][0][1],
                         large[18:][1_000_000:1_005_000])

    def test_two_clients_see_each_others_changes(self):
        one, two = self.connect(), self.connect()
        for number in range(3):
            append(one, "INBOX", MESSAGE % number)
        one.select("INBOX")
        self.assertEqual(two.select("INBOX"), ("OK", [b"3"]))
        one.store("2", "+FLAGS", r"(\Deleted)")
        one.expunge()
        append(one, "INBOX", MESSAGE % 9)
        two.noop()
        self.assertEqual(two.response("EXPUNGE"), ("EXPUNGE", [b"2"]))
        self.assertEqual(two.uid("SEARCH", "ALL")[1], [b"1 3 4"])
        self.assertEqual(two.uid("SEARCH", "FROM", "ida")[1], [b"1 3 4"])

    def test_idle_is_told_at_once(self):
        with socket.create_connection((HOST, self.server.ports["imap"]), timeout=30) as link:
            lines = link.makefile("rb")
            lines.readline()
            link.sendall(f"a LOGIN ann {PASSWORD}\r\nb SELECT INBOX\r\nc IDLE\r\n".encode())
            while not lines.readline().startswith(b"+"):
                pass
            self.server.deliver(["ann"], MESSAGE % 1)
            self.assertEqual(lines.readline(), b"* 1 EXISTS\r\n")
            self.assertEqual(lines.readline(), b"* 1 RECENT\r\n")
            link.sendall(b"DONE\r\nd LOGOUT\r\n")
            self.assertEqual(lines.readline(), b"c OK IDLE completed\r\n")
            self.assertTrue(lines.readline().startswith(b"* BYE"))
            self.assertTrue(lines.readline().startswith(b"d OK"))
            self.assertEqual(lines.readline(), b"")

    def test_a_client_comes_back_by_qresync(self):
        imap = self.connect()
        for number in range(20):
            append(imap, "INBOX", MESSAGE % number)
        imap.enable("QRESYNC")
        imap.select("INBOX")
        validity = int(imap.response("UIDVALIDITY")[1][0])
        modseq = int(imap.response("HIGHESTMODSEQ")[1][0])
        imap.uid("STORE", "3,7", "+FLAGS.SILENT", r"(\Deleted)")
        imap.expunge()
        imap.uid("STORE", "5", "+FLAGS.SILENT", r"(\Flagged)")
        back = self.connect()
        back.enable("QRESYNC")
        back.select(f"INBOX (QRESYNC ({validity} {modseq}))")
        self.assertEqual(back.response("VANISHED")[1], [b"(EARLIER) 3,7"])
        fetched = back.response("FETCH")[1]
        self.assertEqual(len(fetched), 1)
        self.assertIn(b"UID 5", fetched[0])

    def test_many_at_once_lose_nothing(self):
        clients, each = 8, 10
        connections = [self.connect() for _ in range(clients)]

        def fill(imap, first):
            for number in range(first, first + each):
                append(imap, "INBOX", MESSAGE % number)

        threads = [threading.Thread(target=fill, args=(imap, number * each))
                   for number, imap in enumerate(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        imap = connections[0]
        self.assertEqual(imap.select("INBOX")[1], [str(clients * each).encode()])
        data = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]
        ids = {piece[1] for piece in data if isinstance(piece, tuple)}
        self.assertEqual(len(ids), clients * each)

    @unittest.skipUnless(shutil.which("mbsync"), "mbsync is missing")
    def test_mbsync_has_nothing_to_do_the_second_time(self):
        imap = self.connect()
        imap.create("Archive/2024")
        for number in range(12):
            append(imap, "INBOX" if number % 2 else "Archive/2024", MESSAGE % number, r"(\Flagged)")
        home = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (home / "mail").mkdir()
        (home / "mbsyncrc").write_text(
            f"IMAPAccount a\nHost {HOST}\nPort {self.server.ports['imap']}\nUser ann\nPass {PASSWORD}\n"
            "SSLType None\nAuthMechs LOGIN\n\nIMAPStore far\nAccount a\n\n"
            f"MaildirStore near\nPath {home}/mail/\nInbox {home}/mail/INBOX\nSubFolders Verbatim\n\n"
            "Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n")

        def state():
            return {box: imap.status(box, "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)")[1]
                    for box in ("INBOX", "Archive/2024")}

        def mbsync():
            done = subprocess.run(["mbsync", "-c", str(home / "mbsyncrc"), "-a"], timeout=60,
                                  capture_output=True, text=True, env={"HOME": str(home)}, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            files = {path.relative_to(home) for path in (home / "mail").rglob("*") if path.is_file()
                     and not path.name.startswith(".")}
            return files, state()

        first = mbsync()
        self.assertEqual(len(first[0]), 12)
        self.assertEqual(mbsync(), first)


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""Mail clients and servers that people have, against a server: each must do its work as it is."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from gemel_server import HOST, PASSWORD, Server

MESSAGE = """From: Ida Farnsworth <ida@example.org>
To: ann@example.org
Subject: hello
Message-ID: <hello@example.org>
Date: Mon, 01 Jan 2024 10:00:00 +0000

hello
"""


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is missing")


class Clients(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(services=("imap", "lmtp")))
        self.server.add_user("ann")
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.message = self.directory / "message"
        self.message.write_text(MESSAGE)
        self.url = f"imap://{HOST}:{self.server.ports['imap']}/"

    def run_(self, *command):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60,
                              env={"HOME": str(self.directory), "PATH": "/usr/bin:/bin"}, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + self.server.log_end())
        return done.stdout

    def curl(self, path, *more):
        return self.run_("curl", "-s", "-u", f"ann:{PASSWORD}", "--url", self.url + path, *more)

    def deliver(self, count):
        for i in range(count):  # one Message-ID from one sender would be filed once
            message = MESSAGE.replace("<hello@", f"<hello{i}@")
            self.assertEqual(self.server.deliver(["ann"], message.encode()), [250])

    @needs("swaks")
    def test_swaks_delivers(self):
        self.run_("swaks", "--protocol", "LMTP", "--server", f"{HOST}:{self.server.ports['lmtp']}",
                  "--from", "ida@example.org", "--to", "ann", "--data", f"@{self.message}")
        with self.server.imap("ann") as imap:
            self.assertEqual(imap.select("INBOX")[1], [b"1"])

    @needs("curl")
    def test_curl_lists_fetches_appends_and_searches(self):
        self.deliver(2)
        self.assertIn("INBOX", self.curl(""))
        self.assertIn("hello", self.curl("INBOX;MAILINDEX=1"))
        self.curl("INBOX", "-T", str(self.message))
        self.assertIn("3", self.curl("INBOX?SUBJECT%20hello"))

    def mbsync(self):
        self.run_("mbsync", "-c", self.directory / "mbsyncrc", "-a")

    @needs("mbsync")
    def test_mbsync_takes_and_brings(self):
        self.deliver(5)
        box = self.directory / "mail"
        box.mkdir()
        (self.directory / "mbsyncrc").write_text(
            f"IMAPAccount a\nHost {HOST}\nPort {self.server.ports['imap']}\nUser ann\nPass {PASSWORD}\n"
            "SSLType None\nAuthMechs LOGIN\n\nIMAPStore far\nAccount a\n\n"
            f"MaildirStore near\nPath {box}/\nInbox {box}/INBOX\nSubFolders Verbatim\n\n"
            "Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n")
        self.mbsync()
        files = list((box / "INBOX").glob("[cn]*/*"))
        self.assertEqual(len(files), 5)
        seen = files[0]
        seen.rename(box / "INBOX/cur" / (seen.name.split(":")[0] + ":2,FS"))
        (box / "INBOX/new/new-one").write_text(MESSAGE)
        self.mbsync()
        with self.server.imap("ann") as imap:
            self.assertEqual(imap.select("INBOX")[1], [b"6"])
            self.assertEqual(len(imap.search(None, "FLAGGED SEEN")[1][0].split()), 1)
            imap.store("2", "+FLAGS", "(\\Deleted)")
            imap.expunge()
        self.mbsync()
        self.assertEqual(len(list((box / "INBOX").glob("[cn]*/*"))), 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)

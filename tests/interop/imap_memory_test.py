#!/usr/bin/env python3
"""What the server needs for large and odd messages while a client looks at them: far less than they
are large."""

import re
import unittest
from pathlib import Path

from gemel_server import Server, skip
from raw_imap import RawImap

MESSAGE_BYTES = 24 << 20
MEMORY_KB_MAX = 16 << 10


def repeated(text, size=MESSAGE_BYTES):
    return text * (size // len(text))


def in_multipart(part, size=MESSAGE_BYTES):
    return ("Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            + repeated("--b\r\n" + part + "\r\n", size) + "--b--\r\n")


ADDRESSES = "".join(f"someone{number}@example.org,\r\n " for number in range(3000))
BASE64 = "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: image/png\r\n" \
         "Content-Transfer-Encoding: base64\r\n\r\n" + repeated("QUFB" * 19 + "\r\n") + "--b--\r\n"
MESSAGES = {
    "attachment": "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + BASE64,
    "text": "Subject: x\r\n\r\n" + repeated("some words in a line\r\n"),
    "one line": "Subject: x\r\n\r\n" + repeated("y"),
    "one field": "Subject: x\r\nX: " + repeated("z") + "\r\n\r\nhello\r\n",
    "many fields": "Subject: x\r\n" + repeated("X: y\r\n") + "\r\nhello\r\n",
    "small parts": in_multipart("\r\n"),
    "messages inside": in_multipart(
        f"Content-Type: message/rfc822\r\n\r\nFrom: {ADDRESSES}\r\nTo: {ADDRESSES}\r\n\r\n"),
}
ITEMS = ("ENVELOPE BODYSTRUCTURE BODY PREVIEW BINARY.SIZE[1] BINARY.SIZE[2] BINARY.PEEK[2] "
         "BODY.PEEK[1]<100.100> BODY.PEEK[2.MIME] BODY.PEEK[2.HEADER.FIELDS (TO)] "
         "BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)] "
         "BODY.PEEK[HEADER]<0.10> BODY.PEEK[TEXT]<0.10>")


class Memory(unittest.TestCase):
    def status_kb(self, key):
        return int(re.search(rf"{key}:\s+(\d+)", Path(
            f"/proc/{self.server.process.pid}/status").read_text())[1])

    def reset_peak(self):
        try:
            Path(f"/proc/{self.server.process.pid}/clear_refs").write_text("5")
        except OSError:
            self.skipTest("the peak of a process can't be reset here")

    def needed_kb(self, number):
        # What was needed before would be used again, and hide what this one needs.
        self.server.stop()
        self.server.start()
        with RawImap(self.server.ports["imap"], "ann") as imap:
            imap.ok("SELECT INBOX")
            imap.ok(f"FETCH {number} BODY.PEEK[]")  # what the store keeps of it does not count
            before = self.status_kb("VmRSS")
            self.reset_peak()
            told = imap.run(f"FETCH {number} ({ITEMS})")
            self.assertTrue(told.find(r"BODYSTRUCTURE \("), told.text)
            needed = self.status_kb("VmHWM") - before
            print(f"message {number}: {needed} KiB")
            return needed

    def test_a_large_message_costs_no_more_than_a_piece_of_it(self):
        # The index of texts is built beside, and reads all of a message.
        self.server = self.enterContext(Server(
            services=("imap",), more={"store": {"text_index_bytes_per_s": 0}}))
        self.server.add_user("ann")
        with RawImap(self.server.ports["imap"], "ann") as imap:
            for message in MESSAGES.values():
                imap.append("INBOX", message)
        for number, name in enumerate(MESSAGES, 1):
            # What the store does beside may need some too, but not each time.
            tries = (self.needed_kb(number) for _ in range(3))
            self.assertTrue(any(needed < MEMORY_KB_MAX for needed in tries), name)


if __name__ == "__main__":
    if not Path("/proc/self/clear_refs").exists():
        skip("no /proc")
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""What every door must withstand: LMTP, POP3, NNTP and ManageSieve, by hand."""

import base64
import random
import re
import resource
import socket
import unittest

from gemel_server import HOST, PASSWORD, Server
from managesieve_test import Scram

# By door: what begins a SCRAM login, what an answer is, what comes before the challenge, what is
# said to a login that fails, and what ends a session.
DOORS = {
    "lmtp": ("AUTH SCRAM-SHA-256 {}", "{}", b"334 ", b"535 ", "QUIT"),
    "pop3": ("AUTH SCRAM-SHA-256 {}", "{}", b"+ ", b"-ERR ", "QUIT"),
    "nntp": ("AUTHINFO SASL SCRAM-SHA-256 {}", "{}", b"383 ", b"481 ", "QUIT"),
    "managesieve": ('AUTHENTICATE "SCRAM-SHA-256" "{}"', '"{}"', b'"', b"NO ", "LOGOUT"),
}
GREETED = {"lmtp": b"220 ", "pop3": b"+OK", "nntp": b"20", "managesieve": b"OK"}


class Talk:
    """One connection, line by line."""

    def __init__(self, server, door):
        self.socket = socket.create_connection((HOST, server.ports[door]), timeout=60)
        self.lines = self.socket.makefile("rb")
        while not self.lines.readline().startswith(GREETED[door]):
            pass
        if door == "lmtp":
            self.socket.sendall(b"LHLO x\r\n")
            while not self.lines.readline().startswith(b"250 "):
                pass

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.lines.readline()

    def close(self):
        self.lines.close()
        self.socket.close()


class Doors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(
            services=("imap", *DOORS),
            more={"lmtp": {"user": "ann", "password": PASSWORD}}))
        cls.server.add_user("ann")

    def test_s19_strangers_take_no_place_of_the_store_nor_of_those_who_log_in(self):
        files = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(4096, files[0]), files[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, files)
        server = Server(services=("imap", "lmtp"))
        self.addCleanup(server.__exit__, None, None, None)
        server.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 2048)))
        server.add_user("ann")
        for _ in range(1200):
            stranger = socket.create_connection((HOST, server.ports["imap"]), timeout=60)
            self.addCleanup(stranger.close)
        with server.imap("ann") as imap:
            for _ in range(10):  # the store makes new files for so much
                done = imap.append("INBOX", None, None, random.randbytes(4 << 20).hex().encode())
                self.assertEqual(done[0], "OK", done)
        self.assertIn("primary", server.gemel("status"))
        Talk(server, "lmtp").close()

    def talk(self, door):
        talk = Talk(self.server, door)
        self.addCleanup(talk.close)
        return talk

    def test_s16_a_login_that_was_overheard_opens_no_door(self):
        for door, (first, answer, challenge, refused, _) in DOORS.items():
            with self.subTest(door):
                scram = Scram("ann", PASSWORD)
                begin = first.format(base64.b64encode(b"n,," + scram.bare).decode())
                overheard = self.talk(door)
                said = overheard.say(begin)
                self.assertTrue(said.startswith(challenge), said)
                proof = scram.answer(base64.b64decode(re.search(rb"[A-Za-z0-9+/=]{20,}", said)[0]))
                again = self.talk(door)
                self.assertTrue(again.say(begin).startswith(challenge))
                proof = answer.format(base64.b64encode(proof).decode())
                said = again.say(proof)
                self.assertTrue(said.startswith(refused), said)
                said = overheard.say(proof)  # it was a good one
                self.assertFalse(said.startswith(refused), said)

    def test_s05_a_login_broken_off_leaves_the_session(self):
        for door, (first, _, challenge, _, end) in DOORS.items():
            with self.subTest(door):
                talk = self.talk(door)
                begin = first.format(base64.b64encode(b"n,,n=ann,r=x").decode())
                for _ in range(3):
                    self.assertTrue(talk.say(begin).startswith(challenge))
                    said = talk.say('"*"' if door == "managesieve" else "*")
                    self.assertRegex(said, rb"^(5|4|-ERR|NO)")
                self.assertRegex(talk.say(end), rb"^(2|\+OK|OK|BYE)")

    def test_s17_no_door_trusts_a_name_that_nothing_proves(self):
        """EXTERNAL is no mechanism here, and nobody logs in to act for another."""
        self.server.add_user("ben")
        commands = {"lmtp": "AUTH {} {}", "pop3": "AUTH {} {}", "nntp": "AUTHINFO SASL {} {}",
                    "managesieve": 'AUTHENTICATE "{}" "{}"'}
        external = base64.b64encode(b"ben").decode()
        other = base64.b64encode(b"ben\0ann\0" + PASSWORD.encode()).decode()
        own = base64.b64encode(b"ann\0ann\0" + PASSWORD.encode()).decode()
        for door, command in commands.items():
            with self.subTest(door):
                for mechanism, message in (("EXTERNAL", external), ("PLAIN", other)):
                    said = self.talk(door).say(command.format(mechanism, message))
                    self.assertRegex(said, rb"^(5\d\d|48\d|-ERR|NO)")
                said = self.talk(door).say(command.format("PLAIN", own))
                self.assertRegex(said, rb"^(235|281|\+OK|OK)")

    def test_s03_a_line_without_end_takes_no_memory(self):
        """Before a login."""
        for door in DOORS:
            with self.subTest(door):
                talk = self.talk(door)
                before = self.server.memory_kb()
                try:
                    for _ in range(1000):  # 100 MB
                        talk.socket.sendall(b"(" * 100_000)
                    talk.socket.sendall(b"\r\n")
                except OSError:
                    pass  # it is closed, which is right too
                self.assertLess(self.server.memory_kb() - before, 50_000)
                self.assertTrue(self.talk(door).say("NOOP"))  # the others are served


if __name__ == "__main__":
    unittest.main(verbosity=2)

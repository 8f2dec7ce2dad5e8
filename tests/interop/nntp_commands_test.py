#!/usr/bin/env python3
"""NNTP word by word on a whole server: every LIST, every reader's command, compression, control
messages by rule, moderators and gateways by mail."""

import base64
import email.utils
import re
import socket
import unittest
import zlib

from gemel_server import HOST, PASSWORD, Server, toml_table, wait_until
from nntp_test import article, news
from smtp_sink import Sink


class Talk:
    """One connection, line by line, compressed from some point on."""

    def __init__(self, server, user=None):
        self.socket = socket.create_connection((HOST, server.ports["nntp"]), timeout=60)
        self.buffer, self.inflate, self.deflate = b"", None, None
        self.greeting = self.line()
        if user:
            self.say(f"AUTHINFO USER {user}")
            assert self.say(f"AUTHINFO PASS {PASSWORD}").startswith("281"), user

    def line(self):
        while b"\r\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self.buffer += self.inflate.decompress(data) if self.inflate else data
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line.decode()

    def send(self, data):
        if self.deflate:
            data = self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(data)

    def say(self, text):
        self.send(text.encode() + b"\r\n")
        return self.line()

    def block(self, text, code):
        """The lines of a multi-line answer."""
        first = self.say(text)
        assert first.startswith(str(code)), first
        return list(iter(self.line, "."))

    def compress(self):
        assert self.say("COMPRESS DEFLATE").startswith("206")
        self.inflate, self.deflate = zlib.decompressobj(-15), zlib.compressobj(wbits=-15)

    def send_article(self, command, text):
        """The last answer."""
        first = self.say(command)
        return self.say(text.decode() + ".") if first.startswith("3") else first

    def close(self):
        self.socket.close()


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(
            services=("imap", "nntp"),
            more={"": {"admins": ["root"]},
                  "nntp": {"path_identity": "news.example.org",
                           "distrib_pats": ["10:local.*:local", "5:*:world"]}}))
        for user in ("ann", "root"):
            cls.server.add_user(user)
        cls.server.gemel("group", "create", "local.one", "--description", "The first")
        cls.server.gemel("group", "create", "local.two")
        cls.server.gemel("group", "create", "packed")
        cls.server.gemel("group", "create", "local.closed", "--status", "closed")
        with news(cls.server) as connection:
            for number in range(1, 7):
                connection.post(article("local.one", f"m{number}", more="X-Mood: glad\r\n"))
            connection.post(article("local.one,local.two", "cross"))
        with cls.server.imap("root") as imap:
            imap.select('"Shared/news/local.one"')
            imap.store("2:3", "+FLAGS", r"(\Deleted)")
            imap.expunge()

    def talk(self, user="ann", server=None):
        talk = Talk(server or self.server, user)
        self.addCleanup(talk.close)
        return talk

    def test_every_list(self):
        talk = self.talk()
        self.assertEqual(talk.block("LIST", 215), talk.block("LIST ACTIVE", 215))
        self.assertEqual(talk.block("LIST ACTIVE local.*", 215),
                         ["local.closed 0 1 n", "local.one 7 1 y", "local.two 1 1 y"])
        self.assertEqual(talk.block("LIST COUNTS local.one", 215), ["local.one 7 1 5 y"])
        self.assertRegex(talk.block("LIST ACTIVE.TIMES local.two", 215)[0], r"^local\.two \d+ \S+$")
        self.assertEqual(talk.block("LIST NEWSGROUPS", 215), ["local.one\tThe first"])
        self.assertEqual(talk.block("LIST DISTRIB.PATS", 215), ["10:local.*:local", "5:*:world"])
        self.assertEqual(talk.block("LIST OVERVIEW.FMT", 215)[:5],
                         ["Subject:", "From:", "Date:", "Message-ID:", "References:"])
        self.assertEqual(talk.block("LIST HEADERS", 215), [":", ":bytes", ":lines"])
        self.assertEqual(talk.block("LIST HEADERS MSGID", 215), talk.block("LIST HEADERS RANGE", 215))
        self.assertTrue(talk.say("LIST NOTHING").startswith("501"))
        words = talk.block("CAPABILITIES", 101)
        for word in ("VERSION 2", "READER", "HDR", "OVER MSGID", "POST", "NEWNEWS", "XPAT"):
            self.assertIn(word, words)
        lists = next(word for word in words if word.startswith("LIST ")).split()[1:]
        self.assertEqual(sorted(lists), ["ACTIVE", "ACTIVE.TIMES", "COUNTS", "DISTRIB.PATS",
                                         "HEADERS", "NEWSGROUPS", "OVERVIEW.FMT"])

    def test_n01_every_command_of_a_reader(self):
        talk = self.talk()
        self.assertRegex(talk.greeting, "^20[01] ")
        self.assertRegex(talk.say("MODE READER"), "^20[01] ")
        self.assertRegex(talk.say("DATE"), r"^111 \d{14}$")
        self.assertIn("LIST", " ".join(talk.block("HELP", 100)))
        self.assertEqual(talk.say("GROUP local.one"), "211 5 1 7 local.one")
        self.assertEqual(talk.block("LISTGROUP", 211), ["1", "4", "5", "6", "7"])
        self.assertEqual(talk.block("LISTGROUP local.one 3-5", 211), ["4", "5"])
        self.assertEqual([line.split("\t")[:2] for line in talk.block("OVER 1-5", 224)],
                         [["1", "m1"], ["4", "m4"], ["5", "m5"]])  # a range with a gap
        self.assertTrue(talk.say("OVER 2-3").startswith("423"))
        self.assertEqual(talk.block("XOVER 4", 224), talk.block("OVER 4", 224))
        self.assertEqual(talk.block("OVER <m4@example.org>", 224)[0].split("\t")[:2], ["0", "m4"])
        self.assertEqual(talk.block("HDR X-Mood 4-5", 225), ["4 glad", "5 glad"])
        self.assertEqual(talk.block("HDR :lines 4", 225), ["4 1"])
        self.assertEqual(talk.block("XHDR Subject 6-7", 221), ["6 m6", "7 cross"])
        self.assertEqual(talk.block("XPAT Subject 1-7 m[45] cr*", 221), ["4 m4", "5 m5", "7 cross"])
        self.assertTrue(talk.say("STAT 4").startswith("223 4 <m4@example.org>"))
        self.assertTrue(talk.say("NEXT").startswith("223 5 "))
        self.assertTrue(talk.say("LAST").startswith("223 4 "))
        self.assertTrue(talk.say("STAT 7").startswith("223 7 "))
        self.assertTrue(talk.say("NEXT").startswith("421"))
        self.assertTrue(talk.say("STAT 1").startswith("223 1 "))
        self.assertTrue(talk.say("LAST").startswith("422"))
        head, body = talk.block("HEAD 7", 221), talk.block("BODY 7", 222)
        self.assertEqual(talk.block("ARTICLE 7", 220), head + [""] + body)
        self.assertEqual(talk.block("ARTICLE <cross@example.org>", 220)[-1], "hello")
        self.assertIn("Xref: news.example.org local.one:7 local.two:1", head)
        self.assertRegex("\n".join(head), r"(?m)^Path: news\.example\.org!")
        self.assertIn("local.one 7 1 y", talk.block("NEWGROUPS 20200101 000000 GMT", 231))
        self.assertEqual(talk.block("NEWNEWS local.two 20200101 000000 GMT", 230),
                         ["<cross@example.org>"])
        self.assertEqual(talk.say("GROUP local.closed"), "211 0 1 0 local.closed")
        self.assertTrue(talk.say("NEXT").startswith("420"))
        self.assertTrue(talk.say("GROUP no.such").startswith("411"))
        self.assertTrue(self.talk().say("OVER 1-2").startswith("412"))  # no group is chosen
        self.assertTrue(talk.say("QUIT").startswith("205"))
        self.assertRaises(EOFError, talk.line)

    def test_compression(self):  # RFC 8054
        plain = self.talk().block("LIST ACTIVE local.*", 215)
        talk = self.talk()
        self.assertIn("COMPRESS DEFLATE", talk.block("CAPABILITIES", 101))
        talk.compress()
        self.assertEqual(talk.block("LIST ACTIVE local.*", 215), plain)
        self.assertNotIn("COMPRESS DEFLATE", talk.block("CAPABILITIES", 101))
        self.assertTrue(talk.say("COMPRESS DEFLATE").startswith("502"))
        self.assertTrue(talk.say("AUTHINFO USER ann").startswith("502"))
        text = article("packed", "packed", "x" * 500)
        self.assertTrue(talk.send_article("POST", text).startswith("240"))
        self.assertEqual(talk.block("BODY <packed@example.org>", 222), ["x" * 500])

    def test_sasl(self):  # RFC 4643 §2.4; SCRAM is in doors_test.py
        talk = self.talk(user=None)
        self.assertTrue(talk.say("GROUP local.one").startswith("480"))
        self.assertTrue(talk.say("AUTHINFO SASL PLAIN AGFubgB4").startswith("481"))  # ann, x
        word = base64.b64encode(b"\0ann\0" + PASSWORD.encode()).decode()
        self.assertTrue(talk.say("AUTHINFO SASL PLAIN " + word).startswith("281"))
        self.assertTrue(talk.say("GROUP local.one").startswith("211"))


def control(verb, sender, number, body=""):
    return (f"Path: peer.example!not-for-mail\r\nFrom: {sender}\r\nNewsgroups: local.one\r\n"
            f"Subject: cmsg {verb}\r\nControl: {verb}\r\nApproved: {sender}\r\n"
            f"Date: {email.utils.formatdate()}\r\nMessage-ID: <c{number}@peer.example>\r\n\r\n{body}\r\n").encode()


class Control(unittest.TestCase):
    """A peer brings control messages (RFC 5537 §5)."""

    PEER = "\n" + toml_table("[nntp.peer]", {"name": "peer", "user": "peer",
                                             "path_name": "peer.example"})

    def bring(self, rules):
        """What is there after a newgroup, an rmgroup and a cancel."""
        server = self.enterContext(Server(services=("imap", "nntp"), extra=self.PEER + rules,
                                          more={"": {"admins": ["root"]}}))
        for user in ("ann", "peer"):
            server.add_user(user)
        for group in ("local.one", "local.old", "other.old"):
            server.gemel("group", "create", group)
        with news(server) as connection:
            connection.post(article("local.one", "kept"))
            connection.post(article("local.one", "regretted"))
        talk = Talk(server, "peer")
        self.addCleanup(talk.close)
        keeper, author = "keeper@example.org", "Ida <ida@example.org>"
        for number, (verb, sender) in enumerate([
                ("newgroup local.new", keeper), ("newgroup other.new", keeper),
                ("newgroup local.wild", "stranger@example.net"),
                ("rmgroup local.old", keeper), ("rmgroup other.old", keeper),
                ("cancel <regretted@example.org>", author),
                ("cancel <kept@example.org>", "stranger@example.net")]):
            said = talk.send_article(f"IHAVE <c{number}@peer.example>", control(verb, sender, number))
            self.assertTrue(said.startswith("235"), said)
        groups = [line.split()[0] for line in talk.block("LIST", 215)]
        articles = [line.split("\t")[1] for line in self.overviews(server)]
        return groups, articles

    def overviews(self, server):
        talk = Talk(server, "ann")
        self.addCleanup(talk.close)
        talk.say("GROUP local.one")
        return talk.block("OVER 1-100", 224)

    def test_nothing_without_a_rule(self):
        self.assertEqual(self.bring(""), (["local.old", "local.one", "other.old"],
                                          ["kept", "regretted"]))

    def test_by_rule_and_no_further(self):
        rules = "".join("\n" + toml_table("[nntp.control]", {"type": kind, "from": who,
                                                            "groups": "local.*"})
                        for kind, who in (("newgroup", "keeper@example.org"),
                                          ("rmgroup", "keeper@example.org"), ("cancel", "*")))
        self.assertEqual(self.bring(rules), (["local.new", "local.one", "other.old"], ["kept"]))


class ByMail(unittest.TestCase):
    def test_a_moderator_and_a_gateway(self):
        sink = self.enterContext(Sink())
        server = self.enterContext(Server(services=("imap", "lmtp", "nntp"), more={
            "outgoing": {"relay": f"{HOST}:{sink.port}"},
            "nntp": {"mail_sender": "news@example.org"}}))
        server.add_user("ann")
        server.gemel("group", "create", "test.mod", "--status", "moderated",
                     "--moderator", "mod@example.org")
        server.gemel("group", "create", "test.gate")
        server.gemel("group", "set", "test.gate", "--gateway", "list@example.org")
        with news(server) as connection:
            connection.post(article("test.mod", "asked"))
            connection.post(article("test.gate", "told"))
            self.assertEqual(connection.group("test.mod")[1], 0)
            self.assertEqual(connection.group("test.gate")[1], 1)
        wait_until(lambda: len(sink.messages) == 2, server.log_end)
        sent = {recipient: (sender, message) for sender, recipient, message in sink.messages}
        for recipient, name in (("mod@example.org", b"asked"), ("list@example.org", b"told")):
            sender, message = sent[recipient]
            self.assertEqual(sender, "news@example.org")
            self.assertIn(b"\r\nSubject: " + name + b"\r\n", message)
            self.assertIsNone(re.search(rb"(?m)^Path:", message))
        # And from mail into the group, where anyone may post.
        server.gemel("acl", "set", "shared", "news/test.gate", "anyone", "p")
        self.assertEqual(server.deliver(["shared+news/test.gate"], b"From: eve@example.net\r\n"
                                        b"Subject: by mail\r\n\r\nhello\r\n"), [250])
        with news(server) as connection:
            self.assertEqual(connection.group("test.gate")[1], 2)
            self.assertEqual(connection.over((2, 2))[1][0][1]["subject"], "by mail")


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""Whole servers that deliver: scripts, mail that leaves, aliases, and what a promoted replica goes on with."""

import base64
import email
import os
import poplib
import socket
import ssl
import stat
import subprocess
import unittest

from gemel_server import HOST, PASSWORD, Lmtp, Server, ServerError, free_ports, wait_until
from smtp_sink import Sink

MESSAGE = (b"Message-ID: <1@example.com>\r\nFrom: eve@example.com\r\nTo: ann@example.org\r\n"
           b"Subject: hello\r\n\r\nhello\r\n")
SERVICES = ("imap", "lmtp", "managesieve")


def server(test, more=None, **how):
    made = test.enterContext(Server(services=SERVICES, more=more, **how))
    for user in ("ann", "bob"):
        made.add_user(user)
    return made


def activate(on, user, text, name="main"):
    on.gemel("sieve", "put", user, name, input=text)
    on.gemel("sieve", "activate", user, name)


def subjects(on, user, mailbox="INBOX"):
    with on.imap(user) as imap:
        status, _ = imap.select(mailbox, readonly=True)
        if status != "OK":
            return []
        _, found = imap.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return [item[1].decode().strip().removeprefix("Subject: ")
                for item in found if isinstance(item, tuple)]


class Scripts(unittest.TestCase):
    def test_file_refuse_and_fail_without_loss(self):
        one = server(self)
        activate(one, "ann", 'require ["fileinto", "mailbox"]; fileinto :create "Lists/cxx";')
        activate(one, "bob", 'require "ereject"; ereject "not today";')
        self.assertEqual(one.deliver(["ann", "bob", "none"], MESSAGE), [250, 550, 550])
        self.assertEqual(subjects(one, "ann", "Lists/cxx"), ["hello"])
        self.assertEqual(subjects(one, "ann"), [])
        activate(one, "ann", 'require "include"; discard; include "gone";')
        self.assertEqual(one.deliver(["ann"], MESSAGE.replace(b"<1@", b"<2@")), [250])
        self.assertEqual(subjects(one, "ann"), ["hello", 'Your Sieve script "main" does not work'])
        self.assertFalse(one.verify())

    def test_are_put_listed_and_deleted_by_the_tool(self):
        one = server(self)
        with self.assertRaisesRegex(ServerError, 'line 1, column 1: there is no command "kepp"'):
            one.gemel("sieve", "put", "ann", "bad", input="kepp;")
        activate(one, "ann", "keep;\n")
        one.gemel("sieve", "put", "ann", "two", input="discard;\n")
        self.assertEqual(one.gemel("sieve", "get", "ann", "main"), "keep;\n")
        rows = one.gemel("sieve", "list", "ann").splitlines()
        self.assertEqual([row.split()[:2] for row in rows], [["SCRIPT", "ACTIVE"], ["main", "yes"],
                                                             ["two", "no"]], rows)
        with self.assertRaises(ServerError):
            one.gemel("sieve", "delete", "ann", "main")
        one.gemel("sieve", "activate", "ann")
        one.gemel("sieve", "delete", "ann", "main")
        with self.assertRaises(ServerError):
            one.gemel("sieve", "get", "ann", "main")

    def test_global_ones_and_aliases_are_read_again_at_sighup(self):
        one = Server(services=SERVICES)
        scripts, aliases = one.directory / "sieve", one.directory / "aliases"
        scripts.mkdir()
        aliases.write_text("team: ann\n")
        (scripts / "base.sieve").write_text("discard;")
        one.more = {"sieve": {"global_scripts": str(scripts)},
                    "lmtp": {"aliases": str(aliases), "postmaster": "bob",
                             "listen": [f"{HOST}:{one.ports['lmtp']}"]}}
        self.enterContext(one)
        for user in ("ann", "bob"):
            one.add_user(user)
        activate(one, "ann", 'require "include"; include :global "base";')
        self.assertEqual(one.deliver(["team", "postmaster", "PostMaster@any.example"], MESSAGE),
                         [250, 250, 250])
        self.assertEqual((subjects(one, "ann"), subjects(one, "bob")), ([], ["hello"]))
        (scripts / "base.sieve").write_text("keep;")
        aliases.write_text("team: ann, bob\n")
        one.process.send_signal(1)
        second = MESSAGE.replace(b"<1@", b"<2@").replace(b"hello", b"again")
        wait_until(lambda: "configuration taken over" in one.log.read_text(), one.log_end)
        self.assertEqual(one.deliver(["team"], second), [250])
        self.assertEqual(subjects(one, "ann"), ["again"])
        self.assertEqual(subjects(one, "bob"), ["hello", "again"])


class Nobody(unittest.TestCase):
    ADDRESSES = ["none", "none@example.org", "ann", "ann+none@example.org", "postmaster"]

    def test_is_refused(self):
        one = server(self)
        self.assertEqual(one.deliver(self.ADDRESSES, MESSAGE), [550, 550, 250, 250, 550])

    def test_has_its_mail_caught(self):
        one = Server(services=SERVICES)
        one.more = {"lmtp": {"listen": [f"{HOST}:{one.ports['lmtp']}"], "catch_all": "bob"}}
        self.enterContext(one)
        for user in ("ann", "bob"):
            one.add_user(user)
        activate(one, "bob", 'require ["fileinto", "mailbox", "envelope"];'
                             'if envelope "to" "none" { fileinto :create "Caught"; }')
        self.assertEqual(one.deliver(self.ADDRESSES, MESSAGE), [250] * 5)
        self.assertEqual(subjects(one, "ann"), ["hello"])
        self.assertEqual((subjects(one, "bob"), subjects(one, "bob", "Caught")),
                         (["hello"], ["hello"]))


class MailThatLeaves(unittest.TestCase):
    SCRIPT = 'require ["copy", "vacation"]; redirect :copy "else@example.net"; vacation "away";'

    def test_goes_to_the_relay_once(self):
        sink = self.enterContext(Sink())
        one = server(self, {"outgoing": {"relay": f"{HOST}:{sink.port}"}})
        activate(one, "ann", self.SCRIPT)
        self.assertEqual(one.deliver(["ann@example.org"], MESSAGE, "eve@example.com"), [250])
        wait_until(lambda: len(sink.messages) == 2, one.log_end)
        self.assertEqual(one.deliver(["ann@example.org"], MESSAGE, "eve@example.com"), [250])
        wait_until(lambda: not self.outbox(one))
        sent = {recipient: (sender, message) for sender, recipient, message in sink.messages}
        self.assertEqual(len(sink.messages), 2)
        sender, message = sent["else@example.net"]
        self.assertEqual(sender, "eve@example.com")
        self.assertTrue(message.startswith(b"X-Loop: ann@example.org\r\nReceived: "), message)
        self.assertTrue(message.endswith(MESSAGE))
        sender, message = sent["eve@example.com"]
        self.assertEqual(sender, "")
        self.assertIn(b"Auto-Submitted: auto-replied", message)
        self.assertEqual(subjects(one, "ann"), ["hello"])

    def test_waits_for_a_relay_and_for_its_own_server(self):
        sink = self.enterContext(Sink())
        sink.replies["RCPT"] = "451 4.7.1 come back later"
        one = server(self, {"outgoing": {"relay": f"{HOST}:{sink.port}"}})
        activate(one, "ann", self.SCRIPT)
        self.assertEqual(one.deliver(["ann@example.org"], MESSAGE, "eve@example.com"), [250])
        wait_until(lambda: one.log.read_text().count("come back later") >= 2, one.log_end)
        self.assertEqual(len(self.outbox(one)), 2)
        one.kill()
        sink.replies.clear()
        one.start()
        wait_until(lambda: len(sink.messages) == 2, one.log_end)
        wait_until(lambda: not self.outbox(one))

    def test_comes_back_to_who_sent_it_on_if_it_is_refused(self):
        sink = self.enterContext(Sink())
        sink.replies["."] = "554 5.7.1 we do not want that"
        one = server(self, {"outgoing": {"relay": f"{HOST}:{sink.port}"}})
        activate(one, "ann", 'redirect "else@example.net";')
        self.assertEqual(one.deliver(["ann"], MESSAGE), [250])
        wait_until(lambda: subjects(one, "ann") == ["hello"], one.log_end)
        wait_until(lambda: not self.outbox(one))

    def test_goes_by_a_command(self):
        directory = self.enterContext(Server(services=SERVICES)).directory
        command = directory / "sendmail"
        command.write_text(f'#!/bin/sh\necho "$*" > {directory}/words\ncat > {directory}/message\n'
                           f'ls /proc/self/fd | wc -l > {directory}/open\n')
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        one = server(self, {"outgoing": {"sendmail": f"{command} -oi"}})
        activate(one, "ann", 'redirect "else@example.net";')
        message = MESSAGE + b"a CR \r alone\r\n"
        self.assertEqual(one.deliver(["ann"], message, "eve@example.com"), [250])
        wait_until(lambda: (directory / "open").exists() and not self.outbox(one), one.log_end)
        self.assertEqual((directory / "words").read_text().strip(),
                         "-oi -f eve@example.com -- else@example.net")
        self.assertTrue((directory / "message").read_bytes()
                        .endswith(message.replace(b"\r\n", b"\n")))
        self.assertLessEqual(int((directory / "open").read_text()), 5, "it inherits our files")

    def outbox(self, one):
        return one.admin("outbox list")[0]


class AnyOctets(unittest.TestCase):
    OCTETS = bytes(range(256)) * 400 + b"\n.\r\n"
    HEAD = (b"Message-ID: <1@example.com>\r\nSubject: any\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n")

    def check(self, message):
        self.assertNotIn(b"\0", message)
        self.assertLess(max(map(len, message.split(b"\r\n"))), 999)
        parsed = email.message_from_bytes(message)
        self.assertEqual(parsed.get_payload(decode=True), self.OCTETS)

    def test_come_through_all_protocols_of_lines(self):  # RFC 3030 section 3
        sink = self.enterContext(Sink())
        one = self.enterContext(Server(services=(*SERVICES, "pop3"),
                                       more={"outgoing": {"relay": f"{HOST}:{sink.port}"}}))
        one.add_user("ann")
        activate(one, "ann", 'require "copy"; redirect :copy "else@example.net";')
        with Lmtp(one.ports["lmtp"]) as lmtp:
            lmtp.command("MAIL FROM:<eve@example.com> BODY=BINARYMIME")
            lmtp.command("RCPT TO:<ann>")
            message = self.HEAD + self.OCTETS
            lmtp.file.write(f"BDAT {len(message)} LAST\r\n".encode() + message)
            lmtp.file.flush()
            self.assertEqual(lmtp.reply(), 250)
        with one.imap("ann") as imap:
            imap.select("INBOX", readonly=True)
            self.check(imap.fetch("1", "(BODY.PEEK[])")[1][0][1])
        pop3 = poplib.POP3(HOST, one.ports["pop3"], timeout=60)
        pop3.user("ann")
        pop3.pass_(PASSWORD)
        self.check(b"\r\n".join(pop3.retr(1)[1]) + b"\r\n")
        pop3.quit()
        wait_until(lambda: sink.messages, one.log_end)
        self.check(sink.messages[0][2])
        self.assertFalse(one.verify())


class AfterAFailOver(unittest.TestCase):
    def test_scripts_run_duplicates_are_known_and_the_outbox_is_sent(self):
        sink = self.enterContext(Sink())
        sink.replies["MAIL"] = "451 not now"
        outgoing = {"outgoing": {"relay": f"{HOST}:{sink.port}"}}
        services = (*SERVICES, "sync")
        two = self.enterContext(Server("two", "replica", services=services, more=outgoing))
        one = self.enterContext(Server("one", "primary", services=services, more=outgoing,
                                       channel={"host": HOST, "port": two.ports["sync"]}))
        one.add_user("ann")
        large = "# \u00e4\n" * 200_000 + "keep;\n"
        one.gemel("sieve", "put", "ann", "large", input=large)  # R16
        activate(one, "ann", 'require "fileinto"; redirect "else@example.net"; keep;')
        self.assertEqual(one.deliver(["ann"], MESSAGE), [250])
        self.assertEqual(two.deliver(["ann"], MESSAGE), [451])
        wait_until(lambda: "not now" in one.log.read_text(), one.log_end)
        wait_until(lambda: one.digest() == two.digest(), two.log_end)
        self.assertEqual(two.gemel("sieve", "get", "ann", "large"), large)
        one.kill()
        sink.replies.clear()
        two.gemel("promote", "--force")
        wait_until(lambda: len(sink.messages) == 1, two.log_end)
        # The sender had no reply and comes again.
        self.assertEqual(two.deliver(["ann"], MESSAGE), [250])
        self.assertEqual(subjects(two, "ann"), ["hello"])
        self.assertEqual(two.deliver(["ann"], MESSAGE.replace(b"<1@", b"<2@")), [250])
        wait_until(lambda: len(sink.messages) == 2, two.log_end)
        self.assertEqual(subjects(two, "ann"), ["hello", "hello"])
        self.assertFalse(two.verify())


class Doors(unittest.TestCase):
    def certified(self, more):
        one = Server(services=SERVICES)
        certificate, key = one.directory / "cert.pem", one.directory / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        one.more = {"tls": {"certificate": str(certificate), "key": str(key)}} | more(one)
        self.enterContext(one)
        one.add_user("ann")
        return one

    def test_tls_drops_what_was_sent_before_it(self):  # S01
        one = self.certified(lambda _: {})
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for service, before, behind in (
                ("lmtp", b"LHLO x\r\nSTARTTLS\r\n", b"RSET\r\n"),
                ("managesieve", b"STARTTLS\r\n", b'NOOP "early"\r\n')):
            with self.subTest(service), \
                    socket.create_connection((HOST, one.ports[service]), timeout=30) as plain:
                plain.sendall(before + behind)
                said = b""
                while b"220 2.0.0" not in said and b'OK "begin TLS now"' not in said:
                    said += plain.recv(4096)
                with context.wrap_socket(plain) as tls:
                    tls.sendall(b"NOOP\r\n" if service == "lmtp" else b'NOOP "late"\r\n')
                    late = b"250 2.0.0" if service == "lmtp" else b'"late"'
                    while late not in said.split(b"TLS now", 1)[1]:
                        said += tls.recv(4096)
                    self.assertNotIn(b"early", said)
                    tls.sendall(b"QUIT\r\n" if service == "lmtp" else b"LOGOUT\r\n")
                    rest = b""
                    while piece := tls.recv(4096):
                        rest += piece
                    self.assertEqual(rest.count(b"\r\n"), 1, rest)

    def test_only_who_may_delivers(self):
        one = self.certified(lambda s: {"lmtp": {"listen": [f"{HOST}:{s.ports['lmtp']}"],
                                                 "user": "mta", "password": PASSWORD,
                                                 "auth": "required"}})
        self.assertEqual(one.deliver(["ann"], MESSAGE), [530])
        with Lmtp(one.ports["lmtp"]) as lmtp:
            word = base64.b64encode(f"\0mta\0{PASSWORD}".encode()).decode()
            self.assertEqual(lmtp.command(f"AUTH PLAIN {word}"), 235)
            self.assertEqual(lmtp.deliver(["ann"], MESSAGE), [250])

    def test_others_are_turned_away(self):
        one = self.enterContext(Server(services=("imap",)))
        one.stop()
        port = free_ports(1)[0]
        one.more = {"lmtp": {"listen": [f"{HOST}:{port}"], "allow": ["192.0.2.0/24"]}}
        one.start()
        with socket.create_connection((HOST, port), timeout=30) as link:
            said = b""
            while piece := link.recv(4096):
                said += piece
        self.assertRegex(said, rb"^[45]\d\d [^\r]+\r\n$")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    unittest.main()

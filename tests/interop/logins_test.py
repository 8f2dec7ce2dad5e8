#!/usr/bin/env python3
"""Logins and TLS from outside: certificates by name, ALPN, client certificates, reloading."""

import base64
import hashlib
import hmac
import http.server
import imaplib
import json
import os
import poplib
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
from pathlib import Path

from gemel_server import HOST, PASSWORD, Server, ServerError, free_ports, wait_until


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def certificate(directory, name, alternative):
    """A certificate that nobody signed, and its key."""
    files = [str(Path(directory) / f"{name}.{kind}") for kind in ("pem", "key")]
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-addext", f"subjectAltName={alternative}", "-out", files[0], "-keyout", files[1])
    return files


class Scram:
    """The client's side of SCRAM-SHA-256-PLUS with tls-server-end-point (RFC 5929)."""

    def __init__(self, user, binding, header=b"p=tls-server-end-point,,"):
        self.bare = b"n=" + user.encode() + b",r=" + base64.b64encode(os.urandom(18))
        self.header, self.binding = header, binding

    def __call__(self, challenge):
        if not challenge:
            return self.header + self.bare
        fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
        if b"v" in fields:
            return b""
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), base64.b64decode(fields[b"s"]),
                                     int(fields[b"i"]))
        client = hmac.digest(salted, b"Client Key", "sha256")
        final = b"c=" + base64.b64encode(self.header + self.binding) + b",r=" + fields[b"r"]
        signed = self.bare + b"," + challenge + b"," + final
        signature = hmac.digest(hashlib.sha256(client).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client, signature))
        return final + b",p=" + base64.b64encode(proof)


class Logins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.mail = certificate(cls.directory, "mail", "DNS:mail.example.org,IP:127.0.0.1")
        cls.news = certificate(cls.directory, "news", "DNS:news.example.org")
        cls.ann = certificate(cls.directory, "ann", "email:ann@example.org")
        cls.aliases = cls.directory / "aliases"
        cls.aliases.write_text("postmaster: ann\n")
        cls.mta = certificate(cls.directory, "mta", "email:mta@example.org")
        users = Path(cls.directory) / "users.pem"
        users.write_text("".join(Path(files[0]).read_text() for files in (cls.ann, cls.mta)))
        cls.tls_port, cls.pops_port = free_ports(2)
        cls.server = cls.enterClassContext(Server(
            services=("imap", "pop3", "nntp", "managesieve", "lmtp"),
            more={"lmtp": {"user": "mta", "password": PASSWORD, "auth": "required",
                           "aliases": str(cls.aliases)},
                  "tls": {"certificate": cls.mail[0], "key": cls.mail[1], "client_ca": str(users),
                          "client_name": "local-part"},
                  "imap": {"listen_tls": [f"{HOST}:{cls.tls_port}"]},
                  "pop3": {"listen_tls": [f"{HOST}:{cls.pops_port}"]}},
            extra=f'\n[[tls.host]]\ncertificate = "{cls.news[0]}"\nkey = "{cls.news[1]}"\n'))
        cls.server.add_user("ann")

    def context(self, cafile=None, client=None):
        context = ssl.create_default_context(cafile=cafile or self.mail[0])
        context.check_hostname = False
        if client:
            context.load_cert_chain(*client)
        return context

    def connect(self, context, name=None, port=None):
        raw = socket.create_connection((HOST, port or self.tls_port), timeout=60)
        return context.wrap_socket(raw, server_hostname=name)

    def imap(self, client=None):
        return imaplib.IMAP4_SSL(HOST, self.tls_port, ssl_context=self.context(client=client))

    def test_certificate_by_name(self):
        for name, cafile in (("mail.example.org", self.mail[0]), ("news.example.org", self.news[0]),
                             ("other.example.org", self.mail[0])):
            with self.connect(self.context(cafile), name) as connection:
                self.assertIn(b"OK", connection.recv(1000))

    def test_alpn(self):
        for port, name in ((self.tls_port, "imap"), (self.pops_port, "pop3")):
            context = self.context()
            context.set_alpn_protocols(["http/1.1", name])
            with self.connect(context, port=port) as connection:
                self.assertEqual(connection.selected_alpn_protocol(), name)
        context = self.context()
        context.set_alpn_protocols(["http/1.1"])
        with self.assertRaises(ssl.SSLError):
            self.connect(context)

    def test_openssl_s_client(self):
        def ask(*more):
            return subprocess.run(
                ["openssl", "s_client", "-connect", f"{HOST}:{self.server.ports['imap']}", "-starttls",
                 "imap", "-CAfile", self.mail[0], "-verify_return_error", *more],
                input=b"a1 LOGOUT\r\n", capture_output=True, timeout=60)
        done = ask("-verify_ip", HOST, "-alpn", "imap")
        self.assertIn(b"ALPN protocol: imap", done.stdout)
        self.assertIn(b"Verify return code: 0", done.stdout)
        self.assertIn(b"Acceptable client certificate CA names", done.stdout)
        self.assertNotEqual(ask("-alpn", "http/1.1").returncode, 0)

    def test_scram_plus(self):
        imap = self.imap()
        self.assertIn("AUTH=SCRAM-SHA-256-PLUS", imap.capabilities)
        binding = hashlib.sha256(imap.sock.getpeercert(binary_form=True)).digest()
        imap.authenticate("SCRAM-SHA-256-PLUS", Scram("ann", binding))
        imap.logout()
        for scram in (Scram("ann", b"x" * 32), Scram("nobody", binding)):
            with self.assertRaises(imaplib.IMAP4.error):
                self.imap().authenticate("SCRAM-SHA-256-PLUS", scram)
        with self.assertRaises(imaplib.IMAP4.error):
            self.imap().authenticate("SCRAM-SHA-256", Scram("ann", b"", b"y,,"))
        self.imap().authenticate("SCRAM-SHA-256", Scram("ann", b"", b"n,,"))

    def test_s17_external(self):
        with self.imap() as imap:
            self.assertNotIn("AUTH=EXTERNAL", imap.capabilities)
        with self.imap(client=self.ann) as imap:
            self.assertIn("AUTH=EXTERNAL", imap.capabilities)
            with self.assertRaises(imaplib.IMAP4.error):
                imap.authenticate("EXTERNAL", lambda _: b"bob")
            imap.authenticate("EXTERNAL", lambda _: b"ann")
            self.assertEqual(imap.select("INBOX")[0], "OK")
        # A stranger's certificate names nobody.
        with self.imap(client=self.news) as imap:
            self.assertNotIn("AUTH=EXTERNAL", imap.capabilities)

    def test_only_the_mail_servers_certificate_is_good_for_lmtp(self):
        for client, code in ((self.mta, b"235"), (self.ann, b"535")):
            link = socket.create_connection((HOST, self.server.ports["lmtp"]), timeout=60)
            link.recv(1000)
            link.sendall(b"LHLO x\r\nSTARTTLS\r\n")
            said = b""
            while b"220 2.0.0" not in said:
                said += link.recv(1000)
            with self.context(client=client).wrap_socket(link) as tls:
                stream = tls.makefile("rb")
                tls.sendall(b"LHLO x\r\n")
                lines = [stream.readline()]
                while not lines[-1].startswith(b"250 "):
                    lines.append(stream.readline())
                self.assertTrue(any(b"AUTH" in line and b"EXTERNAL" in line for line in lines))
                tls.sendall(b"AUTH EXTERNAL =\r\n")
                self.assertTrue(stream.readline().startswith(code))

    def test_a_new_certificate_without_a_break(self):
        old = self.imap()
        old.login("ann", PASSWORD)
        # A mistake elsewhere keeps nobody from it.
        self.aliases.write_text("no alias\n")
        certificate(self.directory, "mail", "DNS:new.example.org,IP:127.0.0.1")
        os.kill(self.server.process.pid, signal.SIGHUP)

        def is_new():
            try:
                self.connect(self.context()).close()
                return True
            except ssl.SSLError:
                return False
        wait_until(is_new)
        self.assertEqual(old.noop()[0], "OK")
        old.logout()
        self.assertIn("aliases", self.server.log.read_text())


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer(http.server.BaseHTTPRequestHandler):
    """An authorization server that knows tokens of the form "of-NAME" (RFC 7662)."""

    def do_POST(self):
        asked = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        login = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        token = asked["token"][0]
        if token == "of-slow":
            self.server.goes_on.wait(60)
        claims = {"active": token.startswith("of-"), "username": token.removeprefix("of-")}
        body = json.dumps(claims).encode()
        self.send_response(200 if login == "gemel:secret" else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Tokens(unittest.TestCase):
    def serve(self, oauth):
        server = self.enterContext(Server(
            services=("imap", "pop3", "nntp", "managesieve"), more={"oauth": oauth}))
        for user in ("ann", "slow"):
            server.add_user(user)
        return server

    def log_in(self, server, token, user="ann", mechanism="OAUTHBEARER"):
        """True if the token let its bearer in."""
        message = {"OAUTHBEARER": f"n,a={user},\1auth=Bearer {token}\1\1",
                   "XOAUTH2": f"user={user}\1auth=Bearer {token}\1\1"}[mechanism].encode()
        said = []

        def answer(challenge):
            said.append(challenge)
            return message if len(said) == 1 else b"\1"
        with imaplib.IMAP4(HOST, server.ports["imap"], timeout=60) as imap:
            self.assertIn(f"AUTH={mechanism}", imap.capabilities)
            try:
                imap.authenticate(mechanism, answer)
                return imap.select("INBOX")[0] == "OK"
            except imaplib.IMAP4.error:
                if len(said) == 1:
                    raise
                self.assertEqual(json.loads(said[1]), {"status": "invalid_token"})
                return False

    def test_a_signed_token(self):
        directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (directory / "secret").write_text("s" * 32 + "\n")
        server = self.serve({"keys": [str(directory / "secret")], "algorithm": "HS256",
                             "issuer": "https://id.example", "audience": "gemel"})

        def token(**more):
            claims = {"iss": "https://id.example", "aud": "gemel", "sub": "ann",
                      "exp": time.time() + 600, **more}
            text = ".".join(base64url(json.dumps(part).encode())
                            for part in ({"alg": "HS256", "typ": "JWT"}, claims))
            return text + "." + base64url(hmac.digest(b"s" * 32, text.encode(), "sha256"))
        self.assertTrue(self.log_in(server, token()))
        self.assertTrue(self.log_in(server, token(), mechanism="XOAUTH2"))
        self.assertFalse(self.log_in(server, token(exp=time.time() - 600)))
        self.assertFalse(self.log_in(server, token(sub="bob")))
        self.assertFalse(self.log_in(server, token() + "A"))
        server.gemel("mailbox", "create", "shared", "Team")  # with it comes the owner
        for name, is_user in (("ann", True), ("ann+INBOX", False), ("shared", False),
                              ("$outbox", False), ("$server", False)):
            self.assertEqual(self.doors_open_to(server, token(sub=name)), [is_user] * 4, name)

    def doors_open_to(self, server, token):
        """Which of IMAP, POP3, NNTP and ManageSieve the token lets in."""
        message = base64.b64encode(f"n,,\1auth=Bearer {token}\1\1".encode()).decode()
        doors = (("imap", f"a AUTHENTICATE OAUTHBEARER {message}", b"a OK"),
                 ("pop3", f"AUTH OAUTHBEARER {message}", b"+OK"),
                 ("nntp", f"AUTHINFO SASL OAUTHBEARER {message}", b"281 "),
                 ("managesieve", f'AUTHENTICATE "OAUTHBEARER" "{message}"', b"OK"))
        out = []
        for door, line, success in doors:
            with socket.create_connection((HOST, server.ports[door]), timeout=60) as link:
                stream = link.makefile("rb")
                while door == "managesieve" and not stream.readline().startswith(b"OK"):
                    pass
                if door != "managesieve":
                    stream.readline()
                link.sendall(f"{line}\r\n".encode())
                out.append(stream.readline().startswith(success))
        return out

    def test_introspection_keeps_nobody_else_waiting(self):
        issuer = http.server.ThreadingHTTPServer((HOST, 0), Issuer)
        issuer.goes_on = threading.Event()
        threading.Thread(target=issuer.serve_forever, daemon=True).start()
        self.addCleanup(issuer.server_close)
        self.addCleanup(issuer.shutdown)
        self.addCleanup(issuer.goes_on.set)
        server = self.serve({"introspection_url": f"http://{HOST}:{issuer.server_port}/introspect",
                             "client_id": "gemel", "password": "secret", "userid_claim": "username"})
        slow = []
        threads = [threading.Thread(target=lambda: slow.append(self.log_in(server, "of-slow", "slow")))
                   for _ in range(80)]  # more than there are workers
        for thread in threads:
            thread.start()
        self.assertTrue(self.log_in(server, "of-ann"))
        self.assertFalse(self.log_in(server, "bad"))
        self.assertFalse(self.log_in(server, "of-bob"))
        with server.imap("ann") as imap:
            self.assertEqual(imap.noop()[0], "OK")
        self.assertEqual(slow, [])
        issuer.goes_on.set()
        for thread in threads:
            thread.join()
        self.assertEqual(slow, [True] * 80)

    def issuer_with(self, files):
        """An authorization server on TLS, with that certificate; its port."""
        issuer = http.server.ThreadingHTTPServer((HOST, 0), Issuer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        issuer.socket = context.wrap_socket(issuer.socket, server_side=True)
        threading.Thread(target=issuer.serve_forever, daemon=True).start()
        self.addCleanup(issuer.server_close)
        self.addCleanup(issuer.shutdown)
        return issuer.server_port

    def test_introspection_by_https_trusts_only_whom_the_ca_vouches_for(self):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        good = certificate(directory, "good", "IP:127.0.0.1")
        other = certificate(directory, "other", "IP:127.0.0.1")
        misnamed = certificate(directory, "misnamed", "DNS:id.example.org")
        for files, ca, is_trusted in ((good, good, True), (good, other, False),
                                      (misnamed, misnamed, False)):
            url = f"https://{HOST}:{self.issuer_with(files)}/introspect"
            server = self.serve({"introspection_url": url, "client_id": "gemel", "password": "secret",
                                 "userid_claim": "username", "ca_file": ca[0]})
            if is_trusted:
                self.assertTrue(self.log_in(server, "of-ann"))
                self.assertFalse(self.log_in(server, "bad"))
                continue
            with self.assertRaisesRegex(imaplib.IMAP4.error, r"\[UNAVAILABLE\] the issuer of tokens"):
                self.log_in(server, "of-ann")
            self.assertRegex(server.log.read_text(), "token refused reason=.*certificate")

    def test_wrong_settings_are_named(self):
        for oauth, words in (({"keys": ["/nowhere"]}, "keys"),
                             ({"introspection_url": "http://192.0.2.1/"}, "https"),
                             ({"issuer": "x"}, "introspection_url"),
                             ({"introspection_url": "https://id.example/"}, "client_id")):
            with self.assertRaisesRegex(ServerError, words):
                self.serve(oauth)


class Guessing(unittest.TestCase):
    def test_an_address_that_guesses_is_refused_for_a_while(self):
        server = self.enterContext(Server(services=("imap", "pop3"), more={
            "login": {"failed_delay_ms": 10, "failures_per_address": 4, "count_local": True}}))
        server.add_user("ann")
        with server.imap("ann"):
            pass
        for _ in range(4):
            with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
                server.imap("ann", "wrong")
        with self.assertRaisesRegex(imaplib.IMAP4.error, "too many failed logins"):
            server.imap("ann")
        pop = poplib.POP3(HOST, server.ports["pop3"], timeout=60)
        pop.user("ann")
        with self.assertRaises(poplib.error_proto):
            pop.pass_(PASSWORD)


if __name__ == "__main__":
    unittest.main()

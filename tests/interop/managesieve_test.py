#!/usr/bin/env python3
"""ManageSieve by the clients that people have: sieve-connect, sievelib, and one that talks as the
mail programs do (STARTTLS, SCRAM, everything pipelined that may be)."""

import base64
import hashlib
import hmac
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import unittest

from gemel_server import HOST, PASSWORD, Server, skip

SCRIPT = 'require ["fileinto", "variables"];\n# \u00e4\nfileinto "Lists";\n'


def certified():
    """A server whose certificate is for localhost."""
    one = Server(services=("imap", "lmtp", "managesieve"))
    certificate, key = one.directory / "cert.pem", one.directory / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key,
                    "-out", certificate], check=True, capture_output=True)
    one.more = {"tls": {"certificate": str(certificate), "key": str(key)}}
    return one


class SieveConnect(unittest.TestCase):
    def run_it(self, *arguments, succeeds=True):
        reader, writer = os.pipe()
        os.write(writer, PASSWORD.encode() + b"\n")
        os.close(writer)
        done = subprocess.run(
            ["sieve-connect", "--server", "localhost", "--4", "--port", str(self.one.ports["managesieve"]),
             "--user", "ann", "--passwordfd", str(reader), "--tlscafile",
             str(self.one.directory / "cert.pem"), *arguments],
            pass_fds=(reader,), capture_output=True, text=True, timeout=60)
        os.close(reader)
        self.assertEqual(done.returncode == 0, succeeds, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_scripts_go_up_and_down(self):
        if not shutil.which("sieve-connect"):
            self.skipTest("no sieve-connect")
        self.one = self.enterContext(certified())
        self.one.add_user("ann")
        local = self.one.directory / "filter.sieve"
        local.write_text(SCRIPT)
        self.run_it("--upload", "--localsieve", str(local), "--remotesieve", "main")
        self.run_it("--activate", "--remotesieve", "main")
        self.assertRegex(self.run_it("--list"), r'"?main"?.*ACTIVE')
        back = self.one.directory / "back.sieve"
        self.run_it("--download", "--localsieve", str(back), "--remotesieve", "main")
        self.assertEqual(back.read_text(), SCRIPT)
        local.write_text("kepp;")
        said = self.run_it("--upload", "--localsieve", str(local), "--remotesieve", "bad",
                           succeeds=False)
        self.assertIn("there is no command", said)
        self.run_it("--deactivate")
        self.run_it("--delete", "--remotesieve", "main")
        self.assertNotIn("main", self.run_it("--list"))


class Sievelib(unittest.TestCase):
    def test_a_filter_is_kept_and_found_again(self):
        sys.path.append("/usr/lib/python3/dist-packages")
        try:
            from sievelib.managesieve import Client
        except ImportError:
            self.skipTest("no sievelib")
        one = self.enterContext(Server(services=("imap", "managesieve")))
        one.add_user("ann")
        client = Client(HOST, one.ports["managesieve"])
        self.assertTrue(client.connect("ann", PASSWORD))
        self.assertIn("fileinto", client.get_sieve_capabilities())
        self.assertTrue(client.havespace("main", 1000))
        self.assertTrue(client.checkscript(SCRIPT))
        self.assertFalse(client.checkscript("kepp;"))
        self.assertTrue(client.putscript("main", SCRIPT))
        self.assertFalse(client.putscript("bad", "kepp;"))
        self.assertTrue(client.putscript("second", "keep;"))
        self.assertTrue(client.setactive("main"))
        self.assertEqual(client.listscripts(), ("main", ["second"]))
        self.assertEqual(client.getscript("main").strip().splitlines(), SCRIPT.splitlines())
        self.assertTrue(client.renamescript("second", "third"))
        self.assertFalse(client.deletescript("main"))
        self.assertTrue(client.deletescript("third"))
        self.assertEqual(client.listscripts(), ("main", []))
        client.logout()


class Scram:
    """The client's side of SCRAM-SHA-256 (RFC 5802), for tests."""

    def __init__(self, user, password):
        self.password, self.bare = password.encode(), f"n={user},r=abcdefgh".encode()

    def answer(self, challenge):
        fields = dict(item.split(b"=", 1) for item in challenge.split(b","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(fields[b"s"]),
                                     int(fields[b"i"]))
        final = b"c=biws,r=" + fields[b"r"]
        signed = b",".join((self.bare, challenge, final))
        key = hmac.digest(salted, b"Client Key", "sha256")
        proof = bytes(a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), signed,
                                                             "sha256")))
        self.signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")
        return final + b",p=" + base64.b64encode(proof)


class AsMailProgramsDo(unittest.TestCase):
    def connect(self, port):
        self.socket = self.enterContext(socket.create_connection((HOST, port), timeout=60))
        self.file = self.socket.makefile("rb")
        self.addCleanup(lambda: self.file.close())

    def answer(self):
        """Lines up to the one that ends an answer; a literal is part of its line."""
        lines = []
        while True:
            line = self.file.readline()
            self.assertTrue(line.endswith(b"\n"), "the server has closed the connection")
            if literal := re.search(rb"\{(\d+)\}\r\n$", line):
                line = line[:literal.start()] + self.file.read(int(literal[1])) + self.file.readline()
            lines.append(line.strip().decode())
            if re.match(r"OK|NO|BYE", lines[-1]):
                return lines

    def say(self, text):
        self.socket.sendall(text.encode() + b"\r\n")
        return self.answer()

    def log_in(self, user):
        scram = Scram(user, PASSWORD)
        first = base64.b64encode(b"n,," + scram.bare).decode()
        self.socket.sendall(f'AUTHENTICATE "SCRAM-SHA-256" "{first}"\r\n'.encode())
        challenge = base64.b64decode(self.file.readline().strip().strip(b'"'))
        reply = base64.b64encode(scram.answer(challenge)).decode()
        lines = self.say(f'"{reply}"')
        signature = re.search(r'SASL "([^"]+)"', lines[-1])[1]
        self.assertEqual(base64.b64decode(signature), b"v=" + base64.b64encode(scram.signature))

    def test_a_whole_evening(self):
        one = self.enterContext(certified())
        one.add_user("ann")
        self.connect(one.ports["managesieve"])
        self.assertIn('"STARTTLS"', self.answer())
        self.assertTrue(self.say("STARTTLS")[-1].startswith("OK"))
        context = ssl.create_default_context(cafile=one.directory / "cert.pem")
        self.socket = self.enterContext(context.wrap_socket(self.socket, server_hostname="localhost"))
        self.file = self.socket.makefile("rb")
        after = self.answer()  # RFC 5804 §2.2: the capabilities come again
        self.assertNotIn('"STARTTLS"', after)
        self.assertIn("PLAIN", next(line for line in after if line.startswith('"SASL"')))
        self.log_in("ann")
        size = len(SCRIPT.encode())
        self.socket.sendall(f'HAVESPACE "main" {size}\r\nCHECKSCRIPT {{{size}+}}\r\n{SCRIPT}\r\n'
                            f'PUTSCRIPT "main" {{{size}+}}\r\n{SCRIPT}\r\nSETACTIVE "main"\r\n'
                            'LISTSCRIPTS\r\nGETSCRIPT "main"\r\n'.encode())
        answers = [self.answer() for _ in range(6)]
        for lines in answers:
            self.assertTrue(lines[-1].startswith("OK"), answers)
        self.assertEqual(answers[4][0], '"main" ACTIVE')
        self.assertEqual(answers[5][0], SCRIPT.strip())
        self.assertIn('TAG "alive"', self.say('NOOP "alive"')[-1])
        self.assertTrue(self.say('PUTSCRIPT "bad" "kepp;"')[-1].startswith("NO"))
        self.assertTrue(self.say("UNAUTHENTICATE")[-1].startswith("OK"))
        self.assertTrue(self.say("LISTSCRIPTS")[-1].startswith("NO"))
        self.log_in("ann")
        self.assertEqual(self.say("LISTSCRIPTS")[0], '"main" ACTIVE')
        self.assertTrue(self.say("LOGOUT")[-1].startswith("OK"))
        self.assertEqual(self.file.read(), b"")


if __name__ == "__main__":
    if not shutil.which("openssl"):
        skip("no openssl")
    unittest.main()

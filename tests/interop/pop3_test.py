#!/usr/bin/env python3
"""POP3 from outside: Python's library, and the clients that people have, as they are."""

import poplib
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from gemel_server import HOST, PASSWORD, Pair, Server, ServerError, free_ports

MESSAGE = b"From: Ida <ida@example.org>\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n\r\n%s\r\n"


def message(name, text="hello"):
    return MESSAGE % (name.encode(), name.encode(), text.encode())


def certificate(directory):
    """A certificate for localhost that nobody signed, and its key."""
    files = [str(Path(directory) / name) for name in ("cert.pem", "key.pem")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


def pop(server, user="ann", password=PASSWORD):
    connection = poplib.POP3(HOST, server.ports["pop3"], timeout=60)
    connection.user(user)
    connection.pass_(password)
    return connection


class Pop3(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cert, key = certificate(cls.directory)
        cls.server = cls.enterClassContext(
            Server(services=("imap", "lmtp", "pop3"), more={"tls": {"certificate": cert, "key": key}}))
        cls.tls = ssl.create_default_context(cafile=cert)
        cls.users = 0

    def setUp(self):
        type(self).users += 1
        self.user = f"user{self.users}"
        self.server.add_user(self.user)
        self.home = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def deliver(self, *messages):
        for one in messages:
            self.assertEqual(self.server.deliver([self.user], one), [250])

    def left(self):
        connection = pop(self.server, self.user)
        count = connection.stat()[0]
        connection.quit()
        return count

    def run_(self, *command, ok=(0,)):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120,
                              env={"HOME": str(self.home), "PATH": "/usr/bin:/bin"}, check=False)
        self.assertIn(done.returncode, ok, done.stdout + done.stderr + self.server.log_end())
        return done.stdout

    def need(self, program):
        if not shutil.which(program):
            self.skipTest(f"{program} is missing")

    # --- the protocol ---

    def test_poplib_takes_and_deletes(self):
        self.deliver(message("one"), message("two", ".dots\r\n..\r\n."), message("three"))
        connection = pop(self.server, self.user)
        count, octets = connection.stat()
        self.assertEqual(count, 3)
        sizes = [int(line.split()[1]) for line in connection.list()[1]]
        self.assertEqual(sum(sizes), octets)
        lines = connection.retr(2)[1]
        self.assertEqual(lines[-3:], [b".dots", b"..", b"."])
        self.assertEqual(sum(len(line) + 2 for line in lines), sizes[1])
        self.assertIn(b"Subject: one", connection.top(1, 0)[1])
        connection.dele(1)
        connection.rset()
        connection.dele(3)
        self.assertIn("PIPELINING", connection.capa())
        connection.quit()
        with self.server.imap(self.user) as imap:
            imap.select("INBOX")
            self.assertEqual(imap.search(None, "SEEN")[1], [b"2"])
            self.assertEqual(imap.search(None, "ALL")[1], [b"1 2"])

    def test_p04_m13_octets_are_those_of_list(self):
        texts = [b"a\n\n.\n..\nb", b"no end", b"\r\n", b".", b"h: v\r\n\r\n\r\n..\r\n", b"h: v\n\nx\r\n",
                 b"h: v\r\n\r\nFrom x\r\n>From y\r\n>>From z\r\n"]
        with self.server.imap(self.user) as imap:
            for text in texts:
                imap._mesg = text  # imaplib would change the line ends
                imap.literal = text
                imap._simple_command("APPEND", "INBOX")
        with socket.create_connection((HOST, self.server.ports["pop3"]), timeout=60) as link:
            lines = link.makefile("rwb")
            lines.readline()

            def say(text):
                lines.write(text + b"\r\n")
                lines.flush()
                return lines.readline()

            say(b"USER " + self.user.encode())
            say(b"PASS " + PASSWORD.encode())
            for number in range(1, len(texts) + 1):
                octets = int(say(b"LIST %d" % number).split()[2])
                for command in (b"RETR %d", b"TOP %d 1000"):
                    self.assertTrue(say(command % number).startswith(b"+OK"))
                    got = b""
                    while (line := lines.readline()) != b".\r\n":
                        self.assertTrue(line.endswith(b"\r\n"))
                        got += line[1:] if line.startswith(b".") else line
                    self.assertEqual(len(got), octets, texts[number - 1])
                    self.assertEqual(got.replace(b"\r\n", b"\n").removesuffix(b"\n"),
                                     texts[number - 1].replace(b"\r\n", b"\n").removesuffix(b"\n"))

    def test_s01_nothing_from_before_stls_runs_after_it(self):
        with socket.create_connection((HOST, self.server.ports["pop3"]), timeout=60) as link:
            link.recv(1000)
            link.sendall(b"STLS\r\nUSER %s\r\nPASS %s\r\nSTAT\r\n"
                         % (self.user.encode(), PASSWORD.encode()))
            self.assertTrue(link.recv(1000).startswith(b"+OK"))
            with self.tls.wrap_socket(link, server_hostname=HOST) as secured:
                secured.sendall(b"STAT\r\nCAPA\r\n")
                said = b""
                while not said.endswith(b"\r\n.\r\n"):
                    said += secured.recv(1000)
        self.assertTrue(said.startswith(b"-ERR log in first\r\n+OK"))
        self.assertNotIn(b"STLS", said)

    def test_poplib_by_stls(self):
        self.deliver(message("one"))
        connection = poplib.POP3(HOST, self.server.ports["pop3"], timeout=60)
        self.assertIn("STLS", connection.capa())
        connection.stls(self.tls)
        connection.user(self.user)
        connection.pass_(PASSWORD)
        self.assertEqual(connection.stat()[0], 1)
        connection.quit()

    def test_two_sessions_and_a_lost_one(self):
        first = pop(self.server, self.user)
        with self.assertRaisesRegex(poplib.error_proto, r"\[IN-USE\]"):
            pop(self.server, self.user)
        first.close()  # without QUIT
        deadline = time.monotonic() + 60
        while True:
            try:
                second = pop(self.server, self.user)
                break
            except poplib.error_proto:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
        second.quit()

    def test_a_mailbox_below(self):
        with self.server.imap(self.user) as imap:
            imap.create("Lists/cxx")
            imap.append("Lists/cxx", None, None, message("below"))
        connection = pop(self.server, self.user + "+Lists/cxx")
        self.assertIn(b"Subject: below", connection.retr(1)[1])
        connection.quit()

    def test_many_messages_cost_little(self):
        mail = self.home / "mail"
        mail.write_bytes(b"".join(b"From a Mon Jan  1 10:00:00 2024\nSubject: %d\n\nx\n\n" % i
                                  for i in range(20_000)))
        self.server.gemel("import", self.user, mail, "--mailbox", "INBOX")
        connection = pop(self.server, self.user)
        before = self.server.memory_kb()
        for listing in (connection.list, connection.uidl):
            self.assertEqual(len(listing()[1]), 20_000)
        self.assertLess(self.server.memory_kb() - before, 50_000)
        for number in range(1, 20_001):
            connection._putcmd(f"DELE {number}")
        for _ in range(20_000):
            connection._getresp()
        connection.quit()
        self.assertEqual(self.left(), 0)

    def test_s05_s06_s08_odd_names_and_broken_off_logins_are_no_more_than_refused(self):
        for name in (b"\xff\xfe", b"a\0b", b"%{x}", b"../ann", b"a'b", b"a)(uid=*", b"a/b", b"x" * 2000,
                     b"x" * 65536):
            with socket.create_connection((HOST, self.server.ports["pop3"]), timeout=60) as link:
                with link.makefile("rb") as lines:
                    lines.readline()
                    link.sendall(b"USER " + name + b"\r\nPASS x\r\nAUTH PLAIN\r\n*\r\n")
                    said = [lines.readline() for _ in range(2)]
                self.assertTrue(said[-1].startswith(b"-ERR"), (name, said))
        for number in range(1100):
            if number == 100:  # it has what it needs
                before = self.server.memory_kb()
            with socket.create_connection((HOST, self.server.ports["pop3"]), timeout=60) as link:
                link.sendall(b"AUTH SCRAM-SHA-256\r\n")
        self.assertEqual(self.left(), 0)
        self.assertLess(self.server.memory_kb() - before, 50_000)

    # --- clients ---

    def test_curl(self):
        self.need("curl")
        self.deliver(message("one"), message("two"))
        url = f"pop3://{HOST}:{self.server.ports['pop3']}/"
        ask = ("curl", "-s", "--ssl-reqd", "--cacert", self.directory / "cert.pem",
               "-u", f"{self.user}:{PASSWORD}")
        self.assertEqual(len(self.run_(*ask, url).split("\n")), 3)
        self.assertIn("Subject: two", self.run_(*ask, url + "2"))
        self.run_(*ask, url + "1", "-X", "DELE", "-I")
        self.assertEqual(self.left(), 1)

    def test_fetchmail(self):
        self.need("fetchmail")
        self.deliver(message("one"), message("two", ".\r\n.."))
        box = self.home / "box"
        control = self.home / "fetchmailrc"
        control.write_text(f'poll {HOST} service {self.server.ports["pop3"]} protocol pop3 uidl\n'
                           f'  user "{self.user}" password "{PASSWORD}" keep\n'
                           f'  sslproto "" mda "cat >> {box}"\n')
        control.chmod(0o600)
        self.run_("fetchmail", "-f", control, "-i", self.home / "ids")
        self.assertIn("Subject: two", box.read_text())
        self.assertTrue(box.read_text().rstrip("\n").endswith("\n.\n.."))
        self.deliver(message("three"))
        box.unlink()
        self.run_("fetchmail", "-f", control, "-i", self.home / "ids")
        self.assertNotIn("Subject: two", box.read_text())
        self.assertIn("Subject: three", box.read_text())
        control.write_text(control.read_text().replace("keep", "nokeep fetchall"))
        self.run_("fetchmail", "-f", control, "-i", self.home / "ids")
        self.assertEqual(self.left(), 0)

    def test_getmail(self):
        self.need("getmail")
        self.deliver(message("one"), message("two"))
        box = self.home / "box"
        take = self.home / "take"  # getmail's own deliveries refuse to work as root
        take.write_text(f"#!/bin/sh\necho x >> {box}\nexec cat > /dev/null\n")
        take.chmod(0o700)
        (self.home / "getmailrc").write_text(
            f"[retriever]\ntype = SimplePOP3Retriever\nserver = {HOST}\n"
            f"port = {self.server.ports['pop3']}\nusername = {self.user}\npassword = {PASSWORD}\n"
            f"[destination]\ntype = MDA_external\npath = {take}\nallow_root_commands = true\n"
            "[options]\nread_all = false\ndelete = false\n")
        for expected in (2, 2):  # the second time there is nothing new
            self.run_("getmail", "--getmaildir", self.home, "--rcfile", self.home / "getmailrc")
            self.assertEqual(len(box.read_text().split()), expected)
        self.deliver(message("three"))
        self.run_("getmail", "--getmaildir", self.home, "--rcfile", self.home / "getmailrc", "--delete")
        self.assertEqual(len(box.read_text().split()), 3)
        self.assertEqual(self.left(), 0)

    def test_mpop(self):
        self.need("mpop")
        self.deliver(message("one"), message("two"))
        box = self.home / "box"
        for name in ("cur", "new", "tmp"):
            (box / name).mkdir(parents=True)
        control = self.home / "mpoprc"
        control.write_text(f"account a\nhost {HOST}\nport {self.server.ports['pop3']}\ntls on\n"
                           f"tls_starttls on\ntls_trust_file {self.directory / 'cert.pem'}\n"
                           f"user {self.user}\npassword {PASSWORD}\nauth scram-sha-256\nkeep on\n"
                           f"uidls_file {self.home / 'uidls'}\ndelivery maildir {box}\n")
        control.chmod(0o600)
        for expected in (2, 2):
            self.run_("mpop", "-C", control, "a")
            self.assertEqual(len(list((box / "new").iterdir())), expected)
        self.deliver(message("three"))
        control.write_text(control.read_text().replace("keep on", "keep off"))
        self.run_("mpop", "-C", control, "a")
        self.assertEqual(len(list((box / "new").iterdir())), 3)
        self.assertEqual(self.left(), 0)


class Configured(unittest.TestCase):
    """What is otherwise by configuration."""

    def server(self, **pop3):
        server = self.enterContext(Server(
            services=("imap", "lmtp", "pop3"),
            more={"pop3": pop3, "expire": {"rules": {"INBOX": "days=30", "Many": "at-most=9"}}}))
        server.add_user("ann")
        return server

    def test_hidden_messages_stay_for_imap(self):
        server = self.server(on_delete="hide")
        for name in ("one", "two"):
            server.deliver(["ann"], message(name))
        connection = pop(server)
        uidls = connection.uidl()[1]
        connection.retr(1)
        connection.dele(1)
        connection.quit()
        connection = pop(server)
        self.assertEqual(connection.stat()[0], 1)
        self.assertEqual(connection.uidl()[1], [b"1 " + uidls[1].split()[1]])
        connection.quit()
        with server.imap("ann") as imap:
            self.assertEqual(imap.select("INBOX")[1], [b"2"])
            self.assertIn(rb"(\Seen $Pop3Hidden", imap.fetch("1", "(FLAGS)")[1][0])
            imap.store("1", "-FLAGS", "($Pop3Hidden)")  # and POP3 has it again
        connection = pop(server)
        self.assertEqual(connection.uidl()[1], uidls)
        connection.quit()

    def test_expire_says_what_the_rule_promises(self):  # RFC 2449 §6.7
        server = self.server()
        for path in ("Lists", "Many"):
            server.gemel("mailbox", "create", "ann", path)
        before = poplib.POP3(HOST, server.ports["pop3"], timeout=60)
        self.assertEqual(before.capa()["EXPIRE"], ["30", "USER"])
        before.quit()
        for user, words in (("ann", ["30"]), ("ann+Lists", ["NEVER"]), ("ann+Many", None)):
            connection = pop(server, user)
            self.assertEqual(connection.capa().get("EXPIRE"), words)
            connection.quit()
        server.gemel("rule", "set", "ann", "INBOX", "days=7")
        connection = pop(server)
        self.assertEqual(connection.capa()["EXPIRE"], ["7"])
        connection.quit()

    def test_login_delay(self):  # RFC 2449 §6.5
        server = self.server(login_delay_s=600)
        connection = pop(server)
        self.assertEqual(connection.capa()["LOGIN-DELAY"], ["600"])
        connection.quit()
        connection = poplib.POP3(HOST, server.ports["pop3"], timeout=60)
        connection.user("ann")
        with self.assertRaisesRegex(poplib.error_proto, r"\[LOGIN-DELAY\]"):
            connection.pass_(PASSWORD)
        connection.quit()

    def test_utf8_headers_only_where_they_were_asked_for(self):  # RFC 6856
        server = self.server(utf8_headers="refuse")
        server.deliver(["ann"], message("h\u00e9"))
        plain = pop(server)
        with self.assertRaisesRegex(poplib.error_proto, r"\[UTF8\]"):
            plain.retr(1)
        plain.quit()
        connection = poplib.POP3(HOST, server.ports["pop3"], timeout=60)
        connection.utf8()
        connection.user("ann")
        connection.pass_(PASSWORD)
        self.assertIn("Subject: h\u00e9".encode(), connection.retr(1)[1])
        connection.quit()


class Moved(unittest.TestCase):
    """UIDLs of mail that came from another server, and on a second server."""

    def setUp(self):
        self.home = Path(self.enterContext(tempfile.TemporaryDirectory()))

    @staticmethod
    def uidls(server, user="ann"):
        connection = pop(server, user)
        lines = [line.decode().split(" ", 1)[1] for line in connection.uidl()[1]]
        connection.quit()
        return lines

    def maildir(self, name, files, uidlist):
        box = self.home / name
        for part in ("cur", "new", "tmp"):
            (box / part).mkdir(parents=True)
        for file in files:
            (box / "cur" / (file + ":2,S")).write_bytes(message(file))
        (box / "dovecot-uidlist").write_text(uidlist)
        return box

    def test_p02_uidls_are_kept_byte_for_byte_and_replicate(self):
        pair = Pair()
        for side in pair.sides:
            side.ports["pop3"] = free_ports(1)[0]
        with pair:
            primary, replica = pair.sides
            primary.add_user("ann")
            box = self.maildir("dovecot", ["1.a", "2.b", "3.c", "4.d"],
                               "3 V1275660208 N25022 Gabc\n"
                               "7 :1.a\n"
                               "9 POld~!\"#$%&'()*+UIDL W99 :2.b:2,S\n"
                               "11 P{0x22} S1 :3.c\n"
                               "12 :gone\n")
            primary.gemel("import", "ann", box, "--uidl-dovecot")
            expected = ["000000074c0907b0", "Old~!\"#$%&'()*+UIDL", "{0x22}"]
            got = self.uidls(primary)
            self.assertEqual(got[:3], expected)
            self.assertRegex(got[3], r"^\d+\.4$")  # the list does not name it
            headers = self.home / "mbox"
            headers.write_text("From a Mon Jan  1 10:00:00 2024\nX-UIDL:  fold\n  ed\n\nx\n\n"
                               "From a Mon Jan  1 10:00:00 2024\nX-UIDL: head.1\n\ny\n\n"
                               "From a Mon Jan  1 10:00:00 2024\nX-UIDL: head.1\n\nz\n\n")
            said = primary.gemel("import", "ann", headers, "--mailbox", "INBOX",
                                 "--uidl-header", "x-uidl")
            self.assertIn("1 UIDLs kept, 2 refused", said)
            names = self.home / "names"
            names.write_text(f"5.e:2,F UIDL5\n6.f {got[3].split('.')[0]}.99\n")
            box = self.maildir("cyrus", ["5.e", "6.f"], "")
            self.assertIn("1 UIDLs kept, 1 refused",
                          primary.gemel("import", "ann", box, "--uidl-list", names))
            got = self.uidls(primary)
            self.assertEqual(len(set(got)), 9)
            self.assertEqual(got[5], "head.1")
            self.assertEqual(got[7], "UIDL5")
            pair.wait_equal()
            self.assertEqual(self.uidls(replica), got)
            self.assertEqual(primary.dump(), replica.dump())
            self.assertEqual(primary.verify() + replica.verify(), [])

    def test_r22_uidls_are_equal_on_both_servers(self):
        pair = Pair()
        for side in pair.sides:
            side.ports["pop3"] = free_ports(1)[0]
        with pair:
            primary, replica = pair.sides
            primary.add_user("ann")
            for name in ("one", "two", "three"):
                primary.deliver(["ann"], message(name))
            connection = pop(primary)
            connection.dele(2)
            connection.quit()
            primary.deliver(["ann"], message("four"))
            pair.wait_equal()
            self.assertEqual(self.uidls(primary), self.uidls(replica))
            connection = pop(replica)
            self.assertIn(b"Subject: four", connection.retr(3)[1])
            with self.assertRaisesRegex(poplib.error_proto, "replica"):
                connection.dele(1)
            connection.quit()

    def test_uidls_are_the_same_after_a_promotion(self):
        pair = Pair()
        for side in pair.sides:
            side.ports["pop3"] = free_ports(1)[0]
        with pair:
            primary, replica = pair.sides
            primary.add_user("ann")
            (self.home / "mbox").write_text("From a Mon Jan  1 10:00:00 2024\nX-UIDL: old.1\n\nx\n\n")
            primary.gemel("import", "ann", self.home / "mbox", "--mailbox", "INBOX",
                          "--uidl-header", "X-UIDL")
            for name in ("one", "two"):
                primary.deliver(["ann"], message(name))
            before = self.uidls(primary)
            pair.wait_equal()
            primary.kill()
            replica.gemel("promote")
            self.assertEqual(self.uidls(replica), before)
            connection = pop(replica)
            connection.dele(3)
            connection.quit()
            replica.deliver(["ann"], message("three"))
            after = self.uidls(replica)
            self.assertEqual(after[:2], before[:2])
            self.assertNotIn(after[2], before)  # the UIDL of what was deleted does not come again
            self.assertEqual(replica.verify(), [])

    def test_wrong_lists_are_refused_by_line(self):
        with Server(services=("pop3",)) as server:
            server.add_user("ann")
            box = self.maildir("broken", ["1.a"], "3 V1 N1\nx y\n")
            with self.assertRaisesRegex(ServerError, "line 2 makes no sense"):
                server.gemel("import", "ann", box, "--uidl-dovecot")
            with self.assertRaisesRegex(ServerError, "no UIDL format"):
                server.gemel("import", "ann", box, "--uidl-dovecot", "%q")
            (self.home / "names").write_text("a b\n\nnothing\n")
            with self.assertRaisesRegex(ServerError, "line 3 makes no sense"):
                server.gemel("import", "ann", box, "--uidl-list", self.home / "names")


if __name__ == "__main__":
    unittest.main(verbosity=2)

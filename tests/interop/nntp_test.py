#!/usr/bin/env python3
"""NNTP from outside: Python's library, newsreaders and news servers that people have, as they are."""

import os
import pty
import select as select_module
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import warnings
from pathlib import Path

from gemel_server import HOST, PASSWORD, Pair, Server, ServerError, free_ports, wait_until
from failover_test import select
from pop3_test import certificate

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import nntplib


def article(group, name, text="hello", more=""):
    return (f"From: Ida <ida@example.org>\r\nNewsgroups: {group}\r\nSubject: {name}\r\n"
            f"Message-ID: <{name}@example.org>\r\n{more}\r\n{text}\r\n").encode()


def on_a_terminal(command, environment, steps):
    """Runs a full-screen program: where a text has come, its key is pressed. What it showed, until it ended."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], list(map(str, command)),
                   environment | {"TERM": "vt100", "LINES": "24", "COLUMNS": "80"})
    shown, looked_at, deadline = "", 0, time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            if not select_module.select([terminal], [], [], 1)[0]:
                continue
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # it has ended
                return shown
            shown += piece.decode(errors="replace")
            if steps and steps[0][0] in shown[looked_at:]:
                looked_at = len(shown)
                os.write(terminal, steps.pop(0)[1].encode())
        raise AssertionError(f"it does not end; it still waits for {steps}: {shown[-2000:]}")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def news(server, user="ann", password=PASSWORD):
    return nntplib.NNTP(HOST, server.ports["nntp"], user, password, timeout=60)


def numbers(connection, group):
    """Article numbers and message ids, in order."""
    _, count, first, last, _ = connection.group(group)
    if count == 0:
        return []
    return [(number, fields["message-id"]) for number, fields in connection.over((first, last))[1]]


class Nntp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cert, key = certificate(cls.directory)
        cls.server = cls.enterClassContext(
            Server(services=("imap", "lmtp", "nntp"),
                   more={"": {"admins": ["root"]}, "tls": {"certificate": cert, "key": key}}))
        cls.tls = ssl.create_default_context(cafile=cert)
        for user in ("ann", "ben", "root"):
            cls.server.add_user(user)
        cls.groups = 0

    def setUp(self):
        type(self).groups += 1
        self.group = f"test.g{self.groups}"
        self.server.gemel("group", "create", self.group, "--description", "About tests")
        self.home = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def need(self, program):
        if not shutil.which(program):
            self.skipTest(f"{program} is missing")

    def post(self, *names, group=None):
        with news(self.server) as connection:
            for name in names:
                connection.post(article(group or self.group, name))

    # --- the protocol ---

    def test_nntplib_reads_what_it_posts(self):
        with news(self.server) as connection:
            self.assertIn("OVER", connection.getcapabilities())
            self.assertIn((self.group, "About tests"),
                          list(connection.descriptions("test.*")[1].items()))
            connection.post(article(self.group, "a1", ".dot\r\n..two\r\nend"))
            connection.post(article(self.group, "a2", more="References: <a1@example.org>\r\n"))
            _, count, first, last, name = connection.group(self.group)
            self.assertEqual((count, first, last, name), (2, 1, 2, self.group))
            over = connection.over((1, 2))[1]
            self.assertEqual([fields["subject"] for _, fields in over], ["a1", "a2"])
            self.assertEqual(over[1][1]["references"], "<a1@example.org>")
            _, info = connection.article("<a1@example.org>")
            self.assertEqual(info.lines[info.lines.index(b"") + 1:], [b".dot", b"..two", b"end"])
            self.assertEqual(connection.stat("2")[1:], (2, "<a2@example.org>"))
            self.assertEqual(connection.xhdr("subject", "1-2")[1], [("1", "a1"), ("2", "a2")])
            self.assertEqual(connection.last()[1], 1)
            self.assertEqual(connection.next()[1], 2)
            with self.assertRaises(nntplib.NNTPTemporaryError):
                connection.post(article(self.group, "a1"))  # again

    def test_imap_sees_the_same_articles_and_each_reader_has_his_own_seen(self):
        self.post("b1", "b2")
        mailbox = f'"Shared/news/{self.group}"'
        with self.server.imap("ann") as ann, self.server.imap("ben") as ben:
            select(ann, mailbox)
            ann.store("1", "+FLAGS", r"(\Seen)")
            ben.select(mailbox, readonly=True)
            self.assertEqual(ann.search(None, "UNSEEN")[1], [b"2"])
            self.assertEqual(ben.search(None, "UNSEEN")[1], [b"1 2"])
            uids = ben.uid("SEARCH", None, "ALL")[1][0].split()
        with news(self.server) as connection:
            self.assertEqual([number for number, _ in numbers(connection, self.group)],
                             [int(uid) for uid in uids])

    def test_what_imap_appends_is_an_article_and_rights_decide(self):
        mailbox = f'"Shared/news/{self.group}"'
        message = b"Subject: by imap\r\n\r\ny\r\n"
        with self.server.imap("ann") as ann, self.server.imap("root") as root:
            self.assertEqual(ann.append(mailbox, None, None, message)[0], "NO")
            root.setacl(mailbox, "ann", "lrsi")
            self.assertEqual(ann.append(mailbox, None, None, message)[0], "OK")
            with news(self.server) as connection:
                found = numbers(connection, self.group)
                self.assertRegex(found[0][1], "^<[^@>]+@[^>]+>$")  # made, as it has none
                lines = connection.article(found[0][1])[1].lines
                self.assertIn(f"Newsgroups: {self.group}".encode(), lines)
                self.assertIn(b"y", lines)
            root.deleteacl(mailbox, "authenticated")
            with news(self.server, "ben") as connection:
                with self.assertRaises(nntplib.NNTPTemporaryError):
                    connection.group(self.group)
                with self.assertRaises(nntplib.NNTPTemporaryError):
                    connection.article(found[0][1])

    def test_a_cross_post_is_one_article(self):
        other = f"{self.group}.other"
        self.server.gemel("group", "create", other)
        self.post("x1", group=f"{self.group},{other}")
        with news(self.server) as connection:
            for group in (self.group, other):
                self.assertEqual(numbers(connection, group), [(1, "<x1@example.org>")])
            lines = connection.head("<x1@example.org>")[1].lines
            xref = next(line for line in lines if line.lower().startswith(b"xref:")).decode()
            self.assertIn(f"{self.group}:1", xref)
            self.assertIn(f"{other}:1", xref)

    def test_s01_nothing_from_before_tls_runs_after_it(self):
        with socket.create_connection((HOST, self.server.ports["nntp"]), timeout=60) as link:
            self.assertTrue(link.recv(1000).startswith(b"20"))
            link.sendall(b"STARTTLS\r\nAUTHINFO USER ann\r\n")
            self.assertTrue(link.recv(1000).startswith(b"382"))
            secure = self.tls.wrap_socket(link, server_hostname=HOST)
            with secure:
                secure.sendall(b"DATE\r\n")
                self.assertTrue(secure.recv(1000).startswith(b"111 "))

    def test_nntplib_by_starttls(self):
        connection = nntplib.NNTP(HOST, self.server.ports["nntp"], timeout=60)
        connection.starttls(self.tls)
        connection.login("ann", PASSWORD)
        self.assertNotIn("STARTTLS", connection.getcapabilities())
        self.assertEqual(connection.group(self.group)[1], 0)
        connection.quit()

    def test_without_a_login_nothing_is_told(self):
        connection = nntplib.NNTP(HOST, self.server.ports["nntp"], timeout=60)
        with self.assertRaisesRegex(nntplib.NNTPTemporaryError, "^480"):
            connection.group(self.group)
        with self.assertRaisesRegex(nntplib.NNTPTemporaryError, "^481"):
            connection.login("ann", "wrong")
        connection.quit()

    def test_s05_s06_s08_odd_names_and_broken_off_logins_are_no_more_than_refused(self):
        for name in (b"\xff\xfe", b"a\0b", b"%{x}", b"../ann", b"a'b", b"a)(uid=*", b"a/b", b"x" * 2000,
                     b"x" * 65536):
            with socket.create_connection((HOST, self.server.ports["nntp"]), timeout=60) as link:
                with link.makefile("rb") as lines:
                    lines.readline()
                    link.sendall(b"AUTHINFO USER " + name + b"\r\nAUTHINFO PASS x\r\n")
                    said = [lines.readline() for _ in range(2)]
                self.assertTrue(said[-1][:2] in (b"48", b"50"), (name, said))
        for number in range(1100):
            if number == 100:  # it has what it needs
                before = self.server.memory_kb()
            with socket.create_connection((HOST, self.server.ports["nntp"]), timeout=60) as link:
                link.sendall(b"AUTHINFO SASL SCRAM-SHA-256\r\n")
        with news(self.server) as connection:
            self.assertEqual(connection.group(self.group)[1], 0)
        self.assertLess(self.server.memory_kb() - before, 50_000)

    def test_s10_a_group_one_may_not_know_of_is_one_that_is_not_there(self):
        with self.server.imap("root") as root:
            root.deleteacl(f'"Shared/news/{self.group}"', "authenticated")
        with socket.create_connection((HOST, self.server.ports["nntp"]), timeout=60) as link:
            with link.makefile("rb") as lines:
                def ask(line):
                    link.sendall(line.encode() + b"\r\n")
                    return lines.readline()
                lines.readline()
                ask("AUTHINFO USER ann")
                self.assertTrue(ask(f"AUTHINFO PASS {PASSWORD}").startswith(b"281"))
                for command in ("GROUP {}", "LISTGROUP {}"):
                    self.assertEqual(ask(command.format(self.group)), ask(command.format("no.such")))
        with news(self.server) as connection:
            self.assertNotIn(self.group, [info.group for info in connection.list()[1]])
            with self.assertRaises(nntplib.NNTPTemporaryError):
                connection.post(article(self.group, "s10"))

    def test_groups_by_the_tool(self):
        gemel = self.server.gemel
        gemel("group", "create", "test.mod", "--status", "moderated", "--moderator", "m@example.org")
        with self.assertRaisesRegex(ServerError, "moderator"):
            gemel("group", "create", "test.mod2", "--status", "moderated")
        with self.assertRaises(ServerError):
            gemel("group", "create", "test..bad")
        gemel("group", "set", self.group, "--status", "closed", "--description", "Closed now")
        self.assertRegex(gemel("group", "list"), rf"{self.group} +closed +0 +0  ?Closed now")
        with self.assertRaisesRegex(nntplib.NNTPTemporaryError, "440|441"):
            self.post("d1")
        with news(self.server) as connection:
            flags = {info.group: info.flag for info in connection.list("test.*")[1]}
            self.assertEqual((flags[self.group], flags["test.mod"]), ("n", "m"))
        gemel("group", "delete", self.group)
        with news(self.server) as connection, self.assertRaises(nntplib.NNTPTemporaryError):
            connection.group(self.group)

    # --- readers ---

    def run_(self, *command, ok=(0,), **how):
        done = subprocess.run(list(map(str, command)), capture_output=True, timeout=120, check=False,
                              env={"HOME": str(self.home), "PATH": "/usr/bin:/bin:/usr/games",
                                   "TERM": "dumb", "NNTPSERVER": HOST}, **how)
        self.assertIn(done.returncode, ok,
                      (done.stdout + done.stderr).decode(errors="replace") + self.server.log_end())
        return done.stdout.decode(errors="replace")

    def test_suck(self):
        self.need("suck")
        self.post("s1", "s2")
        (self.home / "sucknewsrc").write_text(f"{self.group} 0\n")
        ask = ("suck", HOST, "-N", self.server.ports["nntp"], "-U", "ann", "-P", PASSWORD, "-A",
               "-dd", self.home, "-dt", self.home, "-dm", self.home / "msgs", "-m", "-c", "-bp")
        (self.home / "msgs").mkdir()
        ask = [part for part in ask if part not in ("-A", "-bp")]
        self.run_(*ask)
        got = sorted((self.home / "msgs").iterdir())
        self.assertEqual(len(got), 2)
        self.assertIn("Subject: s1", "".join(file.read_text() for file in got))
        self.post("s3")
        self.run_(*ask)
        self.assertEqual(len(list((self.home / "msgs").iterdir())), 3)

    def test_slrn(self):
        self.need("slrn")
        self.post("for-slrn")
        rc, newsrc = self.home / ".slrnrc", self.home / ".newsrc"
        rc.write_text(f'set hostname "x.example.org"\nset username "ann"\n'
                      f'nnrpaccess "{HOST}" "ann" "{PASSWORD}"\nset confirm_actions 0\n')
        newsrc.write_text(f"{self.group}: \n")
        # The group, its article, and out: Q leaves at once.
        said = on_a_terminal(["slrn", "-i", rc, "-h", HOST, "-p", self.server.ports["nntp"], "-f", newsrc],
                             {"HOME": str(self.home), "PATH": "/usr/bin:/bin"},
                             [(self.group, "\r"), ("for-slrn", "\r"), ("hello", "Q")])
        self.assertNotIn("not RFC 2980 compliant", said)
        self.assertRegex(newsrc.read_text(), rf"{self.group}: 1\b")

    def test_tin(self):
        self.need("tin")
        self.post("t1")
        (self.home / ".newsauth").write_text(f"{HOST} {PASSWORD} ann\n")
        (self.home / ".newsauth").chmod(0o600)
        (self.home / ".newsrc").write_text(f"{self.group}:\n")
        # -S saves unread articles for later reading.
        self.run_("tin", "-r", "-A", "-g", HOST, "-p", self.server.ports["nntp"], "-S", "-c", "-f",
                  self.home / ".newsrc", "-s", self.home / "News", ok=(0, 1))
        saved = "".join(file.read_text(errors="replace")
                        for file in self.home.rglob("*") if file.is_file())
        self.assertIn("Subject: t1", saved)


class Two(unittest.TestCase):
    """Groups on two servers."""

    def pair(self):
        pair = Pair()
        for side in pair.sides:
            side.ports["nntp"] = free_ports(1)[0]
            side.more = {"nntp": {"path_identity": "news.example.org"}}
        return pair

    def test_article_numbers_and_articles_are_the_same_after_a_promotion(self):
        with self.pair() as pair:
            primary, replica = pair.sides
            primary.add_user("ann")
            for group in ("a.one", "a.two"):
                primary.gemel("group", "create", group, "--description", group)
            with news(primary) as connection:
                for name in ("n1", "n2", "n3"):
                    connection.post(article("a.one", name))
                connection.post(article("a.two,a.one", "n4"))
            pair.wait_equal()

            def state(server):
                with news(server) as connection:
                    found = {group: numbers(connection, group) for group in ("a.one", "a.two")}
                    texts = [connection.article(id)[1].lines for _, id in found["a.one"]]
                    return found, texts, sorted(connection.list("a.*")[1])

            before = state(primary)
            found, texts, groups = state(replica)
            self.assertEqual(found, before[0])
            self.assertEqual(texts, before[1])  # what is made when it is served, too
            with news(replica) as connection, self.assertRaises(nntplib.NNTPTemporaryError):
                connection.post(article("a.one", "n5"))
            primary.kill()
            replica.gemel("promote")
            self.assertEqual(state(replica)[0], before[0])
            with news(replica) as connection:
                with self.assertRaises(nntplib.NNTPTemporaryError):
                    connection.post(article("a.one", "n1"))  # it knows what was here
                connection.post(article("a.one", "n5"))
                self.assertEqual(numbers(connection, "a.one"),
                                 before[0]["a.one"] + [(5, "<n5@example.org>")])
            self.assertEqual(replica.verify(), [])


class Feeding(unittest.TestCase):
    def test_two_servers_feed_each_other_and_no_article_goes_round(self):
        one = Server("one", services=("nntp",))
        two = Server("two", services=("nntp",))
        names = {one: "one.example", two: "two.example"}
        for here, there in ((one, two), (two, one)):
            here.more = {
                "nntp": {"path_identity": names[here]},
                "[nntp.peer]": {"name": "other", "addresses": [HOST], "path_name": names[there]},
                "[nntp.feed]": {"name": "other", "host": HOST, "port": there.ports["nntp"],
                                "path_name": names[there], "groups": "a.*"}}
        with one, two:
            for server in (one, two):
                server.add_user("ann")
                server.gemel("group", "create", "a.b")
            with news(one) as connection:
                for number in range(150):
                    connection.post(article("a.b", f"one{number}"))
            with news(two) as connection:
                connection.post(article("a.b", "two"))

            def ids(server):
                with news(server) as connection:
                    return {id for _, id in numbers(connection, "a.b")}

            wait_until(lambda: len(ids(one)) == len(ids(two)) == 151,
                       lambda: one.log_end() + two.log_end() + one.gemel("status"))
            self.assertEqual(ids(one), ids(two))
            with news(two) as connection:
                head = b"\n".join(connection.head("<one7@example.org>")[1].lines)
            self.assertIn(b"Path: two.example!!one.example!", head)
            self.assertRegex(one.gemel("status"), "150 accepted")
            two.stop()
            with news(one) as connection:
                connection.post(article("a.b", "late"))
            two.start()
            wait_until(lambda: "<late@example.org>" in ids(two), one.log_end)


if __name__ == "__main__":
    unittest.main(verbosity=2)

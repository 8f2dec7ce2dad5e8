#!/usr/bin/env python3
"""INN as a peer that feeds and is fed, and leafnode as a small server that fetches.

Debian's packages unpacked by tests/interop/get-news-servers; nothing of theirs is installed.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from gemel_server import HOST, PASSWORD, ROOT, Server, free_ports, skip, wait_until
from nntp_test import article, news, nntplib, numbers

SERVERS = ROOT / "build/news-servers"
INN = SERVERS / "usr/lib/news"


def user_of_news():
    """INN runs as no root."""
    return "news" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def as_news():
    user = user_of_news()
    return {"user": user, "group": user, "extra_groups": []} if os.geteuid() == 0 else {}


class Inn:
    """An INN that takes articles from us, and lays out what we are to have in a batch."""

    def __init__(self, home, groups):
        self.home = home
        self.port = free_ports(1)[0]
        self.environment = {"INNCONF": str(home / "etc/inn.conf"), "LD_LIBRARY_PATH": str(INN),
                            "PATH": "/usr/bin:/bin", "HOME": str(home)}
        self.configure(groups)
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", user_of_news(), home], check=True)
        self.run("makedbz", "-i", "-o", "-s", 1000)
        self.output = (home / "innd.out").open("ab")
        self.process = subprocess.Popen([INN / "bin/innd", "-f", "-d"], env=self.environment,
                                        stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=self.output, **as_news())
        wait_until(self.answers, lambda: (home / "innd.out").read_text(errors="replace"))

    def configure(self, groups):
        home, user = self.home, user_of_news()
        places = {"pathetc": "etc", "pathdb": "db", "pathspool": "spool", "pathrun": "run",
                  "patharticles": "spool/articles", "pathoverview": "spool/overview",
                  "pathoutgoing": "spool/outgoing", "pathincoming": "spool/incoming",
                  "pathtmp": "spool/tmp", "pathlog": "log", "pathfilter": "filter",
                  "pathhttp": "http", "patharchive": "spool/archive"}
        for place in places.values():
            (home / place).mkdir(parents=True, exist_ok=True)
        keys = {key: home / place for key, place in places.items()} | {
            "pathnews": INN, "pathbin": INN / "bin", "pathcontrol": INN / "bin/control",
            "mta": '"/bin/true"', "organization": "test", "hismethod": "hisv6",
            "enableoverview": "true", "ovmethod": "tradindexed", "pathhost": "inn.example",
            "domain": "example", "fromhost": "inn.example", "port": self.port, "server": HOST,
            "bindaddress": HOST, "runasuser": user, "runasgroup": user, "nnrpdloadlimit": 0}
        names = ["control", "control.cancel", "junk"]
        files = {
            "etc/inn.conf": "".join(f"{key}: {value}\n" for key, value in keys.items()),
            "etc/incoming.conf": f'peer gemel {{\n hostname: "{HOST}"\n}}\n',
            "etc/newsfeeds": "ME:*::\ngemel/gemel.example:a.*:Tf,Wnm:gemel\n",
            "etc/storage.conf": "method tradspool {\n newsgroups: *\n class: 0\n}\n",
            "etc/readers.conf": f'auth "all" {{\n hosts: "{HOST}"\n default: "me"\n}}\n'
                                'access "all" {\n users: "me"\n newsgroups: "*"\n access: RPA\n}\n',
            "etc/expire.ctl": "/remember/:1\n*:A:1:1:1\n",
            "db/active": "".join(f"{name} 0000000000 0000000001 n\n" for name in names)
                         + "".join(f"{name} 0000000000 0000000001 y\n" for name in groups)}
        for name in ("etc/control.ctl", "etc/moderators", "etc/distrib.pats", "etc/inn-secrets.conf",
                     "db/newsgroups", "db/active.times", "db/history"):
            files[name] = ""
        for name, text in files.items():
            (home / name).write_text(text)

    def answers(self):
        try:
            with socket.create_connection((HOST, self.port), timeout=5) as link:
                return link.recv(3) == b"200"
        except OSError:
            return False

    def run(self, program, *arguments):
        done = subprocess.run([INN / "bin" / program, *map(str, arguments)], env=self.environment,
                              cwd=self.home / "db", capture_output=True, text=True, timeout=120,
                              check=False, **as_news())
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.returncode} {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def reader(self):
        return nntplib.NNTP(HOST, self.port, readermode=True, timeout=60)

    def send_batch(self, port):
        """Offers what has come in since the last batch."""
        outgoing = self.home / "spool/outgoing"
        (outgoing / "gemel").rename(outgoing / "batch")
        self.run("ctlinnd", "flush", "gemel")
        return self.run("innxmit", "-v", "-P", port, HOST, outgoing / "batch")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.output.close()


class WithInn(unittest.TestCase):
    def setUp(self):
        self.home = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gemel-inn-")))
        self.home.chmod(0o755)
        self.inn = Inn(self.home, ["a.b", "a.c"])
        self.addCleanup(self.inn.close)
        self.server = Server(services=("nntp",), more={
            "nntp": {"path_identity": "gemel.example"},
            "[nntp.peer]": {"name": "inn", "addresses": [HOST], "path_name": "inn.example"},
            "[nntp.feed]": {"name": "inn", "host": HOST, "port": self.inn.port,
                            "path_name": "inn.example", "groups": "a.*"}})
        self.enterContext(self.server)
        self.server.add_user("ann")
        for group in ("a.b", "a.c"):
            self.server.gemel("group", "create", group)

    def ids_here(self, group="a.b"):
        with news(self.server) as connection:
            return {id for _, id in numbers(connection, group)}

    def ids_there(self, group="a.b"):
        with self.inn.reader() as connection:
            return {id for _, id in numbers(connection, group)}

    def test_each_feeds_the_other(self):
        with news(self.server) as connection:
            for number in range(20):
                connection.post(article("a.b,a.c", f"ours{number}", ".\r\n..\r\nend"))
        with self.inn.reader() as connection:
            connection.post(article("a.b", "theirs", ".dots\r\nend"))
        wait_until(lambda: len(self.ids_there()) == 21,
                   lambda: self.server.log_end() + self.server.gemel("status"))
        self.assertEqual(len(self.ids_there("a.c")), 20)
        self.inn.send_batch(self.server.ports["nntp"])
        self.assertEqual(self.ids_here(), self.ids_there())
        with news(self.server) as connection:
            lines = connection.article("<theirs@example.org>")[1].lines
            self.assertIn(b".dots", lines)
            path = next(line for line in lines if line.startswith(b"Path: "))
            self.assertIn(b"gemel.example!!inn.example!", path)
        with self.inn.reader() as connection:
            lines = connection.article("<ours3@example.org>")[1].lines
            self.assertEqual(lines[lines.index(b"") + 1:], [b".", b"..", b"end"])
            path = next(line for line in lines if line.startswith(b"Path: "))
            self.assertTrue(path.startswith(b"Path: inn.example!"), path)
            self.assertIn(b"gemel.example!", path)
        # What came from there is not offered back.
        self.assertRegex(self.server.gemel("status"), "20 offered, 20 accepted, 0 refused")

    def test_status_says_that_a_peer_is_away(self):
        self.inn.process.kill()
        self.inn.process.wait()
        with news(self.server) as connection:
            connection.post(article("a.b", "meanwhile"))
        wait_until(lambda: "error" in self.server.gemel("status"), self.server.log_end)
        self.assertEqual(len(self.ids_here()), 1)


class WithLeafnode(unittest.TestCase):
    """Leafnode keeps to /etc/news and /var/spool/news: it gets some that nobody else sees."""

    def setUp(self):
        if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], check=False,
                                               capture_output=True).returncode != 0:
            self.skipTest("leafnode needs places of its own, which only root can make")

    def test_fetchnews_brings_what_is_new(self):
        home = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gemel-leaf-")))
        home.chmod(0o755)
        server = self.enterContext(Server(services=("nntp",)))
        server.add_user("ann")
        server.gemel("group", "create", "a.b", "--description", "About b")
        spool = home / "spool/news"
        (spool / "interesting.groups").mkdir(parents=True)
        (spool / "interesting.groups/a.b").write_text("")
        etc = home / "etc"  # leafnode refuses to be called by a reserved name (RFC 2606)
        (etc / "news/leafnode").mkdir(parents=True)
        for name in ("passwd", "group", "nsswitch.conf", "hosts"):
            shutil.copy(f"/etc/{name}", etc)
        (etc / "news/leafnode/config").write_text(f"server = {HOST}\nport = {server.ports['nntp']}\nusername = ann\n"
                          f"password = {PASSWORD}\nexpire = 20\nhostname = news.gemel.org\n")
        subprocess.run(["chown", "-R", "news:news", home], check=True)

        def fetch():
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c",
                 'mount --bind "$1/spool" /var/spool && mount --bind "$1/etc" /etc && '
                 'exec setpriv --reuid news --regid news --clear-groups "$2" -vvv -n -w',
                 "fetch", home, SERVERS / "usr/sbin/fetchnews"],
                capture_output=True, text=True, timeout=120, check=False, cwd=home)
            return done.stdout + done.stderr

        fetch()  # the first time it learns which groups there are
        for names in (("l1", "l2"), ("l3",)):
            with news(server) as connection:
                for name in names:
                    connection.post(article("a.b", name))
            said = fetch()
            got = "".join(file.read_text(errors="replace")
                          for file in (spool / "a/b").glob("[0-9]*"))
            for name in names:
                self.assertIn(f"Subject: {name}", got, said + server.log_end())


if __name__ == "__main__":
    if not (INN / "bin/innd").exists() or not (SERVERS / "usr/sbin/fetchnews").exists():
        skip("no INN and leafnode; see tests/interop/get-news-servers")
    unittest.main(verbosity=2)

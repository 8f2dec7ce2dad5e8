#!/usr/bin/env python3
"""A Postfix of its own takes mail by SMTP and delivers it by LMTP: to many recipients at once, in
bursts, and again after the server was away for a moment. Needs root, for Postfix does."""

import grp
import os
import pwd
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gemel_server import HOST, Server, free_ports, skip

USERS = [f"user{number}" for number in range(20)]
BURST = 100

MAIN_CF = """
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mta.example.org
mydestination =
inet_interfaces = {host}
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
virtual_mailbox_domains = example.org
virtual_mailbox_maps = static:all
virtual_transport = lmtp:inet:{host}:{lmtp}
virtual_destination_recipient_limit = 50
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
maillog_file = {dir}/log/postfix.log
maillog_file_prefixes = {dir}/log
smtputf8_enable = no
"""

MASTER_CF = """
{smtp} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """An instance with its own configuration, queue and log, below a temporary directory."""

    def __init__(self, lmtp_port):
        self.directory = Path(tempfile.mkdtemp(prefix="gemel-postfix-"))
        self.directory.chmod(0o755)
        self.port = free_ports(1)[0]
        self.config = self.directory / "etc"
        for name in ("etc", "queue", "data", "log"):
            (self.directory / name).mkdir()
        owner = pwd.getpwnam("postfix")
        os.chown(self.directory / "data", owner.pw_uid, grp.getgrnam("postfix").gr_gid)
        (self.config / "main.cf").write_text(
            MAIN_CF.format(dir=self.directory, host=HOST, lmtp=lmtp_port))
        (self.config / "master.cf").write_text(MASTER_CF.format(smtp=f"{HOST}:{self.port}"))

    def command(self, word, check=True):
        return subprocess.run(["postfix", "-c", str(self.config), word], check=check,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        self.command("start")
        deadline = time.monotonic() + 30
        while True:
            try:
                smtplib.SMTP(HOST, self.port, timeout=10).quit()
                return self
            except (OSError, smtplib.SMTPException):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"postfix does not answer: {self.log()}") from None
                time.sleep(0.1)

    def __exit__(self, *_):
        self.command("stop", check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self):
        log = self.directory / "log" / "postfix.log"
        return log.read_text(errors="replace")[-3000:] if log.exists() else ""


def exists(server):
    """Messages in each INBOX."""
    rows, _ = server.admin("mailbox list")
    return {row["mailbox"].split("/")[0]: row["exists"] for row in rows}


def wait_for(server, count, postfix):
    deadline = time.monotonic() + 120
    while True:
        found = exists(server)
        if all(found[user] == count for user in USERS):
            return
        if time.monotonic() > deadline or any(found[user] > count for user in USERS):
            raise AssertionError(f"{count} for each wanted, found {found}\n{postfix.log()}")
        time.sleep(0.1)


def send(postfix, subject):
    with smtplib.SMTP(HOST, postfix.port, timeout=60) as smtp:
        refused = smtp.sendmail("sender@example.net", [f"{user}@example.org" for user in USERS],
                                f"Subject: {subject}\r\n\r\n.hello\r\n")
        assert not refused, refused


def guids(server, user):
    return {row["guid"] for row in server.admin("dump", user=user)[0] if row["type"] == "record"}


def main():
    if not shutil.which("postfix") or os.geteuid() != 0:
        skip("no postfix, or not root")
    server = Server("postfix", services=("imap", "lmtp"))
    with server, Postfix(server.ports["lmtp"]) as postfix:
        for user in USERS:
            server.add_user(user)
        send(postfix, "one for twenty")
        wait_for(server, 1, postfix)
        assert all(guids(server, user) == guids(server, USERS[0]) for user in USERS), \
            "one message was stored more than once"
        for number in range(BURST):
            send(postfix, f"burst {number}")
        wait_for(server, 1 + BURST, postfix)
        server.stop()
        send(postfix, "while the server is away")
        server.start()
        wait_for(server, 2 + BURST, postfix)
        assert not server.verify()
    print(f"postfix: {2 + BURST} messages to {len(USERS)} users each")


if __name__ == "__main__":
    sys.exit(main())

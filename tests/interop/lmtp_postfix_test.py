#!/usr/bin/env python3
"""A Postfix of its own takes mail by SMTP and delivers it by LMTP: to many recipients at once, in
bursts, and again after the server was away for a moment. Needs root, for Postfix does."""

import os
import shutil
import smtplib
import sys
import time

from gemel_server import HOST, Server, skip
from mail_servers import Postfix

USERS = [f"user{number}" for number in range(20)]
BURST = 100


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

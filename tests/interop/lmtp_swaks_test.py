#!/usr/bin/env python3
"""swaks delivers by LMTP, on TCP and on a unix socket; what it sent is what IMAP gives."""

import shutil
import subprocess
import sys

from gemel_server import HOST, Server, skip

BODY = "Subject: swaks %s\nFrom: a@example.org\n\n.a dot first\nna\u00efve\n"


def swaks(*arguments, data):
    return subprocess.run(["swaks", "--protocol", "LMTP", "--from", "sender@example.org",
                           "--ehlo", "mta.example.org", "--data", data, *arguments],
                          capture_output=True, text=True, timeout=60)


def messages(server, user):
    with server.imap(user) as imap:
        imap.select("INBOX")
        _, found = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")
        return [item[1] for item in found if isinstance(item, tuple)]


def main():
    if not shutil.which("swaks"):
        skip("no swaks")
    server = Server("swaks", services=("imap", "lmtp"))
    socket_path = server.directory / "lmtp.sock"
    server.more = {"lmtp": {"listen": [f"{HOST}:{server.ports['lmtp']}", f"unix:{socket_path}"]}}
    with server:
        for user in ("ann", "bob"):
            server.add_user(user)
        done = swaks("--server", f"{HOST}:{server.ports['lmtp']}", "--to", "ann@example.org,bob+x",
                     data=BODY % "tcp")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("250 2.1.5 <") == 2, done.stdout
        done = swaks("--socket", str(socket_path), "--to", "ann", data=BODY % "unix")
        assert done.returncode == 0, done.stdout + done.stderr
        done = swaks("--server", f"{HOST}:{server.ports['lmtp']}", "--to", "nobody",
                     data=BODY % "none")
        assert "550 5.1.1" in done.stdout, done.stdout

        ann, bob = messages(server, "ann"), messages(server, "bob")
        assert len(ann) == 2 and len(bob) == 1, (ann, bob)
        assert ann[0] == bob[0], "two recipients of one message see different bytes"
        assert ann[0].startswith(b"Return-Path: <sender@example.org>\r\nReceived: from "), ann[0]
        assert b"\r\n.a dot first\r\nna\xc3\xafve\r\n" in ann[0], ann[0]
        assert b"for <ann>" in ann[1] and b"(local socket)" in ann[1], ann[1]
    print("swaks: 3 messages, on both kinds of socket")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The server's and the tool's command lines, from outside: mistakes, users, mailboxes, import,
dump, verify, and the exit statuses that doc/operations.md promises."""

import email
import imaplib
import json
import mailbox
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from gemel_server import GEMEL, GEMELD, HOST, Server, ServerError

PASSWORD = "correct horse"


def run(*arguments, input=None):
    return subprocess.run([str(each) for each in arguments], input=input, capture_output=True,
                          text=True, timeout=120)


def check(condition, words):
    if not condition:
        raise AssertionError(words)


def check_mistakes(directory):
    config = directory / "wrong.toml"
    config.write_text('role = "primary"\n[imap]\nlisten = ["127.0.0.1"]\nlissten = 1\n')
    done = run(GEMELD, "--check-config", "--config", config)
    check(done.returncode == 78, done)
    lines = done.stderr.splitlines()
    check(lines[0].startswith(f"{config}:3: imap.listen: "), lines)
    check(lines[1] == f"{config}:4: imap.lissten: there is no such key", lines)
    config.write_text("")
    check(run(GEMELD, "--check-config", "--config", config).returncode == 0, "an empty file")
    check(run(GEMELD, "--config", directory / "none").returncode == 78, "a missing file")
    check(run(GEMELD, "--nonsense").returncode == 2, "an unknown option")
    check(run(GEMELD, "--version").stdout.startswith("gemeld "), "--version")
    check(run(GEMEL, "--socket", directory / "none", "status").returncode == 3, "no server")
    check(run(GEMEL, "nonsense").returncode == 2, "an unknown command")


def check_users(server):
    server.gemel("user", "add", "ann", input=PASSWORD + "\n")
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("another one\n")
        file.flush()
        server.gemel("user", "add", "bob", "--password-file", file.name)
    crypt_hash = run("openssl", "passwd", "-6", "-salt", "saltsalt", "third").stdout.strip()
    server.gemel("user", "add", "cid", "--hash", crypt_hash)
    for user, password in (("ann", PASSWORD), ("bob", "another one"), ("cid", "third")):
        with imaplib.IMAP4(HOST, server.ports["imap"], timeout=60) as imap:
            imap.login(user, password)
    done = run(GEMEL, "--socket", server.admin_socket, "user", "add", "ann", input="x\n")
    check(done.returncode == 1 and "ann" in done.stderr, done)
    done = run(GEMEL, "--socket", server.admin_socket, "--json", "user", "add", "ann", input="x\n")
    check(json.loads(done.stdout.splitlines()[-1])["code"] == "exists", done)
    server.gemel("user", "passwd", "ann", input="new\n")
    with imaplib.IMAP4(HOST, server.ports["imap"], timeout=60) as imap:
        imap.login("ann", "new")
        try:
            imaplib.IMAP4(HOST, server.ports["imap"], timeout=60).login("ann", PASSWORD)
            raise AssertionError("the old password is still good")
        except imaplib.IMAP4.error:
            pass
    server.gemel("user", "delete", "cid")
    rows = [json.loads(line) for line in server.gemel("--json", "user", "list").splitlines()]
    check([row["user"] for row in rows if "user" in row] == ["ann", "bob"], rows)


def make_maildir(path):
    box = mailbox.Maildir(path, create=True)
    for number in range(3):
        message = mailbox.MaildirMessage(f"Subject: maildir {number}\n\n.body\n".encode())
        message.set_subdir("cur")
        message.set_flags("FS" if number == 0 else "")
        message.set_date(1_700_000_000 + number)
        box.add(message)
    box.add_folder("Lists.cxx").add(b"Subject: below\n\nbody\n")


def check_import(server, directory):
    make_maildir(directory / "Maildir")
    server.gemel("import", "ann", directory / "Maildir")
    mbox = directory / "old.mbox"
    mbox.write_bytes(b"From a@b Tue Nov 14 22:13:20 2023\nSubject: mbox\nStatus: RO\n\n"
                     b">From the start\n>>From more\n\nFrom c@d Tue Nov 14 22:13:21 2023\n"
                     b"Subject: second\n\nbody\n\n")
    server.gemel("import", "ann", mbox, "--mailbox", "Old")
    (directory / "eml").mkdir()
    (directory / "eml" / "1.eml").write_bytes(b"Subject: eml\r\n\r\nbody\r\n")
    server.gemel("import", "bob", directory / "eml", "--mailbox", "INBOX")
    with server.imap("ann", "new") as imap:
        check(imap.select("INBOX")[1] == [b"3"], "the Maildir")
        _, data = imap.fetch("1", "(FLAGS INTERNALDATE)")
        check(b"\\Seen" in data[0] and b"\\Flagged" in data[0] and b"14-Nov-2023" in data[0], data)
        check(imap.select('"Lists/cxx"')[1] == [b"1"], "a folder of the Maildir")
        check(imap.select("Old")[1] == [b"2"], "the mbox")
        _, data = imap.fetch("1", "(FLAGS BODY.PEEK[])")
        check(b"\r\nFrom the start\r\n>From more\r\n" in data[0][1], data)
        check(b"\\Seen" in data[0][0] + data[-1], data)


def check_import_of_binary(server, directory):
    octets = bytes(range(256)) + b"\n"
    for name, end in (("lf", b"\n"), ("crlf", b"\r\n")):
        (directory / name).mkdir()
        (directory / name / "1.eml").write_bytes(
            end.join((b"Subject: any", b"Content-Transfer-Encoding: binary", b"", octets)))
        server.gemel("import", "ann", directory / name, "--mailbox", name)
        with server.imap("ann", "new") as imap:
            imap.select(name)
            message = imap.fetch("1", "(BODY.PEEK[])")[1][0][1]
        check(message.startswith(b"Subject: any\r\n") and b"\0" not in message, message)
        check(email.message_from_bytes(message).get_payload(decode=True) == octets, message)


def check_mailboxes(server):
    server.gemel("mailbox", "create", "ann", "Archive/2024", "--special-use", "\\Archive")
    server.gemel("mailbox", "rename", "ann", "Archive", "Attic", "--partition", "second")
    rows = {row["mailbox"]: row for row in server.admin("mailbox list", user="ann")[0]}
    check("ann/Attic/2024" in rows and "ann/Archive" not in rows, rows.keys())
    check(rows["ann/Attic/2024"]["partition"] == "second", rows["ann/Attic/2024"])
    server.gemel("mailbox", "delete", "ann", "Attic/2024")
    done = run(GEMEL, "--socket", server.admin_socket, "mailbox", "delete", "ann", "Attic/2024")
    check(done.returncode == 1, done)
    server.gemel("user", "move", "bob", "second")
    rows = server.admin("mailbox list", user="bob")[0]
    check({row["partition"] for row in rows} == {"second"}, rows)
    with server.imap("bob", "another one") as imap:
        check(imap.select("INBOX")[1] == [b"1"], "bob's message after the move")
        _, data = imap.fetch("1", "(BODY.PEEK[])")
        check(data[0][1] == b"Subject: eml\r\n\r\nbody\r\n", data)


def check_whole(server):
    check(server.gemel("verify").strip() != "", "verify says something")
    running = server.gemel("dump")
    check(running.count("\nrecord ") == 9, running)
    with server.imap("ann", "new") as imap:
        imap.select("INBOX")
        server.process.send_signal(signal.SIGHUP)
        check(imap.noop()[0] == "OK", "a reload leaves sessions alone")
    server.stop()
    stopped = run(GEMEL, "dump", "--store", server.store, "--partition", "second",
                  server.directory / "second")
    check(stopped.returncode == 0 and stopped.stdout == running, "the stopped store's dump")
    verified = run(GEMEL, "--json", "verify", "--store", server.store, "--partition", "second",
                   server.directory / "second")
    check(verified.returncode == 0, verified)
    server.start()
    check(server.gemel("dump") == running, "the dump after a restart")


def check_port_zero(directory):
    server = Server("zero", directory=directory / "zero", ports={"imap": 0, "lmtp": 0},
                    services=())
    server.config.write_text(server.config_text())
    with server.log.open("ab") as log:
        server.process = subprocess.Popen([GEMELD, "--config", server.config], stdout=log,
                                          stderr=log, env={**os.environ, "NOTIFY_SOCKET": ""})
    try:
        for _ in range(600):
            if server.admin_socket.exists():
                break
            signal.sigtimedwait([], 0.1)
        addresses = server.status()["listeners"]
        check(not addresses["imap"].endswith(":0"), addresses)
        host, port = addresses["imap"].rsplit(":", 1)
        with imaplib.IMAP4(host, int(port), timeout=60) as imap:
            check(imap.noop()[0] == "OK", "an IMAP server on the port that status names")
        second = run(GEMELD, "--config", server.config)
        check(second.returncode == 1 and "can't start" in second.stderr, second)
    finally:
        server.stop()


def main():
    with tempfile.TemporaryDirectory(prefix="gemel-cli-") as name:
        directory = Path(name)
        check_mistakes(directory)
        with Server("cli", directory=directory / "server", services=("imap", "lmtp")) as server:
            check_users(server)
            check_import(server, directory)
            check_import_of_binary(server, directory)
            check_mailboxes(server)
            check_whole(server)
        check_port_zero(directory)
    print("the command lines do what doc/operations.md says")


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, ServerError) as error:
        print(error)
        sys.exit(1)

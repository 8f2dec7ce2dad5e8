#!/usr/bin/env python3
"""kill -9 between a message's last octet and its reply: it is filed once, or not at all and the
mail server sends it again; what its script makes of it happens with it, or not at all.

    delivery_kill_test.py [--rounds N] [--seed N]

Row L02 of the list of cases.
"""

import argparse
import collections
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))
from gemel_server import HOST, Lmtp, Server, ServerError, free_ports, wait_until  # noqa: E402
from smtp_sink import Sink  # noqa: E402

USERS = ("ann", "bob")
SCRIPT = """require ["fileinto", "copy", "mailbox"];
redirect :copy "else@example.net";
fileinto :copy :create "Copies";
keep;
"""
DELAYS_MS_MAX = (0.5, 3, 12)  # from the last octet to the kill


def letter(token, size):
    return (f"Message-ID: <{token}@example.org>\r\nSubject: {token}\r\n\r\n"
            + "x" * 70 + "\r\n" * (size // 72 + 1)).encode()


def killed_delivery(server, token, dice):
    """The codes that came before the kill: none, some, or all of two."""
    lmtp = Lmtp(server.ports["lmtp"], 30)
    lmtp.command("MAIL FROM:<eve@example.com>")
    for user in USERS:
        lmtp.command(f"RCPT TO:<{user}>")
    lmtp.command("DATA")
    lmtp.file.write(letter(token, dice.choice((100, 20_000))) + b".\r\n")
    lmtp.file.flush()
    time.sleep(dice.uniform(0, dice.choice(DELAYS_MS_MAX)) / 1000)
    server.kill()
    codes = []
    try:
        for _ in USERS:
            codes.append(lmtp.reply())
    except OSError:
        pass
    lmtp.socket.close()
    return codes


def subjects(server, user, mailbox):
    with server.imap(user) as imap:
        if imap.select(mailbox, readonly=True)[0] != "OK":
            return collections.Counter()
        _, found = imap.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return collections.Counter(
            item[1].decode().strip().removeprefix("Subject: ") for item in found
            if isinstance(item, tuple))


def check(server, tokens, maybe):
    """Every one of `tokens` once, everywhere; `maybe` (a token) nowhere or everywhere."""
    expected = collections.Counter(tokens)
    # ann's script files twice and sends on; bob has none. Each user's part is whole.
    seen = {(user, mailbox): subjects(server, user, mailbox)
            for user, mailbox in (("ann", "INBOX"), ("ann", "Copies"), ("bob", "INBOX"))}
    for where, found in seen.items():
        there = found.copy()
        there.pop(maybe, None)
        if there != expected or found[maybe] > 1:
            raise ServerError(f"{where}: {there - expected} too much, {expected - there} lost")
    if seen["ann", "INBOX"][maybe] != seen["ann", "Copies"][maybe]:
        raise ServerError(f"half of what the script wants with {maybe}")
    return seen["ann", "INBOX"][maybe] > 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    dice = random.Random(options.seed)
    relay_port = free_ports(1)[0]  # nobody is there until the end
    server = Server(services=("imap", "lmtp"),
                    more={"outgoing": {"relay": f"{HOST}:{relay_port}"}})
    ends = collections.Counter()
    with server:
        for user in USERS:
            server.add_user(user)
        server.gemel("sieve", "put", "ann", "main", input=SCRIPT)
        server.gemel("sieve", "activate", "ann", "main")
        tokens = []
        for number in range(options.rounds):
            token = f"t{number}"
            codes = killed_delivery(server, token, dice)
            server.start()
            filed = check(server, tokens, token)
            if any(code != 250 for code in codes):
                raise ServerError(f"{token}: {codes}")
            if codes and not filed:
                raise ServerError(f"{token} was acknowledged and is lost")
            ends[f"{'' if filed else 'not '}filed, {len(codes)} replies"] += 1
            # What the mail server does that heard no reply.
            if len(codes) < len(USERS):
                retried = server.deliver(USERS, letter(token, 100), "eve@example.com")
                if retried != [250, 250]:
                    raise ServerError(f"{token} again: {retried}")
            tokens.append(token)
            check(server, tokens, "none")
        if server.verify():
            raise ServerError(f"verify: {server.verify()}")
        server.stop()
        with Sink(relay_port) as sink:
            server.start()
            wait_until(lambda: not server.admin("outbox list")[0], server.log_end)
            sent = collections.Counter(message.split(b"Subject: ")[1].split(b"\r\n")[0].decode()
                                       for _, _, message in sink.messages)
        if sent != collections.Counter(tokens):
            raise ServerError(f"sent on: {sent}")
    print(f"{options.rounds} kills: {dict(ends)}")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""The link between two servers as an administrator handles it: TLS and whom it trusts, pause, dry
run, one shot, and new certificates without a restart."""

import signal
import sys
import tempfile
import time
from pathlib import Path

from gemel_server import ROOT, Server, ServerError

sys.path.insert(0, str(ROOT / "scripts"))
from demo import make_certificates  # noqa: E402

MESSAGE = b"Subject: x\n\nhello\n"


def wait_until(condition, words):
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(words)
        time.sleep(0.05)


def check(condition, words):
    if not condition:
        raise AssertionError(words)


def check_trust(directory, replica, certificates):
    """A primary that trusts another CA, or none of TLS at all, brings nothing over."""
    other, _, _ = make_certificates(directory / "other")
    target = {"host": "localhost", "port": replica.ports["sync"]}
    for name, link in (("wrong-ca", {"tls": "required", "ca_file": str(other)}),
                       ("wrong-name", {"tls": "required", "ca_file": str(certificates[0]),
                                       "server_name": "other.example"}),
                       ("no-tls", {"tls": "off"})):
        with Server(name, directory=directory / name, channel=target | link,
                    services=("imap",)) as server:
            server.add_user("eve")
            wait_until(lambda: server.status()["channels"]["standby"]["last_error"] != "",
                       f"{name}: no error is shown")
            print(f"{name}: {server.status()['channels']['standby']['last_error']}")
    check(replica.admin("user list")[0] == [], "an untrusted link brought a user over")


def check_sync(primary, replica):
    primary.add_user("ann")
    wait_until(lambda: primary.digest() == replica.digest(), "the channel sends by itself")
    primary.gemel("channel", "pause", "standby")
    primary.deliver(["ann"], MESSAGE)
    before = replica.digest()
    dry = primary.gemel("sync", "--dry-run")
    check("ann/INBOX" in dry and "dry run" in dry, dry)
    differs = primary.gemel("sync", "--verify", check=False)
    check("ann/INBOX" in differs and "the replica differs" in differs, differs)
    try:
        primary.gemel("sync", "--verify")
        check(False, "a difference must show in the exit status")
    except ServerError as error:
        check(": 4\n" in str(error), str(error))
    check(replica.digest() == before, "a dry run or verify changed the replica")
    check("ann/INBOX" in primary.gemel("sync", "--one-shot", "--user", "ann"), "one shot")
    check(primary.digest() == replica.digest(), "the one shot was not waited for")
    primary.deliver(["ann"], MESSAGE)
    primary.gemel("sync", "--mailbox", "ann/INBOX")
    check(primary.digest() == replica.digest(), "one mailbox on the lasting link")
    done = primary.gemel("sync", "--channel", "none", check=False)
    check(done == "", done)
    check("in step" in primary.gemel("sync", "--verify"), "nothing differs now")
    check("in step" in primary.gemel("sync", "--repair"), "there is nothing to repair")
    primary.gemel("channel", "resume", "standby")
    primary.deliver(["ann"], MESSAGE)
    wait_until(lambda: primary.digest() == replica.digest(), "it goes on after resume")


def check_new_certificate(directory, primary, replica, certificates):
    """The replica takes over a certificate that the primary does not trust: the next link fails;
    then the good one again."""
    good = [path.read_bytes() for path in certificates[1:]]
    other = make_certificates(directory / "newer")
    for path, new in zip(certificates[1:], other[1:]):
        path.write_bytes(new.read_bytes())
    replica.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "taken over" in replica.log.read_text(), "the reload is logged")
    done = primary.gemel("sync", "--one-shot", check=False)
    check("in step" not in done, "an untrusted certificate was taken")
    for path, old in zip(certificates[1:], good):
        path.write_bytes(old)
    replica.process.send_signal(signal.SIGHUP)
    wait_until(lambda: replica.log.read_text().count("taken over") == 2, "the second reload")
    check("in step" in primary.gemel("sync", "--one-shot"), "the good certificate again")


def main():
    with tempfile.TemporaryDirectory(prefix="gemel-link-") as name:
        directory = Path(name)
        for each in ("tls", "other", "newer"):
            (directory / each).mkdir()
        certificates = make_certificates(directory / "tls")
        replica = Server("replica", "replica", directory / "replica",
                         more={"tls": {"certificate": str(certificates[1]),
                                       "key": str(certificates[2])},
                               "sync": {"tls": "always"}})
        with replica:
            check_trust(directory, replica, certificates)
            primary = Server("primary", directory=directory / "primary",
                             channel={"host": "localhost", "port": replica.ports["sync"],
                                      "tls": "required", "ca_file": str(certificates[0])})
            with primary:
                check_sync(primary, replica)
                check_new_certificate(directory, primary, replica, certificates)
    print("the link is what the configuration says")


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, ServerError) as error:
        print(error)
        sys.exit(1)

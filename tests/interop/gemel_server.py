"""Starts Gemel servers for tests: on free ports of the loopback, in directories of their own.

    with Server() as server:
        server.add_user("ann")
        server.deliver(["ann"], b"Subject: hi\\r\\n\\r\\nhello\\r\\n")
        with server.imap("ann") as imap:
            imap.select("INBOX")

    with Pair() as pair:            # a primary, and a replica that its channel leads to
        ...
        pair.wait_equal()

The environment says where the programs are: GEMELD and GEMEL (else build/dev). GEMEL_KEEP=1 keeps
the directories. A test that can't run on this machine calls skip().
"""

import fcntl
import functools
import imaplib
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GEMELD = os.environ.get("GEMELD", str(ROOT / "build/dev/gemeld"))
GEMEL = os.environ.get("GEMEL", str(ROOT / "build/dev/gemel"))
HOST = "127.0.0.1"
PASSWORD = "correct-horse"
CHANNEL = "standby"
SYNC_USER = "replicator"
READY_S_MAX = 60
STOP_S_MAX = 60
SKIPPED = 77
PORTS_EACH = 400  # of a test

imaplib._MAXLINE = 100_000_000  # a FETCH of many messages may be one long line


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


@functools.cache
def claimed_ports():
    """A lock, to be kept, and ports that no other test is given while this process lives, below
    those that the kernel gives to clients. Else one could take a port between another's look at it
    and its server's start."""
    folder = Path(tempfile.gettempdir()) / f"gemel-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    firsts = list(range(10_000, 32_000, PORTS_EACH))
    random.SystemRandom().shuffle(firsts)
    for first in firsts:
        lock = open(folder / str(first), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return lock, itertools.cycle(range(first, first + PORTS_EACH))
    raise ServerError("all ports are taken by other tests")


def free_ports(count):
    """Ports that are free and only ours."""
    _, claimed = claimed_ports()
    ports = []
    while len(ports) < count:
        port = next(claimed)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        ports.append(port)
    return ports


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)


def toml_table(name, values):
    head = f"[{name}]\n" if name else ""
    return head + "".join(f"{key} = {toml(value)}\n" for key, value in values.items())


def wait_until(holds, explain=lambda: "", timeout_s=120):
    """Waits until `holds()`; `explain()` is told if it never does."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise ServerError(f"not so after {timeout_s} s: {explain()}")
        time.sleep(0.02)


class ServerError(Exception):
    """A server did not do what the test needs; the text holds the end of its log."""


class Server:
    """One gemeld. Give `directory` to keep its store; else it lives as long as this object.

    `channel`: for a primary, {"host":, "port":, ...}: more keys go into the configuration as they
    are. `more`: {"imap": {"idle_timeout_s": 60}} and so on, added to the configuration's tables;
    `extra`: text to add at its end. `ports`: {"imap":, "lmtp":, "sync":} to choose them.
    """

    def __init__(self, name="primary", role="primary", directory=None, channel=None, extra="",
                 ports=None, services=("imap", "lmtp", "sync"), more=None):
        self.name, self.role, self.channel, self.extra = name, role, channel, extra
        self.more = more or {}
        self.temporary = directory is None
        self.directory = Path(directory or tempfile.mkdtemp(prefix=f"gemel-{name}-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ports = dict(zip(services, free_ports(len(services)))) | (ports or {})
        self.process = None

    # --- the process ---

    @property
    def config(self):
        return self.directory / "gemel.toml"

    @property
    def log(self):
        return self.directory / "gemeld.log"

    @property
    def admin_socket(self):
        return self.directory / "admin.sock"

    @property
    def store(self):
        return self.directory / "store"

    def config_text(self):
        tables = {"": {"role": self.role},
                  "store": {"path": str(self.store),
                            "partitions": {"second": str(self.directory / "second")}},
                  "admin": {"socket": str(self.admin_socket)}}
        for service, port in self.ports.items():
            tables[service] = {"listen": [f"{HOST}:{port}"]}
        if "sync" in tables:
            tables["sync"] |= {"user": SYNC_USER, "password": PASSWORD}
        if self.channel is not None:
            tables["[channel]"] = {"name": CHANNEL, "user": SYNC_USER, "password": PASSWORD,
                                   **self.channel}
        for name, values in self.more.items():
            tables[name] = tables.get(name, {}) | values
        return "\n".join(toml_table(name, values) for name, values in tables.items()) + self.extra

    def start(self, **how):
        """Starts it and waits until it answers. `how` goes to subprocess.Popen."""
        self.config.write_text(self.config_text())
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([GEMELD, "--config", str(self.config)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, **how)
        self.wait_ready()
        return self

    def wait_ready(self):
        deadline = time.monotonic() + READY_S_MAX
        while True:
            if self.process.poll() is not None:
                raise ServerError(f"{self.name} ended with {self.process.returncode}: {self.log_end()}")
            try:
                for port in self.ports.values():
                    socket.create_connection((HOST, port), timeout=5).close()
                with socket.socket(socket.AF_UNIX) as link:
                    link.connect(str(self.admin_socket))
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise ServerError(f"{self.name} does not listen: {self.log_end()}") from None
                time.sleep(0.02)

    def stop(self):
        """Ends it as an administrator would; an exit status other than 0 is an error."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"{self.name} does not stop: {self.log_end()}") from None
        self.process = None
        if status != 0:
            raise ServerError(f"{self.name} ended with {status}: {self.log_end()}")

    def kill(self):
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def memory_kb(self):
        """What the process holds in memory now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def log_end(self):
        return "\n" + self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def close(self):
        try:
            self.stop()
        finally:
            if self.temporary and not os.environ.get("GEMEL_KEEP"):
                shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.kill()
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    # --- administration ---

    def gemel(self, *arguments, input=None, check=True):
        """Runs the administrator's tool on this server; its output as text."""
        done = subprocess.run([GEMEL, "--socket", str(self.admin_socket), *map(str, arguments)],
                              input=input, capture_output=True, text=True, timeout=300)
        if check and done.returncode != 0:
            raise ServerError(f"gemel {' '.join(map(str, arguments))} on {self.name}: "
                              f"{done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def admin(self, command, **fields):
        """One request of the admin protocol: (rows, last row). Raises ServerError if not "ok"."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(300)
            link.connect(str(self.admin_socket))
            link.sendall(json.dumps({"command": command, **fields}).encode() + b"\n")
            rows = []
            with link.makefile("rb") as lines:
                for line in lines:
                    rows.append(json.loads(line))
                    if "ok" in rows[-1]:
                        break
        if not rows or not rows[-1].get("ok"):
            raise ServerError(f"{command} on {self.name}: {rows[-1:]}")
        return rows[:-1], rows[-1]

    def status(self):
        """The server's own row, with its channels by name, and its listeners' addresses."""
        rows, _ = self.admin("status")
        status = next(row for row in rows if row["type"] == "server")
        status["channels"] = {row["channel"]: row for row in rows if row["type"] == "channel"}
        status["listeners"] = {row["service"]: row["address"] for row in rows
                               if row["type"] == "listener"}
        return status

    def digest(self):
        return self.status()["digest"]

    def add_user(self, name, password=PASSWORD):
        self.admin("user add", user=name, password=password)

    def verify(self):
        """The problems that a verify of this running server, bodies included, finds."""
        return self.admin("verify")[0]

    def dump(self):
        """Everything in the store that replicates, a row each."""
        return self.admin("dump")[0]

    # --- clients ---

    def imap(self, user, password=PASSWORD):
        """A logged in imaplib connection."""
        connection = imaplib.IMAP4(HOST, self.ports["imap"], timeout=60)
        connection.login(user, password)
        return connection

    def deliver(self, users, message, sender="sender@example.org"):
        """LMTP: the reply code for each of `users`, in order."""
        with Lmtp(self.ports["lmtp"]) as lmtp:
            return lmtp.deliver(users, message, sender)


class Lmtp:
    """A kept LMTP connection (RFC 2033), kept simple: no pipelining."""

    def __init__(self, port, timeout_s=60):
        self.socket = socket.create_connection((HOST, port), timeout=timeout_s)
        self.file = self.socket.makefile("rwb")
        self.reply()
        self.command("LHLO test.example")

    def reply(self):
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise ConnectionError("LMTP: the server has closed the connection")
            if line[3:4] != b"-":
                return int(line[:3])

    def command(self, text):
        self.file.write(text.encode() + b"\r\n")
        self.file.flush()
        return self.reply()

    def deliver(self, users, message, sender="sender@example.org"):
        code = self.command(f"MAIL FROM:<{sender}>")
        if code >= 400:
            return [code for _ in users]
        codes = [self.command(f"RCPT TO:<{user}>") for user in users]
        if all(code >= 400 for code in codes):
            self.command("RSET")
            return codes
        code = self.command("DATA")
        if code != 354:
            return [code for _ in users]
        lines = message.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")
        stuffed = [b"." + line if line.startswith(b".") else line for line in lines]
        self.file.write(b"\r\n".join(stuffed) + b"\r\n.\r\n")
        self.file.flush()
        return [code if code >= 400 else self.reply() for code in codes]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class Pair:
    """A primary and its replica. `via`: a port between them, where a proxy will listen."""

    def __init__(self, directory=None, channel=None, via=None, extra="", more=None):
        at = [None, None] if directory is None else [Path(directory) / "primary",
                                                     Path(directory) / "replica"]
        self.replica = Server("replica", "replica", at[1], extra=extra, more=more)
        target = {"host": HOST, "port": via or self.replica.ports["sync"]}
        self.primary = Server("primary", "primary", at[0], channel=target | (channel or {}),
                              extra=extra, more=more)
        self.sides = (self.primary, self.replica)

    def __enter__(self):
        try:
            self.replica.start()
            self.primary.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.primary.close()
        finally:
            self.replica.close()

    def wait_equal(self, timeout_s=120):
        """Waits until both sides have the same digest, and returns it."""
        deadline = time.monotonic() + timeout_s
        while True:
            digests = [side.digest() for side in self.sides]
            if digests[0] == digests[1]:
                return digests[0]
            if time.monotonic() > deadline:
                raise ServerError(f"not equal after {timeout_s} s: {digests}\n"
                                  + "\n".join(side.log_end() for side in self.sides))
            time.sleep(0.05)

"""Servers in network namespaces of their own, with a long and lossy way between them.

    with Lab(["a", "b"], delay_ms=25) as lab:
        a, b = lab.server("a", channels=["b"]), lab.server("b", role="replica")
        ...
        lab.cut("a", "b"); lab.heal("a", "b"); lab.lose("a", percent=2)

Every namespace has one interface, a TUN device; a router process carries packets between them, each
late by `delay_ms` one way (a kernel need not have netem for that). iptables makes cuts and loss, tc
the bandwidth. Needs root; a test that may not make namespaces skips itself.
"""

import ctypes
import fcntl
import heapq
import os
import queue
import select
import shutil
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))
from gemel_server import HOST, PASSWORD, SYNC_USER, Server, ServerError, skip  # noqa: E402

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PACKET_BYTES_MAX = 65_536
SYNC_PORT = 2005
CALL_S_MAX = 300


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")


class Namespace:
    """A network namespace, and a thread that lives in it: what it opens belongs there."""

    def __init__(self, name, number):
        self.name = f"gemel-{os.getpid()}-{name}"
        self.address = f"10.77.0.{number}"
        self.calls = queue.Queue()
        run("ip", "netns", "add", self.name)
        self.ready = queue.Queue()
        threading.Thread(target=self.live, daemon=True).start()
        error = self.ready.get()
        if error:
            raise error
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        self.tun = self.run(self.open_tun)
        run("ip", "-n", self.name, "addr", "add", f"{self.address}/24", "dev", "tun0")
        run("ip", "-n", self.name, "link", "set", "tun0", "up")

    def live(self):
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{self.name}") as file:
            failed = libc.setns(file.fileno(), CLONE_NEWNET)
        self.ready.put(OSError(ctypes.get_errno(), "setns") if failed else None)
        while (call := self.calls.get()) is not None:
            function, answer = call
            try:
                answer.put((function(), None))
            except BaseException as error:  # handed to who asked
                answer.put((None, error))

    @staticmethod
    def open_tun():
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI))
        return tun

    def run(self, function, *arguments, **named):
        """Calls it in the namespace; sockets and processes that it makes belong there."""
        answer = queue.Queue()
        self.calls.put((lambda: function(*arguments, **named), answer))
        result, error = answer.get(timeout=CALL_S_MAX)
        if error:
            raise error
        return result

    def iptables(self, *rule):
        run("ip", "netns", "exec", self.name, "iptables", *rule)

    def close(self):
        self.calls.put(None)
        os.close(self.tun)
        run("ip", "netns", "del", self.name)


def route(tuns, delay_s):
    """Carries packets between TUN devices by their destination address, until killed."""
    waiting, count = [], 0
    while True:
        timeout = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for tun in select.select(list(tuns.values()), [], [], timeout)[0]:
            try:
                packet = os.read(tun, PACKET_BYTES_MAX)
            except BlockingIOError:
                continue
            if packet[0] >> 4 != 4:
                continue
            count += 1
            heapq.heappush(waiting, (time.monotonic() + delay_s, count, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            packet = heapq.heappop(waiting)[2]
            target = tuns.get(".".join(map(str, packet[16:20])))
            try:
                if target is not None:
                    os.write(target, packet)
            except (BlockingIOError, OSError):
                pass  # a full queue loses packets, as any router does


class NetServer(Server):
    """A server in a namespace. Its clients are there too."""

    def __init__(self, lab, name, role, channels, more, directory=None):
        self.space = lab.spaces[name]
        channel = "".join(
            f'[[channel]]\nname = "{peer}"\nhost = "{lab.spaces[peer].address}"\nport = {SYNC_PORT}\n'
            f'user = "{SYNC_USER}"\npassword = "{PASSWORD}"\n'
            'tls = "off"\nallow_plaintext_link = true\n'
            for peer in channels)
        tables = {"sync": {"tls": "off"}}
        for table, values in (more or {}).items():
            tables[table] = tables.get(table, {}) | values
        super().__init__(name, role, directory=directory, extra="\n" + channel, more=tables,
                         ports={"imap": 1143, "lmtp": 1024, "sync": SYNC_PORT}, services=())

    def config_text(self):
        text = super().config_text()
        return text.replace(f'"{HOST}:{SYNC_PORT}"', f'"{self.space.address}:{SYNC_PORT}"')

    def start(self, **how):
        return self.space.run(super().start, **how)

    def wait_ready(self):
        ports = self.ports
        self.ports = {key: port for key, port in ports.items() if key != "sync"}
        try:
            super().wait_ready()
        finally:
            self.ports = ports

    def imap(self, user, password=PASSWORD):
        return self.space.run(super().imap, user, password)

    def deliver(self, users, message, sender="sender@example.org"):
        return self.space.run(super().deliver, users, message, sender)


class Lab:
    """The namespaces, the router between them, and the servers in them."""

    def __init__(self, names, delay_ms):
        self.names, self.delay_ms = names, delay_ms
        self.spaces, self.servers, self.router = {}, [], None

    def __enter__(self):
        if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "iptables", "tc"))):
            skip("network namespaces need root, iproute2 and iptables")
        try:
            for number, name in enumerate(self.names, 1):
                self.spaces[name] = Namespace(name, number)
        except OSError as error:
            self.__exit__()
            skip(f"no network namespaces here: {error}")
        tuns = {space.address: space.tun for space in self.spaces.values()}
        self.router = os.fork()
        if self.router == 0:
            try:
                route(tuns, self.delay_ms / 1000)
            finally:
                os._exit(1)
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.kill()
            if server.temporary and not os.environ.get("GEMEL_KEEP"):
                shutil.rmtree(server.directory, ignore_errors=True)
        if self.router:
            os.kill(self.router, 9)
            os.waitpid(self.router, 0)
        for space in self.spaces.values():
            space.close()

    def server(self, name, role="primary", channels=(), more=None, directory=None):
        server = NetServer(self, name, role, channels, more, directory)
        self.servers.append(server)
        return server.start()

    def cut(self, a, b):
        """Nothing passes between the two, in either direction; nobody is told."""
        for here, there in ((a, b), (b, a)):
            self.spaces[here].iptables("-A", "INPUT", "-s", self.spaces[there].address,
                                       "-j", "DROP")

    def heal(self, a, b):
        for here, there in ((a, b), (b, a)):
            self.spaces[here].iptables("-D", "INPUT", "-s", self.spaces[there].address,
                                       "-j", "DROP")

    def lose(self, name, percent):
        """So many of the packets that come to it are lost from now on."""
        self.spaces[name].iptables("-A", "INPUT", "-i", "tun0", "-m", "statistic", "--mode",
                                   "random", "--probability", str(percent / 100), "-j", "DROP")

    def limit(self, name, kbit_per_s):
        """What it sends passes no faster."""
        run("tc", "-n", self.spaces[name].name, "qdisc", "replace", "dev", "tun0", "root", "tbf",
            "rate", f"{kbit_per_s}kbit", "burst", "16kb", "latency", "400ms")


def letter(token):
    """A small message that is like no other's."""
    return f"Subject: {token}\r\nMessage-ID: <{token}@example.org>\r\n\r\n{token}\r\n".encode()


def read_all(server, users):
    """Everything that a mail client of `users` sees there: {(user, mailbox): (numbers, messages)}."""
    seen = {}
    for user in users:
        connection = server.imap(user)
        for line in connection.list()[1]:
            name = line.decode().split(' "/" ', 1)[1].strip('"')
            answer = connection.status(f'"{name}"', "(UIDVALIDITY UIDNEXT HIGHESTMODSEQ)")[1]
            numbers = answer[0].decode().rsplit("(", 1)[1]
            connection.select(f'"{name}"', readonly=True)
            rows = connection.uid("fetch", "1:*", "(UID FLAGS INTERNALDATE MODSEQ BODY.PEEK[])")[1]
            # A row is ("… BODY[] {n}", bytes) and then ")"; an empty mailbox gives [None].
            seen[user, name] = numbers, sorted((row[0].split(b" ", 1)[1], row[1]) for row in rows
                                               if isinstance(row, tuple))
        connection.logout()
    return seen


def wait_equal(servers, timeout_s=120):
    """Waits until all have the same digest."""
    deadline = time.monotonic() + timeout_s
    while len(digests := {server.digest() for server in servers}) > 1:
        if time.monotonic() > deadline:
            raise ServerError(f"not equal after {timeout_s} s: {digests}\n"
                              + "\n".join(server.log_end() for server in servers))
        time.sleep(0.05)

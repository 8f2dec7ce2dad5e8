"""Gemel as a peer of the replication and server benches: the verbs of their `ctl` contract.

Release build, made if it is missing; plaintext on the loopback, zstd on the link.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
os.environ.setdefault("GEMELD", str(BUILD / "gemeld"))
os.environ.setdefault("GEMEL", str(BUILD / "gemel"))
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/interop"))
from gemel_server import CHANNEL, GEMELD, PASSWORD, Pair, Server, free_ports  # noqa: E402

UNSUPPORTED = 3
STOP_S_MAX = 60
SIDES = ("primary", "replica")
NAMES = {"managesieve": "sieve"}  # what a bench calls a service
ADMIN = "root"  # sets quotas by IMAP


def build():
    if not Path(GEMELD).exists():
        for command in (["cmake", "--preset", "release"],
                        ["cmake", "--build", "--preset", "release", "--target", "gemeld", "gemel"]):
            subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)


def start(server):
    """Starts it so that it outlives this process, and leaves its number for `down`."""
    server.start(start_new_session=True)
    (server.directory / "pid").write_text(f"{server.process.pid}\n")


def write_peer(directory, servers, words, **more):
    version = subprocess.run([GEMELD, "--version"], capture_output=True, text=True, check=True)
    peer = {server.name: {NAMES.get(service, service): port
                          for service, port in server.ports.items()
                          if service != "sync"} for server in servers}
    peer |= {"password": PASSWORD, "description": f"Gemel {version.stdout.split()[-1]} ({words})"}
    (directory / "peer.json").write_text(json.dumps(peer | more, indent=1) + "\n")


def side(directory, name="primary"):
    """A running server, to ask."""
    return Server(name, directory=directory / name)


def up_pair(directory, words, mode):
    build()
    pair = Pair(directory, via=free_ports(1)[0], channel={"mode": mode},
                more={"": {"admins": [ADMIN]}})
    for server in (pair.replica, pair.primary):
        server.ports["managesieve"] = free_ports(1)[0]
        start(server)
    pair.primary.add_user(ADMIN)
    if mode == "rolling":  # what the bench changes waits for its `sync`
        pair.primary.admin("channel pause", channel=CHANNEL)
    write_peer(directory, pair.sides, words, sync_via=pair.primary.channel["port"],
               sync_listen=pair.replica.ports["sync"], admin=ADMIN, admin_password=PASSWORD,
               quota_root="{user}")


def up_one(directory, words):
    build()
    server = Server(directory=directory / "primary", services=("imap", "lmtp", "pop3"))
    start(server)
    write_peer(directory, [server], words)


def down(directory):
    for name in SIDES:
        try:
            pid = int((directory / name / "pid").read_text())
            os.kill(pid, signal.SIGTERM)
        except (FileNotFoundError, ProcessLookupError):
            continue
        deadline = time.monotonic() + STOP_S_MAX
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.02)


def adduser(directory, user):
    side(directory).add_user(user)


def sync_lasting(directory, *users):
    """Everything that waits crosses the one lasting link, in one cycle."""
    side(directory).admin("sync", channel=CHANNEL)


def sync_once(directory, *users):
    """These users, over a connection of its own."""
    side(directory).admin("sync", channel=CHANNEL, users=users, one_shot=True)


def move_partition(directory, user):
    side(directory).admin("user move", user=user, partition="second")


def run(up, sync=None, damage=lambda *_: UNSUPPORTED):
    verbs = {"up": up, "down": down, "adduser": adduser}
    if sync is not None:
        verbs |= {"sync": sync, "move-partition": move_partition,
                  "damage": damage}
    if len(sys.argv) < 3 or sys.argv[1] not in verbs:
        print(f"usage: ctl {{{'|'.join(verbs)}}} DIR [ARGUMENT...]", file=sys.stderr)
        return 2
    return verbs[sys.argv[1]](Path(sys.argv[2]).resolve(), *sys.argv[3:]) or 0

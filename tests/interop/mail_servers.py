"""Mail servers of their own for tests, that deliver to a Gemel by LMTP: configuration, queue and log
are below a temporary directory. They need root. What was sent to them leaves again, or is tried
again every second."""

import grp
import json
import os
import pwd
import shutil
import smtplib
import subprocess
import tempfile
import time
from pathlib import Path

from gemel_server import HOST, ROOT, free_ports

EXIM = ROOT / "build/exim/usr/sbin/exim4"

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
        wait_for_smtp(self)
        return self

    def __exit__(self, *_):
        self.command("stop", check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self):
        log = self.directory / "log" / "postfix.log"
        return log.read_text(errors="replace")[-3000:] if log.exists() else ""

    def queued(self):
        """Recipients that are still waited for."""
        out = subprocess.run(["postqueue", "-c", str(self.config), "-j"], capture_output=True,
                             text=True).stdout
        return [recipient["address"] for line in out.splitlines()
                for recipient in json.loads(line)["recipients"]]


EXIM_CONF = """
primary_hostname = mta.example.org
exim_path = {program}
spool_directory = {dir}/spool
log_file_path = {dir}/log/%slog
pid_file_path = {dir}/exim.pid
local_interfaces = {host}
daemon_smtp_ports = {smtp}
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
keep_environment =
never_users =
queue_only = false
queue_run_in_order = false
retry_interval_max = 1s
acl_smtp_rcpt = take
begin acl
take:
  accept
begin routers
gemel:
  driver = accept
  domains = example.org
  transport = gemel_lmtp
begin transports
gemel_lmtp:
  {transport}
begin retry
* * F,1h,1s
"""

# As doc/delivery.md has them.
OVER_TCP = """driver = smtp
  protocol = lmtp
  hosts = {host}
  port = {lmtp}
  allow_localhost
  hosts_override
  max_rcpt = 50
"""
OVER_UNIX = """driver = lmtp
  socket = {socket}
  batch_max = 50
"""


class Exim:
    """The same with Exim. `socket`: a unix socket, instead of the port."""

    def __init__(self, lmtp_port, socket=None):
        self.directory = Path(tempfile.mkdtemp(prefix="gemel-exim-"))
        self.directory.chmod(0o755)
        self.port = free_ports(1)[0]
        self.config = self.directory / "exim.conf"
        owner = pwd.getpwnam("Debian-exim")
        for name in ("spool", "log"):
            (self.directory / name).mkdir()
            os.chown(self.directory / name, owner.pw_uid, owner.pw_gid)
        # Not a symbolic link, and not writable by others: else Exim does not take it.
        transport = OVER_UNIX if socket else OVER_TCP
        self.config.write_text(EXIM_CONF.format(
            dir=self.directory, host=HOST, smtp=self.port, program=EXIM,
            transport=transport.format(host=HOST, lmtp=lmtp_port, socket=socket)))
        self.process = None

    def command(self, *arguments):
        return subprocess.run([EXIM, "-C", self.config, *arguments], capture_output=True, text=True)

    def __enter__(self):
        self.process = subprocess.Popen([EXIM, "-C", self.config, "-bdf", "-q1s"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        wait_for_smtp(self)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def queued(self):
        """Recipients that are still waited for."""
        return [line.strip() for line in self.command("-bp").stdout.splitlines()
                if line.startswith("          ") and not line.strip().startswith("D ")]

    def log(self):
        log = self.directory / "log" / "mainlog"
        return log.read_text(errors="replace")[-3000:] if log.exists() else ""


def wait_for_smtp(mta):
    deadline = time.monotonic() + 30
    while True:
        try:
            smtplib.SMTP(HOST, mta.port, timeout=10).quit()
            return
        except (OSError, smtplib.SMTPException):
            if time.monotonic() > deadline:
                raise RuntimeError(f"it does not answer: {mta.log()}") from None
            time.sleep(0.1)

#!/usr/bin/env python3
"""IMAP clients that keep a state of their own, against a server: what changed meanwhile must reach
them. interimap has a Dovecot on its other side; imapflow is run where GEMEL_NODE_DIR names a
directory in which `npm install imapflow` was run, or node finds it by itself."""

import os
import pty
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from gemel_server import HOST, PASSWORD, Server
from raw_imap import RawImap

DOVECOT_IMAP = Path("/usr/lib/dovecot/imap")
NOBODY = "nobody"  # Dovecot opens no mail for root

DOVECOT_CONF = """
base_dir = {dir}/run
state_dir = {dir}/run
log_path = {dir}/log
mail_location = maildir:{dir}/mail
stats_writer_socket_path =
default_internal_user = {user}
default_login_user = {user}
protocols = imap
ssl = no
namespace inbox {{
  inbox = yes
  separator = /
}}
"""

INTERIMAP_CONF = """
database = {dir}/state.db
[local]
type = tunnel
command = {command}
null-stderr = YES
[remote]
type = imap
STARTTLS = NO
host = {host}
port = {port}
username = ann
password = {password}
"""

IMAPTALK = """
use strict; use Mail::IMAPTalk;
my ($host, $port, $password) = @ARGV;
my $imap = Mail::IMAPTalk->new(Server => $host, Port => $port, Username => 'ann',
    Password => $password, Uid => 1, UseSSL => 0) or die "login: $@";
sub done($$) { my ($what, $is) = @_; die "$what: $@" unless defined $is; return $is; }
done('create', $imap->create('Talk'));
done('append', $imap->append('INBOX', ['\\\\Flagged'], { Literal =>
    "From: \\"Quo\\\\\\"ted\\" <a\\@example.org>\\r\\nSubject: talk\\r\\n\\r\\nhello\\r\\n" }));
done('select', $imap->select('INBOX'));
my $all = done('fetch', $imap->fetch('1:*', '(flags envelope bodystructure internaldate)'));
die 'messages: ' . keys %$all unless keys %$all == 3;
my ($new) = grep { $_->{envelope}{Subject} eq 'talk' } values %$all;
die 'structure' unless $new->{bodystructure}{'MIME-Type'} eq 'text';
die 'flags' unless grep { $_ eq '\\\\Flagged' } @{$new->{flags}};
my $found = done('search', $imap->search('subject', { Quote => 'talk' }));
die 'found' unless @$found == 1;
done('store', $imap->store($found->[0], '+flags', '(\\\\Seen $Work)'));
done('copy', $imap->copy($found->[0], 'Talk'));
my $sorted = done('sort', $imap->sort('(subject)', 'US-ASCII', 'all'));
die 'sorted' unless @$sorted == 3;
my $threads = done('thread', $imap->thread('REFERENCES', 'US-ASCII', 'all'));
die 'threads' unless @$threads == 3;
done('store', $imap->store($found->[0], '+flags', '(\\\\Deleted)'));
done('expunge', $imap->uidexpunge($found->[0]));
my $status = done('status', $imap->status('Talk', '(messages uidnext highestmodseq)'));
die 'status' unless $status->{messages} == 1;
done('list', $imap->list('', '*'));
$imap->logout;
"""

IMAPFLOW = """
import { ImapFlow } from 'imapflow';
const [port, password] = process.argv.slice(2);
const make = () => new ImapFlow({ host: '127.0.0.1', port: Number(port), secure: false,
  doSTARTTLS: false, auth: { user: 'ann', pass: password }, logger: false, qresync: true });
const check = (what, holds) => { if (!holds) throw new Error(what); };
const event = (client, name) => new Promise((resolve) => client.once(name, resolve));
const flagged = async (client, uid) =>
  (await client.fetchOne(uid, { flags: true }, { uid: true })).flags.has('\\\\Flagged');

const reader = make();
await reader.connect();
const opened = await reader.mailboxOpen('INBOX');
check('messages ' + opened.exists, opened.exists === 2);
const known = { changedSince: opened.highestModseq, uidValidity: opened.uidValidity };

// What another client does is told while this one idles.
const writer = make();
await writer.connect();
await writer.mailboxOpen('INBOX');
const idling = reader.idle();
await new Promise((resolve) => setTimeout(resolve, 200));
let told = event(reader, 'exists');
await writer.append('INBOX', 'Subject: new\\r\\n\\r\\nhello\\r\\n');
check('exists', (await told).count === 3);
told = event(reader, 'flags');
await writer.messageFlagsAdd('1', ['\\\\Flagged'], { uid: true });
check('flags', (await told).flags.has('\\\\Flagged'));
told = event(reader, 'expunge');
await writer.messageDelete('2', { uid: true });
check('expunge', (await told).uid === 2);
await reader.logout();
await idling;

// A client that comes back hears of what changed since it left, and of no more.
const back = make();
await back.connect();
const gone = [];
const changed = [];
back.on('expunge', (one) => gone.push(one.uid));
back.on('flags', (one) => changed.push(one.uid));
const again = await back.mailboxOpen('INBOX', known);
check('messages ' + again.exists, again.exists === 2);
check('gone ' + gone, gone.join() === '2');
check('changed ' + changed, changed.includes(1));
check('flagged', await flagged(back, '1'));
await back.logout();
await writer.logout();
"""


def message(name):
    return (f"From: Ida <ida@example.org>\r\nSubject: {name}\r\n"
            f"Message-ID: <{name}@example.org>\r\nDate: Mon, 01 Jan 2024 10:00:00 +0000\r\n"
            f"\r\n{name}\r\n").encode()


def node_directory():
    """Where node finds imapflow; None where it does not."""
    where = Path(os.environ.get("GEMEL_NODE_DIR", Path.cwd()))
    if not shutil.which("node") or not where.is_dir():
        return None
    found = subprocess.run(["node", "-e", "require.resolve('imapflow')"], cwd=where, check=False,
                           stderr=subprocess.DEVNULL)
    return where if found.returncode == 0 else None


def has_imaptalk():
    return subprocess.run(["perl", "-MMail::IMAPTalk", "-e1"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


class Clients(unittest.TestCase):
    def setUp(self):
        self.server = self.enterContext(Server(services=("imap", "lmtp")))
        self.server.add_user("ann")
        self.port = self.server.ports["imap"]
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.raw = self.enterContext(RawImap(self.port, "ann"))
        for name in ("first", "second"):
            self.raw.append("INBOX", message(name))
        self.raw.ok("SELECT INBOX")

    def run_(self, *command, **how):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60,
                              check=False, **how)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + self.server.log_end())
        return done.stdout

    def flags_of(self, imap):
        """Subject -> flags, \\Recent aside."""
        imap.ok("SELECT INBOX")
        told = imap.run("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return {subject: " ".join(sorted(set(flags.split()) - {"\\Recent"}))
                for flags, subject in told.all(r"FLAGS \(([^)]*)\).*Subject: (\w+)")}

    @unittest.skipUnless(shutil.which("perl") and has_imaptalk(), "Mail::IMAPTalk is missing")
    def test_imaptalk(self):
        script = self.directory / "talk.pl"
        script.write_text(IMAPTALK)
        self.run_("perl", script, HOST, self.port, PASSWORD)

    @unittest.skipUnless(node_directory(), "imapflow is missing; see GEMEL_NODE_DIR")
    def test_imapflow_idles_and_comes_back(self):
        # node looks for packages from where the script is.
        script = node_directory() / f"gemel-{os.getpid()}.mjs"
        script.write_text(IMAPFLOW)
        self.addCleanup(script.unlink)
        self.run_("node", script, self.port, PASSWORD)

    # --- neomutt, which keeps headers on disk and asks for what changed (QRESYNC) ---

    def neomutt(self, keys):
        """Opens INBOX, as on a terminal, and presses these keys."""
        rc = self.directory / "neomuttrc"
        cache = self.directory / "cache"
        cache.mkdir(exist_ok=True)
        rc.write_text(
            f"set ssl_starttls=no ssl_force_tls=no imap_user=ann imap_pass={PASSWORD}\n"
            f"set folder=imap://{HOST}:{self.port}/\n"
            f"set spoolfile=imap://{HOST}:{self.port}/INBOX header_cache={cache}/ delete=yes\n"
            "set imap_condstore=yes imap_qresync=yes quit=yes move=no mark_old=no\n"
            f"set sort=mailbox-order confirmappend=no read_inc=0 wait_key=no\npush '{keys}<sync-mailbox><quit>'\n")
        master, terminal = pty.openpty()
        try:
            child = subprocess.Popen(
                ["neomutt", "-n", "-F", str(rc)], stdin=terminal, stdout=terminal, stderr=terminal,
                env={"HOME": str(self.directory), "PATH": os.environ["PATH"], "TERM": "xterm"},
                start_new_session=True)
            os.close(terminal)
            shown = b""
            while True:
                try:
                    piece = os.read(master, 65536)
                except OSError:  # its other end is closed
                    break
                if not piece:
                    break
                shown += piece
            self.assertEqual(child.wait(60), 0, shown[-2000:])
        finally:
            os.close(master)
        self.assertTrue([path for path in cache.rglob("*") if path.is_file()])

    @unittest.skipUnless(shutil.which("neomutt"), "neomutt is missing")
    def test_neomutt_with_a_header_cache(self):
        self.raw.append("INBOX", message("third"))
        self.neomutt("<first-entry><flag-message><last-entry><delete-message>")
        self.assertEqual(self.flags_of(self.raw), {"first": "\\Flagged", "second": ""})
        # While it is away: one goes, one changes, one comes.
        self.raw.ok("UID STORE 2 +FLAGS (\\Deleted)")
        self.raw.ok("UID STORE 1 -FLAGS (\\Flagged)")
        self.raw.ok("EXPUNGE")
        self.raw.append("INBOX", message("fourth"))
        self.neomutt("<last-entry><flag-message>")
        self.assertEqual(self.flags_of(self.raw), {"first": "", "fourth": "\\Flagged"})

    # --- interimap, with a Dovecot on its other side ---

    def dovecot(self):
        """The command for one session of a Dovecot without a daemon, already logged in."""
        home = self.directory / "dovecot"
        for name in ("run", "mail"):
            (home / name).mkdir(parents=True)
        is_root = os.geteuid() == 0
        user = NOBODY if is_root else subprocess.check_output(["id", "-un"], text=True).strip()
        (home / "conf").write_text(DOVECOT_CONF.format(dir=home, user=user))
        if is_root:
            self.directory.chmod(0o755)
            subprocess.run(["chown", "-R", NOBODY, str(home)], check=True)
        # interimap gives it no PATH.
        become = f"{shutil.which('runuser')} -u {NOBODY} -- " if is_root else ""
        script = self.directory / "dovecot-imap"
        script.write_text("#!/bin/sh\n"
                          f"USER=ann HOME={home} exec {become}{DOVECOT_IMAP} -c {home}/conf\n")
        script.chmod(0o755)
        return script

    def on_dovecot(self, command, *lines):
        """Sends commands to a session of their own, and returns all that it says."""
        sent = "".join(f"t{number} {line}\r\n" for number, line in enumerate((*lines, "LOGOUT")))
        done = subprocess.run([command], input=sent.encode(), capture_output=True,
                              timeout=60, check=False)
        return done.stdout.decode()

    @unittest.skipUnless(shutil.which("interimap") and DOVECOT_IMAP.exists(),
                         "interimap or dovecot-imapd is missing")
    def test_interimap_keeps_a_dovecot_equal(self):
        dovecot = self.dovecot()
        config = self.directory / "interimap"
        config.write_text(INTERIMAP_CONF.format(dir=self.directory, command=dovecot, host=HOST,
                                                port=self.port, password=PASSWORD))
        config.chmod(0o600)

        def sync():
            self.run_("interimap", f"--config={config}", "--quiet",
                      env={"HOME": str(self.directory), "PATH": os.environ["PATH"]})
        self.raw.ok("CREATE Work/Plans")
        self.raw.append("Work/Plans", message("plan"))
        sync()
        self.assertIn("MESSAGES 2", self.on_dovecot(dovecot, "STATUS INBOX (MESSAGES)"))
        self.assertIn("MESSAGES 1", self.on_dovecot(dovecot, "STATUS Work/Plans (MESSAGES)"))
        # Both sides change: what is gone and what has other flags goes by QRESYNC.
        self.raw.ok("STORE 1 +FLAGS (\\Flagged)")
        self.raw.append("INBOX", message("third"))
        self.on_dovecot(dovecot, "SELECT INBOX", "UID STORE 2 +FLAGS (\\Deleted)", "EXPUNGE",
                        "APPEND INBOX (\\Answered) {%d+}\r\n%s" % (len(message("fourth")),
                                                                  message("fourth").decode()))
        sync()
        self.assertEqual(self.flags_of(self.raw),
                         {"first": "\\Flagged", "third": "", "fourth": "\\Answered"})
        told = self.on_dovecot(dovecot, "EXAMINE INBOX",
                               "FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        for subject in ("first", "third", "fourth"):
            self.assertIn(f"Subject: {subject}\r\n", told)
        self.assertNotIn("second", told)
        self.assertIn("\\Flagged", told)


if __name__ == "__main__":
    unittest.main(verbosity=2)

#!/usr/bin/env python3
"""Each extension of Sieve that the server tells of, one by one: an example script is tried with
`gemel sieve test`, put as a user's script, and run at a delivery."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from delivery_test import activate, subjects
from gemel_server import GEMEL, HOST, Server, wait_until
from smtp_sink import Sink
import managesieve_test

MESSAGE = b"""\
From: Eve <eve@example.com>
To: ann+lists@example.org
Subject: =?utf-8?Q?H=C3=A9llo?= 42
Date: Thu, 26 Nov 2026 08:00:00 +0100
X-Spam-Status: Yes, score=7.5
X-Virus: infected
X-Priority: 0012
Received: from a by b; Thu, 26 Nov 2026 08:00:00 +0000
Received: from c by d; Wed, 25 Nov 2026 07:00:00 +0000
Message-ID: <%s@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

a needle in the text
--b
Content-Type: application/x-thing; name=a.exe

abc
--b--
"""
YES = 'fileinto "Yes";'
ATTACHMENT = 'if header :mime :contenttype "Content-Type" "application/x-thing" '

# Extension: (what else is required, the script). It files into Yes exactly if the extension does
# what its RFC says. With a third member that is what the tool's output must match instead.
EXAMPLES = {
    "body": ("", 'if allof (body :text :contains "needle", not body :contains "x-thing") { YES }'),
    "comparator-i;ascii-casemap":
        ("", 'if header :comparator "i;ascii-casemap" "from" "EVE <eve@EXAMPLE.com>" { YES }'),
    "comparator-i;ascii-numeric":
        ("", 'if header :comparator "i;ascii-numeric" "x-priority" "12" { YES }'),
    "comparator-i;octet":
        ("", 'if not header :comparator "i;octet" :contains "from" "EVE" { YES }'),
    "comparator-i;unicode-casemap":
        ("", 'if header :comparator "i;unicode-casemap" :contains "subject" "HÉLLO" { YES }'),
    "copy": ("", 'fileinto :copy "Yes"; redirect :copy "else@example.net";',
             '(?s)fileinto "Yes".*redirect "else@example.net".*keep'),
    "date": ("relational", 'if allof (date :zone "+0000" "date" "hour" "07", currentdate :value "ge"'
             ' "year" "2026") { YES }'),
    "duplicate": ("", 'if duplicate :uniqueid "x" { discard; } else { YES }'),
    "editheader": ("", 'addheader "X-Yes" "1"; deleteheader "x-priority"; if allof (header "x-yes" "1",'
                   ' not exists "x-priority") { YES }'),
    "enclose": ("", 'enclose :subject "new" "around"; if header "subject" "new" { YES }'),
    "encoded-character": ("", 'if header :contains "from" "${hex:45}ve${unicode:20}" { YES }'),
    "enotify": ("", 'if valid_notify_method "mailto:x@example.net" '
                '{ notify :message "news" "mailto:x@example.net"; YES }'),
    "envelope": ("", 'if allof (envelope "from" "eve@example.com", envelope :localpart :contains "to"'
                 ' "ann") { YES }'),
    "environment": ("", 'if environment :contains "name" "Gemel" { YES }'),
    "ereject": ("", 'ereject "not wanted";', '^ereject '),
    "extracttext": ("foreverypart variables mime", 'foreverypart { if header :mime "Content-Type"'
                    ' "text/plain" { extracttext :first 8 "x"; } } if string "${x}" "a needle" { YES }'),
    "fcc": ("vacation", 'vacation :fcc "Yes" "away";', 'vacation to "eve@example.com" .*fileinto "Yes"'),
    "fileinto": ("", "YES"),
    "foreverypart": ("mime", "foreverypart { " + ATTACHMENT + "{ YES break; } }"),
    "ihave": ("", 'if allof (ihave "fileinto", not ihave "vnd.nothing") { YES }'),
    "imap4flags": ("", 'addflag "\\\\Flagged"; if hasflag "\\\\Flagged" { YES }',
                   r'fileinto "Yes" :flags "\\\\Flagged"'),
    "include": ("", 'include :personal "more"; include :global "all";'),
    "index": ("date", 'if date :index 1 :last :zone "+0000" "received" "day" "25" { YES }'),
    "mailbox": ("", 'if allof (mailboxexists "Yes", not mailboxexists "No") '
                '{ fileinto :create "Yes"; }'),
    "mailboxid": ("", 'if not mailboxidexists "F0" { fileinto :mailboxid "F0" "Yes"; }'),
    "mboxmetadata": ("", 'if not metadataexists "INBOX" "/private/comment" { YES }'),
    "mime": ("", "if header :mime :anychild :contenttype \"Content-Type\" \"application/x-thing\""
             " { YES }"),
    "regex": ("", 'if header :regex "subject" "[0-9]{2}$" { YES }'),
    "reject": ("", 'reject "not wanted";', '^reject '),
    "relational": ("comparator-i;ascii-numeric", 'if header :value "gt" :comparator'
                   ' "i;ascii-numeric" "x-priority" "11" { if address :count "eq" :comparator "i;ascii-numeric" "to" "1" { YES } }'),
    "replace": ("", 'replace "gone"; if not body :contains "needle" { YES }'),
    "servermetadata": ("", 'if not servermetadataexists "/shared/vendor/x" { YES }'),
    "spamtest": ("relational comparator-i;ascii-numeric",
                 'if spamtest :value "ge" :comparator "i;ascii-numeric" "7" { YES }'),
    "spamtestplus": ("relational comparator-i;ascii-numeric",
                     'if spamtest :percent :value "eq" :comparator "i;ascii-numeric" "75" { YES }'),
    "special-use": ("", 'if specialuse_exists "\\\\Junk" { fileinto :specialuse "\\\\Junk" "INBOX"; }',
                    'fileinto :specialuse'),
    "subaddress": ("envelope", 'if envelope :detail "to" "lists" { if address :user "to" "ann" { YES } }'),
    "vacation": ("", 'vacation :days 3 :subject "off" "away"; YES'),
    "vacation-seconds": ("vacation", 'vacation :seconds 60 "away"; YES'),
    "variables": ("", 'if header :matches "subject" "* *" { set :upper "x" "${1}"; } '
                  'if string "${x}" "HéLLO" { YES }'),
    "virustest": ("relational comparator-i;ascii-numeric",
                  'if virustest :value "eq" :comparator "i;ascii-numeric" "5" { YES }'),
}
# What more an example needs to be required for the way that it tells.
MORE = {"body": "fileinto", "replace": "body", "mailboxid": "fileinto", "fcc": "mailbox"}

# Two comparators are always there (RFC 5228 §2.7.3), and without encoded-character that is plain text.
NEED_NO_REQUIRE = ("comparator-i;ascii-casemap", "comparator-i;octet", "encoded-character")


def script_of(name):
    needs = {name, "fileinto", *EXAMPLES[name][0].split(), *MORE.get(name, "").split()}
    if name in ("reject", "ereject"):
        needs = {name}
    required = ", ".join(f'"{need}"' for need in sorted(needs))
    return f"require [{required}];\n" + EXAMPLES[name][1].replace("YES", YES) + "\n"


class Extensions(managesieve_test.AsMailProgramsDo):
    test_a_whole_evening = None  # that is managesieve_test.py's

    @classmethod
    def setUpClass(cls):
        cls.sink = cls.enterClassContext(Sink())
        cls.server = Server(services=("imap", "lmtp", "managesieve"))
        scripts = cls.server.directory / "sieve"
        scripts.mkdir()
        (scripts / "all.sieve").write_text("discard;\n")
        cls.server.more = {
            "outgoing": {"relay": f"{HOST}:{cls.sink.port}"},
            "sieve": {"global_scripts": str(scripts)},
            "sieve.spamtest": {"field": "X-Spam-Status", "kind": "number", "behind": "score=",
                               "max": 10},
            "sieve.virustest": {"field": "X-Virus", "kind": "word", "max": 5,
                                "words": {"clean": 1, "infected": 5}}}
        cls.enterClassContext(cls.server)

    def offered(self):
        self.connect(self.server.ports["managesieve"])
        line = next(line for line in self.answer() if line.startswith('"SIEVE"'))
        return line.removeprefix('"SIEVE" ').strip('"').split()

    def test_the_table_has_all_of_them(self):
        self.assertEqual(sorted(EXAMPLES), sorted(self.offered()))

    def test_each_with_the_tool(self):
        with tempfile.TemporaryDirectory() as directory:
            home = Path(directory)
            for kind, text in (("personal/more", 'require "fileinto"; fileinto "Yes";'),
                               ("global/all", "discard;")):
                (home / kind).parent.mkdir()
                (home / f"{kind}.sieve").write_text(text)
            (home / "m.eml").write_bytes(MESSAGE % b"0")
            for name, example in EXAMPLES.items():
                with self.subTest(name):
                    (home / "a.sieve").write_text(script_of(name))
                    done = subprocess.run(
                        [GEMEL, "sieve", "test", home / "a.sieve", home / "m.eml", "--from",
                         "eve@example.com", "--to", "ann+lists@example.org", "--address",
                         "ann@example.org", "--address", "ann+lists@example.org", "--mailbox", "Yes",
                         "--special-use", r"\Junk=Yes", "--spam", "75", "--virus", "5", "--personal", home / "personal", "--global",
                         home / "global"],
                        capture_output=True, text=True, timeout=60, check=False)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    wanted = example[2] if len(example) > 2 else '(?m)^fileinto .*"Yes"'
                    self.assertRegex(done.stdout, wanted)
                    if name in NEED_NO_REQUIRE:
                        continue
                    other = "copy" if name != "copy" else "date"
                    (home / "a.sieve").write_text(script_of(name).replace(f'"{name}"', f'"{other}"'))
                    done = subprocess.run([GEMEL, "sieve", "compile", home / "a.sieve"],
                                          capture_output=True, text=True, timeout=60, check=False)
                    self.assertEqual(done.returncode, 1)

    def test_each_at_a_delivery(self):
        server = self.server
        for number, name in enumerate(EXAMPLES):
            with self.subTest(name):
                user = f"u{number}"
                server.add_user(user)
                server.gemel("mailbox", "create", user, "Yes")
                script = script_of(name).replace('"ann', f'"{user}').replace("ann@", f"{user}@")
                if name == "include":
                    server.gemel("sieve", "put", user, "more", input='require "fileinto"; fileinto "Yes";')
                if name == "special-use":
                    server.gemel("mailbox", "delete", user, "Yes")
                    with server.imap(user) as imap:
                        self.assertEqual(imap._simple_command("CREATE", "Yes", r"(USE (\Junk))")[0], "OK")
                activate(server, user, script)
                text = (MESSAGE % name.replace(";", "-").encode()).replace(b"\n", b"\r\n").replace(
                    b"ann+lists", f"{user}+lists".encode())
                refused = name in ("reject", "ereject")
                said = server.deliver([f"{user}+lists@example.org"], text, "eve@example.com")
                self.assertEqual(said, [550 if refused else 250])
                self.assertEqual(len(subjects(server, user, "Yes")), 0 if refused else 1)
        # Those that send: copy, enotify, and three replies.
        wait_until(lambda: len(self.sink.messages) >= 5, server.log_end)
        sent = sorted(recipient for _, recipient, _ in self.sink.messages)
        self.assertEqual(sent, ["else@example.net"] + 3 * ["eve@example.com"] + ["x@example.net"])


if __name__ == "__main__":
    unittest.main(verbosity=2)

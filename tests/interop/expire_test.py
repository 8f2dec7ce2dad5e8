#!/usr/bin/env python3
"""Expire, rules and holds from outside: the tool, and servers that replicate and change roles."""

import imaplib
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from failover_test import twins, wait_equal
from gemel_server import GEMEL, HOST, Pair, Server, ServerError, wait_until

REMEMBERING = 'require "duplicate"; if duplicate :uniqueid "x" :seconds 1 { discard; }'
MESSAGE = b"From: ida@example.org\r\nSubject: %d\r\n\r\nhello\r\n"


def run(server, *arguments):
    """Exit status, standard output, standard error."""
    done = subprocess.run([GEMEL, "--socket", str(server.admin_socket), *arguments],
                          capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def append(server, mailbox, count, flags=None, date=None):
    with server.imap("ann") as imap:
        for number in range(count):
            kind, data = imap.append(mailbox, flags, date, MESSAGE % number)
            assert kind == "OK", data


def mailbox(server, path, deleted=False):
    """The row of ann's mailbox."""
    rows, _ = server.admin("mailbox list", user="ann", deleted=deleted)
    return next(row for row in rows if row["mailbox"] == f"ann/{path}")


def expunge(server, path, numbers):
    with server.imap("ann") as imap:
        imap.select(path)
        imap.store(numbers, "+FLAGS", r"(\Deleted)")
        imap.expunge()


class Tool(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(more={
            "expire": {"rules": {"Junk": "days=14"}}}))
        cls.server.add_user("ann")
        for path in ("Trash", "Junk", "Gone"):
            cls.server.gemel("mailbox", "create", "ann", path)

    def test_e01_no_option_is_an_error_and_each_does_its_own(self):
        server = self.server
        server.gemel("rule", "set", "ann", "Trash", "at-most=2 keep=flagged")
        append(server, "Trash", 5)
        append(server, "Gone", 1)
        expunge(server, "Trash", "1")
        server.gemel("mailbox", "delete", "ann", "Gone")
        status, _, said = run(server, "expire")
        self.assertEqual(status, 2)
        self.assertIn("say what is to expire", said)
        self.assertEqual(run(server, "expire", "--dry-run")[0], 2)
        self.assertEqual(run(server, "expire", "--expunged", "-1")[0], 2)
        status, _, said = run(server, "expire", "--archive", "nowhere")
        self.assertEqual(status, 1)
        self.assertIn('no partition "nowhere"', said)
        with self.assertRaisesRegex(ServerError, "say what is to expire"):
            server.admin("expire", dry_run=True)
        before = server.digest()
        for option, line in (
                (["--rules"], "ann/Trash 2:3: 2 messages (88 B) expunged by rule: beyond the newest 2"),
                (["--expunged", "0"], "ann/Trash 1: 1 messages (44 B) freed: expunged at least"),
                (["--deleted", "0"], "ann/Gone: 1 messages (44 B) freed with their mailbox")):
            said = server.gemel("expire", *option, "--dry-run").splitlines()
            self.assertEqual(len(said), 3, said)
            self.assertTrue(said[0].startswith(line), said)
            self.assertIn("nothing was changed", said[-1])
        self.assertEqual(server.gemel("expire", "--expunged", "1", "--dry-run").count("\n"), 2)
        self.assertEqual(server.digest(), before)
        server.gemel("expire", "--deleted", "0")
        self.assertEqual(mailbox(server, "Trash")["exists"], 4)
        self.assertEqual(mailbox(server, "Trash")["expunged"], 1)
        said = server.gemel("expire", "--rules", "--expunged", "0", "--mailbox", "ann/Trash")
        self.assertIn("1 mailboxes: 2 messages (88 B) expunged, 1 (44 B) freed, "
                      "0 mailboxes freed", said)
        row = mailbox(server, "Trash")
        self.assertEqual((row["exists"], row["expunged"]), (2, 2))
        self.assertEqual(server.verify(), [])

    def test_a_user_or_mailbox_that_is_not_there_is_an_error(self):
        server = self.server
        server.gemel("mailbox", "create", "ann", "There")
        for option in ("--rules", "--keywords", ["--expunged", "0"], ["--deleted", "0"],
                       ["--archive", "second"]):
            option = [option] if isinstance(option, str) else option
            for where, why in ((["--user", "nobody"], 'no user "nobody"'),
                               (["--mailbox", "nobody/INBOX"], 'no user "nobody"'),
                               (["--mailbox", "ann/Theer"], 'no mailbox "ann/Theer"'),
                               (["--mailbox", "Theer"], "USER/MAILBOX")):
                for dry in ([], ["--dry-run"]):
                    status, out, said = run(server, "expire", *option, *where, *dry)
                    self.assertEqual((status, out), (1, ""), (option, where))
                    self.assertIn(why, said)
            self.assertEqual(run(server, "expire", *option, "--mailbox", "ann/There")[0], 0)
        self.assertEqual(run(server, "expire", "--duplicates", "1", "--user", "nobody")[0], 1)
        # What would be left out without a word is refused.
        for wrong in (["--user", "ann", "--rules"], ["--duplicates", "1"]):
            self.assertEqual(run(server, "expire", "--mailbox", "ann/There", *wrong)[0], 2)
        with self.assertRaisesRegex(ServerError, "names its user, and has no deliveries"):
            server.admin("expire", duplicates_days=1, mailbox="ann/There")

    def test_keywords_that_no_message_has_are_pruned(self):
        server = self.server
        server.gemel("mailbox", "create", "ann", "Words")
        append(server, "Words", 1, "($Gone)")
        append(server, "Words", 1, "($Kept)")
        only = ("--mailbox", "ann/Words")
        expunge(server, "Words", "1")
        self.assertIn("0 keywords pruned", server.gemel("expire", "--keywords", *only))
        server.gemel("expire", "--expunged", "0", *only)
        for dry in (["--dry-run"], []):
            self.assertIn("ann/Words: keywords $Gone pruned",
                          server.gemel("expire", "--keywords", *only, *dry))
        self.assertIn("0 keywords pruned", server.gemel("expire", "--keywords", *only))
        with server.imap("ann") as imap:
            imap.select("Words")
            flags = imap.response("FLAGS")[1][0]
            self.assertIn(b"$Kept", flags)
            self.assertNotIn(b"$Gone", flags)
        self.assertEqual(server.verify(), [])

    def test_what_deliveries_remember_is_forgotten(self):
        server = self.server
        server.add_user("eva")
        twice = b"Message-ID: <1@example.org>\r\n" + MESSAGE % 1
        for _ in range(2):
            self.assertEqual(server.deliver(["eva"], twice), [250])
        self.assertIn("0 things forgotten", server.gemel("expire", "--duplicates", "1"))
        for dry in (["--dry-run"], []):
            self.assertRegex(server.gemel("expire", "--duplicates", "0", "--user", "eva", *dry),
                             "eva: [1-9] things remembered .* forgotten: remembered")
        self.assertIn("0 things forgotten", server.gemel("expire", "--duplicates", "0"))
        self.assertEqual(server.deliver(["eva"], twice), [250])
        with server.imap("eva") as imap:
            self.assertEqual(imap.select("INBOX")[1], [b"2"])

    def test_rules_are_shown_and_checked(self):
        server = self.server
        server.gemel("mailbox", "create", "ann", "Lists/cxx")
        server.gemel("rule", "set", "ann", "Lists", "days=30 by=internaldate")
        rules = {row["mailbox"]: row for row in server.admin("rule list", user="ann")[0]}
        self.assertEqual(rules["ann/Lists/cxx"]["in_force"], "days=30 by=internaldate")
        self.assertEqual(rules["ann/Lists/cxx"]["own"], "")
        self.assertEqual(rules["ann/Junk"]["in_force"], "days=14")
        self.assertIn("ann/Lists", server.gemel("rule", "list", "ann"))
        status, _, said = run(server, "rule", "set", "ann", "Lists", "days=soon")
        self.assertEqual(status, 1)
        self.assertIn('"days=soon": is a number', said)
        append(server, "Lists/cxx", 2, date='"01-Jan-2020 00:00:00 +0000"')
        append(server, "Lists/cxx", 1, flags=r"\Flagged", date='"01-Jan-2020 00:00:00 +0000"')
        server.gemel("expire", "--rules", "--user", "ann")
        self.assertEqual(mailbox(server, "Lists/cxx")["exists"], 1)
        server.gemel("rule", "clear", "ann", "Lists")
        self.assertNotIn("ann/Lists", {row["mailbox"] for row in server.admin("rule list")[0]})

    def test_holds_keep_everything_and_are_listed(self):
        server = self.server
        server.gemel("mailbox", "create", "ann", "Case")
        append(server, "Case", 2)
        expunge(server, "Case", "1")
        server.gemel("hold", "set", "--mailbox", "ann/Case", "--until", "2100-01-01")
        server.gemel("hold", "set", "--user", "ann", "--until", "2001-01-01")  # it is over
        self.assertEqual(server.gemel("hold", "list"),
                         "user ann: until 2001-01-01\nmailbox ann/Case: until 2100-01-01\n")
        for dry in ([], ["--dry-run"]):
            said = server.gemel("expire", "--expunged", "0", "--mailbox", "ann/Case", *dry)
            self.assertIn("ann/Case 1: 1 messages (44 B) kept: held until 2100-01-01\n", said)
            self.assertIn("1 messages (44 B) of 1 mailboxes held\n", said)
        self.assertEqual(mailbox(server, "Case")["expunged"], 1)
        server.gemel("mailbox", "delete", "ann", "Case")
        server.gemel("hold", "set", "--server", "--until", "forever")
        for dry in (True, False):
            row, last = server.admin("expire", deleted_days=0, mailbox="ann/Case", dry_run=dry)
            self.assertEqual([(one["action"], one["messages"], one["bytes"]) for one in row],
                             [("hold", 2, 88)])
            self.assertEqual([last[key] for key in ("held", "held_messages", "held_bytes",
                                                    "freed", "mailboxes_freed")], [1, 2, 88, 0, 0])
        server.gemel("expire", "--deleted", "0", "--expunged", "0")
        self.assertEqual(mailbox(server, "Case", deleted=True)["exists"], 1)
        server.gemel("hold", "lift", "--server")
        server.gemel("hold", "lift", "--server")
        server.gemel("hold", "lift", "--user", "ann")
        server.gemel("expire", "--deleted", "0")
        self.assertEqual(mailbox(server, "Case", deleted=True)["exists"], 1)  # its own hold
        for wrong in (["--until", "2100-01-01"], ["--server", "--until", "2100-02-30"],
                      ["--server", "--user", "ann", "--until", "forever"], ["--server"]):
            self.assertEqual(run(server, "hold", "set", *wrong)[0], 2, wrong)
        self.assertEqual(run(server, "hold", "set", "--user", "x", "--until", "forever")[0], 1)

    def test_undelete_lists_and_brings_back_messages(self):
        server = self.server
        server.gemel("mailbox", "create", "ann", "Back")
        append(server, "Back", 3, flags=r"\Seen")
        expunge(server, "Back", "1:2")
        self.assertIn("ann/Back", server.gemel("undelete", "list", "ann"))
        listed = server.gemel("undelete", "list", "ann", "Back").splitlines()
        self.assertEqual([line.split()[0] for line in listed], ["UID", "1", "2"])
        self.assertTrue(listed[2].endswith("1"), listed)  # the subject
        said = server.gemel("undelete", "messages", "ann", "Back", "--uids", "2")
        self.assertEqual(said, "1 messages (44 B) brought back, 0 were there already\n")
        said = server.gemel("undelete", "messages", "ann", "Back")
        self.assertEqual(said, "1 messages (44 B) brought back, 1 were there already\n")
        with server.imap("ann") as imap:
            imap.select("Back")
            self.assertEqual(imap.uid("SEARCH", "SEEN")[1], [b"3 4 5"])
        server.gemel("undelete", "messages", "ann", "Back", "--to", "INBOX")
        self.assertEqual(mailbox(server, "INBOX")["exists"], 2)
        self.assertEqual(run(server, "undelete", "messages", "ann", "Back", "--uids", "x")[0], 1)
        server.gemel("expire", "--expunged", "0", "--mailbox", "ann/Back")
        status, out, said = run(server, "undelete", "messages", "ann", "Back", "--uids", "1,3,77")
        self.assertEqual(out, "0 messages (0 B) brought back, 0 were there already\n")
        self.assertEqual((status, said), (1, "gemel: uids that are not kept (any more): 1,77\n"))
        self.assertEqual(run(server, "undelete", "messages", "ann", "Back")[0], 0)  # all there are
        self.assertEqual(run(server, "undelete", "messages", "ann", "Nowhere")[0], 1)

    def test_undelete_brings_back_mailboxes(self):
        server = self.server
        ids = []
        for count in (1, 2):
            server.gemel("mailbox", "create", "ann", "Twice")
            append(server, "Twice", count)
            ids.append(mailbox(server, "Twice")["id"])
            server.gemel("mailbox", "delete", "ann", "Twice")
        self.assertEqual(server.gemel("undelete", "list", "ann").count("ann/Twice"), 2)
        server.gemel("undelete", "mailbox", "ann", "Twice", "--id", ids[1])
        self.assertEqual(mailbox(server, "Twice")["exists"], 2)
        self.assertEqual(mailbox(server, "Twice")["id"], ids[1])
        self.assertEqual(run(server, "undelete", "mailbox", "ann", "Twice")[0], 1)  # the name is taken
        server.gemel("undelete", "mailbox", "ann", "Twice", "--to", "First")
        self.assertEqual(mailbox(server, "First")["exists"], 1)
        self.assertEqual(run(server, "undelete", "mailbox", "ann", "Twice")[0], 1)
        # All of a user, once there is one of the name again.
        server.add_user("eve")
        server.deliver(["eve"], MESSAGE % 1)
        server.gemel("user", "delete", "eve")
        server.add_user("eve")
        server.gemel("undelete", "mailbox", "eve", "INBOX", "--to", "Old")
        rows = {row["mailbox"]: row for row in server.admin("mailbox list", user="eve")[0]}
        self.assertEqual(rows["eve/Old"]["exists"], 1)

    def test_undelete_says_what_of_a_mailbox_is_lost(self):
        server = self.server
        server.gemel("mailbox", "create", "ann", "Lost")
        append(server, "Lost", 3)
        expunge(server, "Lost", "1")
        server.gemel("mailbox", "delete", "ann", "Lost")
        self.assertEqual(run(server, "undelete", "mailbox", "ann", "Lost"),
                         (0, "brought back ann/Lost: 2 messages (88 B), and 1 expunged ones, "
                             "hidden as before\n", ""))
        server.gemel("mailbox", "delete", "ann", "Lost")
        server.gemel("expire", "--deleted", "0", "--mailbox", "ann/Lost")
        self.assertNotIn("ann/Lost", server.gemel("undelete", "list", "ann"))
        self.assertEqual(run(server, "undelete", "mailbox", "ann", "Lost", "--to", "Found"),
                         (1, "brought back ann/Found: 0 messages (0 B)\n",
                          "gemel: all that was in ann/Found when it was deleted has been freed "
                          "since, and is lost\n"))
        server.gemel("mailbox", "delete", "ann", "Found")
        self.assertEqual(run(server, "undelete", "mailbox", "ann", "Found")[0], 0)  # it was empty

    def test_s11_owners_set_rules_over_metadata_and_reach_no_hold(self):
        server = self.server
        server.gemel("mailbox", "create", "ann", "Meta")
        append(server, "Meta", 3)
        server.gemel("hold", "set", "--mailbox", "ann/Meta", "--until", "forever")
        imaplib.Commands["SETMETADATA"] = ("AUTH", "SELECTED")
        with server.imap("ann") as imap:
            for entry in ('expire "at-most=2"', "hold NIL", 'hold "0"'):
                imap._simple_command("SETMETADATA", "Meta", f"(/shared/vendor/gemel/{entry})")
            # What nobody could read is refused at once, in one piece with what comes along.
            with self.assertRaisesRegex(imaplib.IMAP4.error, "days=zero"):
                kind, said = imap._simple_command(
                    "SETMETADATA", "Meta",
                    '(/shared/comment "x" /shared/vendor/gemel/expire "days=zero")')
                raise imaplib.IMAP4.error(f"{kind} {said}")
        status, _, said = run(server, "annotation", "set", "ann", "--mailbox", "Meta",
                              "/shared/vendor/gemel/expire", "days=zero")
        self.assertEqual(status, 1)
        self.assertIn('"days=zero": is a number', said)
        rules = {row["mailbox"]: row for row in server.admin("rule list", user="ann")[0]}
        self.assertEqual(rules["ann/Meta"]["own"], "at-most=2")
        server.gemel("expire", "--rules", "--mailbox", "ann/Meta")
        self.assertEqual(mailbox(server, "Meta")["exists"], 3)
        server.gemel("hold", "lift", "--mailbox", "ann/Meta")
        server.gemel("expire", "--rules", "--mailbox", "ann/Meta")
        self.assertEqual(mailbox(server, "Meta")["exists"], 2)

    def test_e07_two_mailboxes_made_by_imap_both_get_a_message(self):
        server = self.server
        with server.imap("ann") as imap:
            for path in ("e07a", "e07b"):
                self.assertEqual(imap.create(path)[0], "OK")
        self.assertEqual(server.deliver(["ann+e07a", "ann+e07b"], MESSAGE % 1), [250, 250])
        for path in ("e07a", "e07b"):
            self.assertEqual(mailbox(server, path)["exists"], 1)

    def test_e04_what_is_deleted_is_hidden_and_does_not_nest(self):
        server = self.server
        for _ in range(3):
            server.gemel("mailbox", "create", "ann", "Again")
            with server.imap("ann") as imap:
                self.assertEqual(imap.delete("Again")[0], "OK")
                self.assertEqual(imap.delete("Again")[0], "NO")
                names = b"".join(imap.list()[1])
            self.assertNotIn(b"Again", names)
        rows = [row for row in server.admin("mailbox list", user="ann", deleted=True)[0]
                if "Again" in row["mailbox"]]
        self.assertEqual([row["mailbox"] for row in rows], ["ann/Again"] * 3)
        self.assertEqual(len({row["id"] for row in rows}), 3)


class Interrupted(unittest.TestCase):
    def test_after_kill_9_the_next_run_goes_on(self):
        with Server() as server, tempfile.TemporaryDirectory() as directory:
            server.add_user("ann")
            box = Path(directory) / "many.mbox"
            box.write_bytes(b"".join(b"From a@example.org Thu Jan  1 00:00:00 2026\n"
                                     + (MESSAGE % number).replace(b"\r\n", b"\n") + b"\n"
                                     for number in range(3500)))
            server.gemel("import", "ann", box)
            server.gemel("rule", "set", "ann", "INBOX", "at-most=1")
            for command in (["--rules"], ["--expunged", "0"]):
                tool = subprocess.Popen([GEMEL, "--socket", str(server.admin_socket), "--json",
                                         "expire", *command], stdout=subprocess.PIPE, text=True)
                first = json.loads(tool.stdout.readline())
                server.kill()
                tool.communicate()
                self.assertEqual(first["messages"], 1000)
                server.start()
                self.assertEqual(server.verify(), [])
                server.gemel("expire", *command)
            row = mailbox(server, "INBOX")
            self.assertEqual((row["exists"], row["expunged"]), (1, 0))
            self.assertEqual(server.verify(), [])


class TwoServers(unittest.TestCase):
    def test_what_expires_goes_on_the_replica_too_and_only_the_primary_decides(self):
        with Pair() as pair:
            one, two = pair.sides
            one.add_user("ann")
            one.gemel("mailbox", "create", "ann", "Trash")
            one.gemel("rule", "set", "ann", "Trash", "at-most=3")
            append(one, "Trash", 10)
            pair.wait_equal()
            self.assertIn("nothing was changed", two.gemel("expire", "--rules", "--dry-run"))
            with self.assertRaisesRegex(ServerError, "replica"):
                two.gemel("expire", "--rules")
            one.gemel("expire", "--rules")
            pair.wait_equal()
            self.assertEqual(mailbox(two, "Trash")["expunged"], 7)
            one.gemel("expire", "--expunged", "0")
            one.gemel("mailbox", "delete", "ann", "Trash")
            one.gemel("expire", "--deleted", "0")
            pair.wait_equal()
            row = mailbox(two, "Trash", deleted=True)
            self.assertEqual((row["exists"], row["expunged"]), (0, 0))
            self.assertEqual(one.dump(), two.dump())
            self.assertEqual(one.verify() + two.verify(), [])

    def test_archive_and_undelete_replicate(self):
        with Pair() as pair:
            one, two = pair.sides
            one.add_user("ann")
            one.gemel("mailbox", "create", "ann", "Old")
            append(one, "Old", 5)
            expunge(one, "Old", "1")
            one.gemel("rule", "set", "ann", "Old", "archive-bytes=100")
            self.assertIn("4 messages (176 B) archived: it holds at least 100 bytes",
                          one.gemel("expire", "--archive", "second", "--dry-run"))
            one.gemel("expire", "--archive", "second")
            one.gemel("undelete", "messages", "ann", "Old")
            pair.wait_equal()
            for side in pair.sides:
                row = mailbox(side, "Old")
                self.assertEqual((row["partition"], row["exists"]), ("second", 5))
                self.assertEqual(side.verify(), [])
            one.gemel("mailbox", "delete", "ann", "Old")
            one.gemel("expire", "--deleted", "0")
            pair.wait_equal()
            # What is left of it is its name.
            status, _, said = run(one, "undelete", "mailbox", "ann", "Old")
            self.assertEqual(status, 1, said)
            self.assertEqual(mailbox(one, "Old")["exists"], 0)
            pair.wait_equal()
            self.assertEqual(one.dump(), two.dump())
            self.assertEqual(one.verify() + two.verify(), [])

    def test_single_messages_are_archived_by_each_server_for_itself(self):
        with Pair() as pair:
            one, two = pair.sides
            one.add_user("ann")
            one.gemel("mailbox", "create", "ann", "Old")
            large = b"Subject: large\r\n\r\n" + b"0123456789abcde\r\n" * 100_000
            with one.imap("ann") as imap:
                self.assertEqual(imap.append("Old", None, None, large)[0], "OK")
            append(one, "Old", 4)
            expunge(one, "Old", "2")
            one.gemel("rule", "set", "ann", "Old", "archive-message-bytes=1000000")
            pair.wait_equal()
            before = one.digest()
            said = "ann/Old 1: 1 messages (1.7 MB) archived: it has at least 1000000 bytes"
            for side in pair.sides:
                self.assertIn(said, side.gemel("expire", "--archive", "second", "--dry-run"))
                self.assertIn(said, side.gemel("expire", "--archive", "second"))
                self.assertNotIn(said, side.gemel("expire", "--archive", "second", "--dry-run"))
                self.assertEqual(side.digest(), before)
                row = mailbox(side, "Old")
                self.assertEqual((row["partition"], row["exists"]), ("default", 4))
                with side.imap("ann") as imap:
                    imap.select("Old", readonly=True)
                    self.assertEqual(imap.fetch("1", "(BODY.PEEK[])")[1][0][1], large)
                self.assertEqual(side.verify(), [])
            # Copied, renamed, brought along by a move of the mailbox, and gone.
            with one.imap("ann") as imap:
                imap.select("Old")
                self.assertEqual(imap.copy("1", "INBOX")[0], "OK")
            one.gemel("mailbox", "rename", "ann", "Old", "Older", "--partition", "second")
            one.gemel("mailbox", "rename", "ann", "Older", "Old", "--partition", "default")
            pair.wait_equal()
            for side in pair.sides:
                for path in ("Old", "INBOX"):
                    with side.imap("ann") as imap:
                        imap.select(path, readonly=True)
                        self.assertEqual(imap.fetch("1", "(BODY.PEEK[])")[1][0][1], large)
            one.gemel("expire", "--archive", "second")
            one.gemel("mailbox", "delete", "ann", "Old")
            expunge(one, "INBOX", "1:*")
            one.gemel("expire", "--deleted", "0", "--expunged", "0")
            pair.wait_equal()
            self.assertEqual(one.dump(), two.dump())
            self.assertEqual(one.verify() + two.verify(), [])

    def test_e03_a_deleted_mailbox_keeps_what_was_expunged_on_both(self):
        with Pair() as pair:
            one, two = pair.sides
            one.add_user("ann")
            one.gemel("mailbox", "create", "ann", "Box")
            append(one, "Box", 4)
            expunge(one, "Box", "1:3")
            one.gemel("mailbox", "delete", "ann", "Box")
            pair.wait_equal()
            for side in pair.sides:
                row = mailbox(side, "Box", deleted=True)
                self.assertEqual((row["exists"], row["expunged"]), (1, 3))
            self.assertEqual(one.dump(), two.dump())

    def test_after_a_promotion_nothing_that_was_to_be_kept_is_gone(self):
        one, two = Server("one", "primary"), Server("two", "replica")
        one.channel = {"host": HOST, "port": two.ports["sync"]}
        two.channel = {"host": HOST, "port": one.ports["sync"]}
        with two, one:
            one.add_user("ann")
            for path in ("Held", "Trash", "Plain"):
                one.gemel("mailbox", "create", "ann", path)
                append(one, path, 3)
            one.gemel("rule", "set", "ann", "Trash", "at-most=2")
            one.gemel("hold", "set", "--mailbox", "ann/Held", "--until", "forever")
            expunge(one, "Held", "1:2")
            expunge(one, "Plain", "1")
            wait_until(lambda: one.digest() == two.digest(), two.log_end)
            one.kill()
            wait_until(lambda: not [row for row in two.admin("status")[0]
                                    if row["type"] == "upstream"], two.log_end)
            two.gemel("promote")
            # It has no memory of when what was expunged, so it counts from now.
            two.gemel("expire", "--expunged", "1")
            self.assertEqual(mailbox(two, "Plain")["expunged"], 1)
            # Rules and holds came along.
            two.gemel("expire", "--rules", "--expunged", "0", "--deleted", "0")
            self.assertEqual(mailbox(two, "Trash")["exists"], 2)
            self.assertEqual(mailbox(two, "Held")["expunged"], 2)
            two.gemel("mailbox", "delete", "ann", "Held")
            two.gemel("expire", "--deleted", "0")
            one.start()
            wait_until(lambda: one.digest() == two.digest(),
                       lambda: one.log_end() + two.log_end())
            for side in (one, two):
                held = mailbox(side, "Held", deleted=True)
                self.assertEqual((held["exists"], held["expunged"]), (1, 2))
            with self.assertRaisesRegex(ServerError, "replica"):
                one.gemel("hold", "lift", "--mailbox", "ann/Trash")
            self.assertEqual(one.verify() + two.verify(), [])

    def test_a_hold_that_died_with_the_primary_keeps_what_it_had(self):
        one, two = twins(self)
        for path in ("ByUser", "ByItself", "Gone"):
            one.gemel("mailbox", "create", "ann", path)
            append(one, path, 3)
            expunge(one, path, "1")
        wait_equal(one, two)
        two.stop()
        # The other one never hears of these.
        one.gemel("hold", "set", "--mailbox", "ann/ByItself", "--until", "forever")
        one.gemel("hold", "set", "--user", "ann", "--until", "2100-01-01")
        one.kill()
        two.start()
        two.gemel("promote", "--force")
        for path in ("ByUser", "ByItself"):
            expunge(two, path, "1")
        two.gemel("mailbox", "delete", "ann", "Gone")
        two.gemel("expire", "--expunged", "0", "--deleted", "0")
        for path in ("ByUser", "ByItself"):
            self.assertEqual(mailbox(two, path)["expunged"], 0)
        one.start()
        wait_equal(one, two)
        for side in (one, two):
            for path in ("ByUser", "ByItself"):
                row = mailbox(side, path)
                self.assertEqual((row["exists"], row["expunged"]), (1, 2), path)
            gone = mailbox(side, "Gone", deleted=True)
            self.assertEqual(gone["exists"] + gone["expunged"], 3)
            self.assertEqual(side.verify(), [])
        self.assertIn("user ann: until 2100-01-01", two.gemel("hold", "list"))
        two.gemel("expire", "--expunged", "0", "--deleted", "0")
        two.gemel("undelete", "messages", "ann", "ByUser")
        wait_until(lambda: mailbox(one, "ByUser")["exists"] == 3,
                   lambda: one.log_end() + two.log_end())

    def test_the_schedule_runs_on_whoever_is_the_primary(self):
        more = {"store": {"keep_expunged_days": 0, "keep_deleted_days": 0},
                "lmtp": {"duplicates_days": 0},
                "expire": {"interval_minutes": 1, "rules": {"Junk": "at-most=1"}}}
        one, two = Server("one", "primary", more=more), Server("two", "replica", more=more)
        one.channel = {"host": HOST, "port": two.ports["sync"]}
        two.channel = {"host": HOST, "port": one.ports["sync"]}
        with two, one:
            one.add_user("ann")
            for path in ("Trash", "Junk", "Held", "Plain", "Gone"):
                one.gemel("mailbox", "create", "ann", path)
                append(one, path, 3)
            one.gemel("rule", "set", "ann", "Trash", "at-most=2")
            one.gemel("rule", "set", "ann", "Held", "at-most=2")
            one.gemel("hold", "set", "--mailbox", "ann/Held", "--until", "forever")
            expunge(one, "Plain", "1")
            one.gemel("mailbox", "delete", "ann", "Gone")
            # What a script remembers for a second has lapsed when the schedule comes.
            one.gemel("sieve", "put", "ann", "main", input=REMEMBERING)
            one.gemel("sieve", "activate", "ann", "main")
            self.assertEqual(one.deliver(["ann"], MESSAGE % 1), [250])

            def remembered(side):
                return [row["key"] for row in side.dump()
                        if row["type"] == "item" and row["key"].startswith("duplicate/")
                        and not row["deleted"]]

            self.assertEqual(len(remembered(one)), 1)

            def expired(side, path):
                return mailbox(side, path, deleted=path == "Gone")["exists"]

            wait_until(lambda: (expired(two, "Trash"), expired(two, "Junk"), expired(two, "Gone"),
                                mailbox(two, "Plain")["expunged"]) == (2, 1, 0, 0),
                       lambda: one.log_end() + two.log_end(), timeout_s=300)
            wait_until(lambda: not remembered(two), two.log_end)
            self.assertEqual(expired(two, "Held"), 3)
            self.assertIn("expire looked_at=", one.log.read_text())
            self.assertNotIn("expire looked_at=", two.log.read_text())
            one.kill()
            wait_until(lambda: not [row for row in two.admin("status")[0]
                                    if row["type"] == "upstream"], two.log_end)
            two.gemel("promote")
            append(two, "Trash", 3)
            wait_until(lambda: (expired(two, "Trash"), mailbox(two, "Trash")["expunged"]) == (2, 0),
                       two.log_end, timeout_s=300)
            self.assertEqual(expired(two, "Held"), 3)
            self.assertIn("expire looked_at=", two.log.read_text())
            self.assertEqual(two.verify(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)

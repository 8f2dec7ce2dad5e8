#!/usr/bin/env python3
"""Faults that other IMAP servers had, each as a test that is named for it: what clients rely on."""

import re
import threading
import unittest

from gemel_server import Pair, Server, wait_until
from raw_imap import RawImap

# A name begins with its row: I.. synchronisation, M.. content, S.. security, E.. what is kept.


def message(name, text="hello"):
    return (f"From: Ida <ida@example.org>\r\nSubject: {name}\r\n"
            f"Message-ID: <{name}@example.org>\r\n\r\n{text}\r\n")


class Case(unittest.TestCase):
    services = ("imap", "lmtp")
    more = {}

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server(services=cls.services, more=cls.more))
        cls.users = 0

    def setUp(self):
        type(self).users += 1
        self.user = f"user{self.users}"
        self.server.add_user(self.user)

    def imap(self, user=None):
        return self.enterContext(RawImap(self.server.ports["imap"], user or self.user))

    def anonymous(self):
        return self.enterContext(RawImap(self.server.ports["imap"]))

    def filled(self, count, mailbox="INBOX"):
        """A connection with messages 1 to `count` in the mailbox, which is selected."""
        imap = self.imap()
        for number in range(1, count + 1):
            imap.append(mailbox, message(f"m{number}"))
        imap.ok(f"SELECT {mailbox}")
        return imap


class Synchronisation(Case):
    def test_I01_done_and_more_in_one_packet(self):
        imap = self.filled(1)
        imap.idle()
        imap.send("DONE\r\nb NOOP\r\nc IDLE\r\n")
        self.assertIn("a OK", imap.until("a ")[-1])
        self.assertIn("b OK", imap.until("b ")[-1])
        imap.until("+")
        imap.send("DONE\r\n")
        self.assertIn("c OK", imap.until("c ")[-1])

    def test_I02_a_command_in_place_of_done(self):
        imap = self.filled(1)
        imap.idle()
        imap.send("b IDLE\r\n")
        self.assertIn("a BAD", imap.until("a ")[-1])
        imap.ok("NOOP")

    def test_I04_a_message_moved_in_is_fetched(self):
        first, second = self.filled(1), self.imap()
        second.ok("CREATE other")
        second.append("other", message("moved"))
        uidnext = second.ok("STATUS INBOX (UIDNEXT)").find(r"UIDNEXT (\d+)")[1]
        second.ok("SELECT other")
        second.ok("MOVE 1 INBOX")
        self.assertTrue(first.ok(f"UID FETCH {uidnext}:* (FLAGS)").find(rf"UID {uidnext}\b"))

    def test_I06_a_silent_store_tells_the_modseq(self):
        imap = self.filled(1)
        imap.ok("ENABLE QRESYNC")
        imap.ok("SELECT INBOX")
        self.assertTrue(imap.ok("STORE 1 +FLAGS.SILENT (\\Seen)").find(
            r"^\* 1 FETCH \((UID 1 )?MODSEQ \(\d+\)(?: UID 1)?\)$"))

    def test_I07_a_qresync_without_uids(self):
        imap = self.filled(3)
        imap.ok("ENABLE QRESYNC")
        validity = imap.ok("STATUS INBOX (UIDVALIDITY)").find(r"UIDVALIDITY (\d+)")[1]
        for known, modseq in (("1", "0"), (validity, "0"), ("1", "1"), ("4294967295", "1"),
                              (validity, "9223372036854775807"), (validity, "18446744073709551615"),
                              ("0", "1")):
            done = imap.run(f"SELECT INBOX (QRESYNC ({known} {modseq}))")
            self.assertIn(done.status, ("OK", "BAD"), (known, modseq, done))
            if done.ok:
                self.assertTrue(done.find(r"\* 3 EXISTS"))
        imap.ok("SELECT INBOX")

    def test_I09_uidvalidity_is_never_zero(self):
        imap = self.imap()
        imap.ok("CREATE x")
        imap.ok("CREATE y/z")
        imap.ok("RENAME x renamed")
        imap.ok("CREATE again")
        imap.ok("DELETE again")
        imap.ok("CREATE again")
        for name in ("INBOX", "renamed", "y", "y/z", "again"):
            if imap.run(f"STATUS {name} (UIDVALIDITY)").ok:
                self.assertTrue(imap.ok(f"SELECT {name}").find(r"UIDVALIDITY [1-9]"), name)
        self.assertEqual(imap.run("STATUS INBOX ()").status, "BAD")

    def test_I11_text_follows_each_response_code(self):
        imap = self.filled(2)
        imap.ok("ENABLE QRESYNC")
        answers = [imap.run(command) for command in (
            "SELECT INBOX", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE", "CREATE x", "COPY 1 x",
            "UID STORE 1:* (UNCHANGEDSINCE 1) +FLAGS (a)", "SELECT nowhere", "COPY 1 nowhere",
            "CLOSE", "EXAMINE INBOX", "CREATE INBOX", "DELETE nowhere",
            "STATUS INBOX (HIGHESTMODSEQ)")]
        coded = 0
        for line in [line.removeprefix("* ") for one in answers for line in [*one.lines, one.text]]:
            if re.match(r"(OK|NO|BAD|BYE|PREAUTH) \[", line):
                coded += 1
                self.assertRegex(line, r"^\w+ \[[^\]]+\] .")
        self.assertGreater(coded, 10)

    def test_I12_a_uid_names_one_message_for_ever(self):
        imap = self.filled(5)
        imap.ok("STORE 2,5 +FLAGS (\\Deleted)")
        imap.ok("EXPUNGE")
        imap.append("INBOX", message("m6"))

        def names(connection):
            connection.ok("SELECT INBOX")
            answer = connection.ok("UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
            return {re.search(r"UID (\d+)", line)[1]: re.search(r"<(\w+)@", line)[1]
                    for line in answer.lines if "FETCH" in line}
        before = names(imap)
        self.assertEqual(before, {"1": "m1", "3": "m3", "4": "m4", "6": "m6"})
        self.server.stop()
        self.server.start()
        self.assertEqual(self.server.verify(), [])
        self.assertEqual(names(self.imap()), before)

    def test_I14_a_client_that_is_far_behind_hears_of_all_that_is_gone(self):
        imap = self.filled(10)
        imap.ok("ENABLE QRESYNC")
        known = imap.ok("SELECT INBOX")
        validity = known.find(r"UIDVALIDITY (\d+)")[1]
        modseq = known.find(r"HIGHESTMODSEQ (\d+)")[1]
        imap.ok("UID STORE 2,4:5,10 +FLAGS.SILENT (\\Deleted)")
        imap.ok("EXPUNGE")
        # No tombstone of them is kept any more.
        self.server.gemel("expire", "--expunged", "0")
        back = self.imap()
        back.ok("ENABLE QRESYNC")
        for uids in ("", " 1:10"):
            answer = back.ok(f"SELECT INBOX (QRESYNC ({validity} {modseq}{uids}))")
            gone = answer.find(r"\* VANISHED \(EARLIER\) (\S+)")
            self.assertIsNotNone(gone, answer)
            named = set()
            for part in gone[1].split(","):
                first, _, last = part.partition(":")
                named |= set(range(int(first), int(last or first) + 1))
            self.assertLessEqual({2, 4, 5, 10}, named)
            self.assertFalse({1, 3, 6, 7, 8, 9} & named)

    def test_I16_no_message_appears_below_a_modseq_that_was_shown(self):
        watcher = self.imap()
        watcher.ok("ENABLE CONDSTORE")
        ended = threading.Event()

        def write():
            with RawImap(self.server.ports["imap"], self.user) as writer:
                for number in range(40):
                    writer.append("INBOX", message(f"{threading.get_ident()}-{number}"))
        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        known, highest = 0, 0
        while not ended.is_set() or known < 120:
            if not any(writer.is_alive() for writer in writers):
                ended.set()
            answer = watcher.ok("SELECT INBOX")
            shown = int(answer.find(r"HIGHESTMODSEQ (\d+)")[1])
            fetched = watcher.ok("UID FETCH 1:* (MODSEQ)")
            modseqs = {int(uid): int(modseq) for uid, modseq in
                       fetched.all(r"UID (\d+) MODSEQ \((\d+)\)")}
            for uid, modseq in modseqs.items():
                if uid > known:
                    self.assertGreater(modseq, highest)
            known, highest = max(modseqs, default=0), shown
            self.assertLessEqual(max((modseqs[uid] for uid in modseqs), default=0),
                                 int(watcher.ok("STATUS INBOX (HIGHESTMODSEQ)").find(
                                     r"HIGHESTMODSEQ (\d+)")[1]))
        for writer in writers:
            writer.join()
        self.assertEqual(known, 120)

    def test_I17_a_renamed_inbox_leaves_a_new_one(self):
        imap = self.filled(2)
        before = imap.ok("STATUS INBOX (MAILBOXID UIDVALIDITY)")
        imap.ok("RENAME INBOX old")
        old = imap.ok("STATUS old (MESSAGES MAILBOXID)")
        new = imap.ok("STATUS INBOX (MESSAGES MAILBOXID)")
        self.assertTrue(old.find("MESSAGES 2"))
        self.assertTrue(new.find("MESSAGES 0"))
        identities = [answer.find(r"MAILBOXID \(([^)]+)\)")[1] for answer in (old, new)]
        self.assertNotEqual(*identities)
        self.assertIn(before.find(r"MAILBOXID \(([^)]+)\)")[1], identities)
        imap.append("INBOX", message("to-inbox"))
        imap.append("old", message("to-old"))
        self.assertTrue(imap.ok("STATUS old (MESSAGES)").find("MESSAGES 3"))
        self.assertTrue(imap.ok("STATUS INBOX (MESSAGES)").find("MESSAGES 1"))

    def test_I18_names_come_back_as_they_were(self):
        imap = self.imap()
        imap.ok("CREATE aaa/bbb")
        imap.ok("CREATE aaa/bbb/ccc")
        imap.ok("CREATE aaa/bbbb")
        done = imap.run("RENAME aaa/bbb ddd")
        self.assertTrue(done.ok)
        self.assertTrue(imap.ok("STATUS ddd/ccc (MESSAGES)"))
        self.assertTrue(imap.ok("STATUS aaa/bbbb (MESSAGES)"))
        self.assertEqual(imap.run("RENAME ddd/ccc ddd").status, "NO")
        taken = []
        for name in ("a.b", "a%b", "a*b", 'a"b', "a\\b", "a&-b", ".a", "a ", " a", "a//b", "/a",
                     "a/", "a/./b", "../a", "a{b", "a(b", "INBOX/a", "inbox"):
            done = imap.run("CREATE {}", name)
            if not done.ok:
                self.assertEqual(done.status, "NO", (name, done))
                self.assertRegex(done.text, r"^NO \[[A-Z]", name)
                continue
            taken.append(name.rstrip("/"))
            self.assertTrue(imap.ok("STATUS {} (UIDNEXT)", name.rstrip("/")).ok)
        listed = set()
        for line in imap.ok('LIST "" *').lines:
            name = re.match(r'\* LIST \([^)]*\) "/" (?:"((?:[^"\\]|\\.)*)"|(\S+))$', line)
            if name:
                listed.add(name[2] if name[1] is None else re.sub(r"\\(.)", r"\1", name[1]))
        for name in taken:
            self.assertIn(name, listed)

    def test_I19_modified_utf7(self):
        imap = self.imap()
        for good in ("a&-b", "&2D3eCg-", "&AOQ-"):
            imap.ok("CREATE {}", good)
            self.assertTrue(imap.ok('LIST "" {}', good).find(re.escape(good)), good)
        for bad in ("&2D0-", "&3go-", "a&b", "&AOR-", "&AGEAYg-", "&"):
            self.assertIn(imap.run("CREATE {}", bad).status, ("NO", "BAD"), bad)

    def test_I25_each_status_item_once_and_the_name_quoted(self):
        imap = self.imap()
        imap.ok("CREATE {}", 'the "best" \\ of')
        line = imap.ok("STATUS {} (UNSEEN UIDNEXT MESSAGES UIDVALIDITY HIGHESTMODSEQ SIZE "
                       "MAILBOXID RECENT DELETED)", 'the "best" \\ of').lines[0]
        self.assertTrue(line.startswith('* STATUS "the \\"best\\" \\\\ of" ('), line)
        for item in ("UNSEEN", "UIDNEXT", "MESSAGES", "UIDVALIDITY", "HIGHESTMODSEQ", "SIZE",
                     "MAILBOXID", "RECENT", "DELETED"):
            self.assertEqual(len(re.findall(rf"[( ]{item} ", line)), 1, line)

    def test_I26_append_to_names_that_need_quotes(self):
        imap = self.imap()
        for name in ("with space", "pa(ren", 'quo"te', "back\\slash", "percent%"):
            quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
            if not imap.run("CREATE {}", name).ok:
                continue
            imap.append(quoted, message("one"))
            imap.ok("APPEND {} (\\Seen) \"01-Jan-2024 10:00:00 +0000\" {}", name, message("two"))
            self.assertTrue(imap.ok(f"STATUS {quoted} (MESSAGES)").find("MESSAGES 2"), name)

    def test_I28_idle_hears_of_every_change_by_others(self):
        watcher, other = self.filled(2), self.imap()
        other.ok("SELECT INBOX")
        watcher.idle()
        other.ok("STORE 1 +FLAGS (\\Flagged)")
        self.assertIn("\\Flagged", watcher.until("* 1 FETCH")[-1])
        other.append("INBOX", message("appended"))
        watcher.until("* 3 EXISTS")
        self.server.deliver([self.user], message("delivered").encode())
        watcher.until("* 4 EXISTS")
        other.ok("STORE 2 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        watcher.until("* 2 EXPUNGE")
        watcher.send("DONE\r\n")
        self.assertIn("a OK", watcher.until("a ")[-1])

    def test_I29_odd_keywords_and_too_many(self):
        imap = self.filled(1)
        for keyword in ("$X-ME-Annot-2", "domain.com", "$Forwarded", "a:b", "a'b", "a,b", "a|b"):
            told = imap.ok(f"STORE 1 +FLAGS ({keyword})")
            self.assertTrue(told.find(re.escape(keyword)), keyword)
        self.assertEqual(imap.run("STORE 1 +FLAGS (a]b)").status, "BAD")
        for number in range(1000):
            done = imap.run(f"STORE 1 +FLAGS (k{number})")
            if not done.ok:
                break
        self.assertRegex(done.text, r"^NO \[LIMIT\]")
        self.assertEqual(number, 100 - 7)
        self.assertNotIn("\\*", imap.ok("SELECT INBOX").find(r"PERMANENTFLAGS \(([^)]*)\)")[1])


class Servers(unittest.TestCase):
    def test_I13_uidvalidity_stays(self):
        pair = self.enterContext(Pair())
        pair.primary.add_user("ann")
        with RawImap(pair.primary.ports["imap"], "ann") as imap:
            for name in ("a", "b"):
                imap.ok(f"CREATE {name}")
            imap.append("a", message("one"))

            def validities(connection):
                return [connection.ok(f"STATUS {name} (UIDVALIDITY)").find(r"UIDVALIDITY (\d+)")[1]
                        for name in ("INBOX", "a")]
            before = validities(imap)
            imap.ok("RENAME b c")
            self.assertEqual(validities(imap), before)
        pair.primary.stop()
        pair.primary.start()
        with RawImap(pair.primary.ports["imap"], "ann") as imap:
            self.assertEqual(validities(imap), before)
        pair.wait_equal()
        pair.primary.stop()
        pair.replica.gemel("promote", "--force")
        with RawImap(pair.replica.ports["imap"], "ann") as imap:
            self.assertEqual(validities(imap), before)
            imap.append("a", message("two"))
            self.assertEqual(validities(imap), before)


class Content(Case):
    def test_I21_envelope_is_ascii_unless_asked(self):
        imap = self.imap()
        raw = ("From: Jürgen <j@example.org>\r\nSubject: grüße\r\nContent-Type: text/plain; "
               "name=\"ä.txt\"\r\nContent-Description: ö\r\n\r\nhello\r\n").encode()
        imap.append("INBOX", raw)
        imap.ok("SELECT INBOX")
        answer = imap.ok("FETCH 1 (ENVELOPE BODYSTRUCTURE)")
        self.assertTrue(answer.lines[0].isascii(), answer)
        # The bytes themselves stay as they are.
        self.assertIn(raw.decode("latin-1"), imap.ok("FETCH 1 BODY.PEEK[]").lines[0])

    def test_I23_parts_of_a_message_in_a_message(self):
        inner = ("Subject: inner\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n"
                 "--i\r\nContent-Type: text/plain\r\n\r\none\r\n--i\r\n"
                 "Content-Type: multipart/mixed; boundary=j\r\n\r\n--j\r\n\r\ntwo\r\n--j--\r\n"
                 "--i--\r\n")
        imap = self.imap()
        imap.append("INBOX", "Subject: outer\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n"
                    "--o\r\n\r\nfirst\r\n--o\r\nContent-Type: message/rfc822\r\nX-Here: yes\r\n\r\n"
                    + inner + "\r\n--o--\r\n")
        imap.ok("SELECT INBOX")

        def part(section):
            line = imap.ok(f"FETCH 1 BODY.PEEK[{section}]").lines[0]
            return re.search(r"\{\d+\}\r\n(.*)\)$|\"(.*)\"\)$", line, re.S).group(1) or ""
        self.assertEqual(part("2.MIME"), "Content-Type: message/rfc822\r\nX-Here: yes\r\n\r\n")
        self.assertEqual(part("2"), inner)
        self.assertTrue(part("2.HEADER").startswith("Subject: inner\r\n"))
        self.assertTrue(part("2.TEXT").startswith("--i\r\n"))
        self.assertEqual(part("2.1"), "one")
        self.assertEqual(part("2.1.MIME"), "Content-Type: text/plain\r\n\r\n")
        self.assertEqual(part("2.2.1"), "two")

    def test_M13_a_from_line_at_the_start(self):
        imap = self.imap()
        for body in ("From x Mon Jan  1 00:00:00 2024\r\nSubject: a\r\n\r\nb\r\n",
                     ">From x\r\nSubject: a\r\n\r\nFrom b\r\n>From c\r\n"):
            imap.append("INBOX", body)
            imap.ok("SELECT INBOX")
            self.assertIn(body, imap.ok("FETCH * BODY.PEEK[]").lines[-1])

    def test_M14_what_is_behind_a_literal_that_is_too_long_never_runs(self):
        imap = self.imap()
        size = 60 << 20
        imap.send(f"a APPEND INBOX {{{size}+}}\r\n")
        answer = imap.line()
        if answer.startswith("a "):
            self.assertRegex(answer, r"^a (NO \[TOOBIG\]|BAD)")
        evil = b"b CREATE evil\r\n" * 4
        try:
            sent = 0
            while sent < size:
                piece = evil * 1000
                imap.send(piece[:size - sent])
                sent += len(piece)
            imap.send("\r\nc NOOP\r\n")
            lines = imap.until("c ")
            self.assertFalse([line for line in lines if line.startswith("b ")])
        except OSError:
            pass  # it said BYE and closed
        self.assertEqual(self.imap().run("STATUS evil (MESSAGES)").status, "NO")

    def test_M01_null_octets_and_bare_line_feeds(self):
        imap = self.imap()
        body = b"From: a\n\nx\0y"
        done = imap.run(b"APPEND INBOX {}", body)
        self.assertEqual(done.status, "BAD" if not done.ok else "OK")
        imap.send(b"z APPEND INBOX ~{%d+}\r\n%s\r\n" % (len(body), body))
        self.assertIn("z OK", imap.until("z ")[-1])
        imap.ok("SELECT INBOX")
        self.assertIn(f"RFC822.SIZE {len(body)}", imap.ok("FETCH * RFC822.SIZE").lines[-1])
        imap.send("y FETCH * BINARY.PEEK[]\r\n")
        self.assertTrue(any(body.decode() in line for line in imap.until("y ")))


    def test_M04_huge_headers(self):
        imap = self.imap()
        long_field = "X-Long: " + "x" * (6 << 20) + "\r\n"
        for header in (long_field, "X: y\r\n" * 1_500_000):
            imap.append("INBOX", "Subject: first\r\n" + header + "\r\nbody at the end\r\n")
        imap.ok("SELECT INBOX")
        for number in (1, 2):
            told = imap.ok(f"FETCH {number} (RFC822.SIZE ENVELOPE BODYSTRUCTURE)")
            self.assertTrue(told.find(r'ENVELOPE \(NIL "first"'), number)
            size = int(told.find(r"RFC822.SIZE (\d+)")[1])
            tail = imap.ok(f"FETCH {number} BODY.PEEK[]<{size - 17}.100>")
            self.assertTrue(tail.find("body at the end\r\n"), number)
            self.assertEqual(imap.ok(f"FETCH {number} BODY.PEEK[TEXT]").find(
                r"\{(\d+)\}\r\nbody at the end")[1], "17")

    def test_M07_group_addresses(self):
        imap = self.imap()
        imap.append("INBOX", "From: undisclosed:;\r\nTo: g: a@b, c@d;\r\n\r\nx\r\n")
        imap.ok("SELECT INBOX")
        envelope = imap.ok("FETCH 1 ENVELOPE").lines[0]
        start = '(NIL NIL "undisclosed" NIL)(NIL NIL NIL NIL)'
        self.assertIn(f"(NIL NIL ({start}) ({start}) ({start}) ", envelope)
        self.assertIn('((NIL NIL "g" NIL)(NIL NIL "a" "b")(NIL NIL "c" "d")(NIL NIL NIL NIL))',
                      envelope)

    def test_M08_previews_of_what_is_cut(self):
        imap = self.imap()
        for kind, body in (("html", b"<p>words<"), ("plain", "grü".encode()[:-1]),
                           ("plain", b" \r\n\t\r\n"), ("html", b"<"), ("plain", b"")):
            header = f"Content-Type: text/{kind}; charset=utf-8\r\n\r\n"
            imap.append("INBOX", header.encode() + body)
        imap.ok("SELECT INBOX")
        answer = imap.ok("FETCH 1:* PREVIEW")
        self.assertEqual(len(answer.lines), 5)
        for line in answer.lines:
            self.assertRegex(line, r'^\* \d FETCH \(PREVIEW (NIL|"[^"]*"|\{\d+\}\r\n.*)\)$')
            line.encode("latin-1").decode("utf-8")

    def test_M10_messages_without_an_id_or_with_one_that_is_anothers(self):
        def deliver(header, sender):
            self.assertEqual(self.server.deliver(
                [self.user], f"{header}Subject: x\r\n\r\nsame\r\n".encode(), sender), [250])
        for _ in range(2):
            deliver("", "one@example.org")
            deliver("Message-ID: <same@example.org>\r\n", "one@example.org")
        deliver("Message-ID: <same@example.org>\r\n", "two@example.org")
        # Only the id that came twice from one sender is a duplicate.
        self.assertTrue(self.imap().ok("STATUS INBOX (MESSAGES)").find("MESSAGES 4"))

    def test_M11_octets_beyond_ascii_in_a_header_stay(self):
        imap = self.imap()
        header = b"From: a@b\r\nSubject: \xe9t\xe9\r\n\r\n"
        imap.append("INBOX", header + b"x\r\n")
        imap.ok("SELECT INBOX")
        self.assertTrue(imap.ok("FETCH 1 BODY.PEEK[HEADER]").find(
            r"\{%d\}\r\n%s" % (len(header), re.escape(header.decode("latin-1")))))
        self.assertTrue(imap.ok("FETCH 1 ENVELOPE").lines[0].isascii())


class Kept(Case):
    more = {"": {"admins": ["root"]}}

    def test_E04_what_is_deleted_does_not_nest(self):
        self.server.add_user("root")
        imap, admin = self.imap(), self.imap("root")
        of_user = f"Other Users/{self.user}/"
        for client, name in ((imap, "gone"), (admin, of_user + "gone"), (imap, "gone")):
            imap.ok("CREATE gone")
            imap.append("gone", message("kept"))
            client.ok(f'DELETE "{name}"')
        # A mailbox of what was expunged is no name for another.
        imap.ok("CREATE live")
        for client, start in ((imap, ""), (admin, of_user)):
            for _ in range(3):
                for name in ("gone", "live"):
                    self.assertEqual(client.run(f'DELETE "Expunged/{start}{name}"').status, "NO")
            self.assertFalse(client.ok('LIST "" *').find("gone"))
        rows, _ = self.server.admin("mailbox list", user=self.user, deleted=True)
        names = [row["mailbox"] for row in rows]
        self.assertEqual(names.count(f"{self.user}/gone"), 3, rows)
        self.assertFalse([name for name in names if name.count("gone") > 1])

    def test_E07_each_mailbox_has_its_own_id_and_gets_its_mail(self):
        other = self.user
        self.setUp()
        ids = set()
        for user in (other, self.user):
            imap = self.imap(user)
            imap.ok("CREATE list")
            ids.add(imap.ok("STATUS list (MAILBOXID)").find(r"MAILBOXID \(([^)]+)\)")[1])
        self.assertEqual(len(ids), 2)
        self.assertEqual(self.server.deliver(
            [f"{other}+list@example.org", f"{self.user}+list@example.org", self.user],
            message("for-both").encode()), [250, 250, 250])
        for user in (other, self.user):
            self.assertTrue(self.imap(user).ok("STATUS list (MESSAGES)").find("MESSAGES 1"), user)
        self.assertTrue(self.imap().ok("STATUS INBOX (MESSAGES)").find("MESSAGES 1"))


class Security(Case):
    more = {"login": {"failed_delay_ms": 0}}

    def test_S02_many_literals_in_one_command(self):
        imap = self.filled(1)
        before = self.server.memory_kb()
        for start in ("SEARCH", "LIST (", "FETCH 1 (BODY[HEADER.FIELDS (", "SETMETADATA INBOX ("):
            imap.send(f"a {start}")
            answer = ""
            try:
                for _ in range(10_000):
                    imap.send(" SUBJECT {1000+}\r\n" + "x" * 1000)
                imap.send("\r\n")
                answer = imap.until("a ")[-1]
            except OSError:
                pass  # it said BYE, and hears no more
            self.assertNotIn("a OK", answer, start)
            imap = self.filled(0)
        self.assertLess(self.server.memory_kb() - before, 64 << 10)

    def test_S03_parentheses_before_login(self):
        imap = self.anonymous()
        imap.send("a " + "(" * 100_000)
        self.assertIn("a BAD", imap.until("* BYE")[0])
        self.assertEqual(imap.line(), "")

    def test_S05_logins_that_are_given_up(self):
        def give_up():
            for _ in range(200):
                imap = RawImap(self.server.ports["imap"])
                imap.send("a AUTHENTICATE PLAIN\r\n")
                imap.line()
                imap.close()
            with RawImap(self.server.ports["imap"]) as imap:
                for _ in range(5):
                    imap.send("a AUTHENTICATE PLAIN\r\n")
                    imap.until("+")
                    imap.send("*\r\n")
                    if "a BAD" not in imap.line():
                        break
        give_up()
        before = self.server.memory_kb()
        for _ in range(5):
            give_up()
        self.assertLess(self.server.memory_kb() - before, 16 << 10)

    def test_S06_user_names_that_are_no_text(self):
        for name in (b"\xff\xfe", b"a\0", b"x" * 8000, b"", b"\r\n* OK"):
            imap = self.anonymous()
            try:
                done = imap.run(b"LOGIN {} x", name)
                self.assertIn(done.status, ("NO", "BAD"), name[:20])
            except (ConnectionError, OSError):
                pass
        log = self.server.log.read_bytes()
        self.assertNotIn(b"\xff\xfe", log)
        self.assertNotIn(b"\n* OK", log)

    def test_S08_user_names_are_names_alone(self):
        for name in ("%{x}", "../y", "a'b", "a)(uid=*", "a/b", "*", "%", "user1/../user2"):
            self.assertEqual(self.anonymous().run("LOGIN {} x", name).status, "NO", name)

    def test_S13_very_many_keywords_at_once(self):
        imap = self.filled(1)
        words = " ".join(f"k{number:x}" for number in range(20_000))
        done = imap.run(f"STORE 1 +FLAGS ({words})")
        self.assertIn(done.status, ("NO", "BAD"))
        headers = "".join(f"X-{number}: v\r\n" for number in range(50_000))
        imap.append("INBOX", headers + "\r\nhello\r\n")
        self.assertTrue(imap.ok("FETCH 2 BODY.PEEK[HEADER.FIELDS (X-49999)]").find("X-49999: v"))

    def test_S18_no_command_is_smuggled_into_idle(self):
        imap = self.filled(1)
        for bad in ("a\tb IDLE", "a\x00 IDLE", "a{3} IDLE"):
            imap.send(bad + "\r\n")
            self.assertRegex(imap.line(), r"^(\*|a\S*) BAD")
        imap.idle()
        imap.send("DONE\tx\r\n")
        self.assertIn("a BAD", imap.until("a ")[-1])
        imap.ok("NOOP")

    def test_S01_nothing_from_before_tls_runs_after_it(self):
        # With a certificate the same is tested in net; without one STARTTLS is no way in.
        imap = self.anonymous()
        imap.send("a STARTTLS\r\nb CAPABILITY\r\n")
        self.assertRegex(imap.line(), "^a (BAD|NO)")
        self.assertTrue(imap.until("b "))

    def test_S10_another_users_mailbox_is_none(self):
        other = self.user
        self.imap().ok("CREATE secret")
        self.setUp()
        imap = self.imap()

        def answers(name):
            return [imap.run(command.format(name)).text.replace(name, "X") for command in (
                'STATUS "{}" (MESSAGES)', 'SELECT "{}"', 'LIST "" "{}"', 'SUBSCRIBE "{}"',
                'CREATE "{}/x"', 'RENAME "{}" y',  'DELETE "{}"',
                'GETMETADATA "{}" /private/comment', 'LISTRIGHTS "{}" anyone', 'GETACL "{}"',
                'MYRIGHTS "{}"', 'GETQUOTAROOT "{}"',
                'ESEARCH IN (mailboxes "{}") ALL', 'RENAME y "{}"', 'SELECT "Expunged/{}"',
                'NOTIFY SET (mailboxes "{}" (MessageNew MessageExpunge))', 'LIST "" "{}/*"',
                'LIST "" "{}" RETURN (STATUS (MESSAGES) MYRIGHTS)')]
        self.assertEqual(answers(f"Other Users/{other}/secret"),
                         answers(f"Other Users/{other}/nowhere"))

    def test_S11_commands_of_administrators(self):
        imap = self.imap()
        for command in ('SETQUOTA "" (STORAGE 1)', 'SETACL "Shared/x" anyone lr',
                        'CREATE "Other Users/other/x"', 'SETMETADATA "" (/shared/admin "x")'):
            self.assertIn(imap.run(command).status, ("NO", "BAD"), command)


if __name__ == "__main__":
    unittest.main()

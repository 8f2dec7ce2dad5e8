#!/usr/bin/env python3
"""The checker must find each kind of offence, and nothing in good code."""

import tempfile
import unittest
from pathlib import Path

import style

GOOD = """\
// One thing, and what it owns.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "mail/ids.h"

namespace gemel {

/// A Manager in a comment, and "new things" in words, are fine.
struct Thing {
  Thing(const Thing&) = delete;
  std::string name = "Helper, new and delete";
};

}  // namespace gemel
"""
SOURCE = '#include "imap/thing.h"\n\nnamespace gemel {\n%s\n}  // namespace gemel\n'


class Style(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = Path(self.directory.name)
        self.write("src/imap/thing_test.cc", "// A test.\n")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def found_in(self, name, text):
        self.write(name, text)
        return "\n".join(style.check(self.root, with_format=False))

    def finds(self, words, name, text):
        self.assertIn(words, self.found_in(name, text))

    def test_good_code_has_no_offence(self):
        self.assertEqual(self.found_in("src/imap/thing.h", GOOD), "")

    def test_an_include_upwards(self):
        self.finds("mail may not know store", "src/mail/a.cc", '#include "store/mail_store.h"\n')

    def test_an_include_sideways(self):
        self.finds("imap may not know lmtp", "src/imap/a.cc", '#include "lmtp/session.h"\n')
        self.finds("wire may not know mail", "src/wire/a.cc", '#include "mail/ids.h"\n')
        self.finds("net may not know store", "src/net/a.cc", '#include "store/engine.h"\n')

    def test_an_include_that_is_not_from_src(self):
        self.finds("written from src", "src/imap/a.cc", '#include "thing.h"\n')

    def test_a_socket_file_or_thread_in_a_session(self):
        for header in ("sys/socket.h", "thread", "fstream", "boost/asio.hpp"):
            self.finds(f"<{header}>", "src/imap/a.cc", f"#include <{header}>\n")

    def test_the_engine_outside_of_the_store(self):
        self.finds("belongs to store", "src/admin/a.cc", "#include <rocksdb/db.h>\n")

    def test_a_long_file_and_a_long_line(self):
        self.finds("701 lines", "src/imap/a.cc", "// x\n" * 701)
        self.finds("101 columns", "src/imap/b.cc", "// " + "x" * 98 + "\n")
        self.assertEqual(self.found_in("src/imap/b.cc", "// " + "x" * 97 + "\n").count("columns"), 0)

    def test_a_long_function(self):
        body = "int f() {\n" + "  g();\n" * 69 + "}"
        self.finds("a function of 71 lines", "src/imap/a.cc", SOURCE % body)
        body = "int f() {\n" + "  g();\n" * 68 + "}"
        self.assertNotIn("a function", self.found_in("src/imap/a.cc", SOURCE % body))

    def test_a_long_member_function(self):
        member = "  int f(int a,\n        int b) {\n" + "    g();\n" * 69 + "  }\n"
        text = SOURCE % ("struct S {\n" + member + "  int h() { return 1; }\n};")
        self.finds("a function of 72 lines", "src/imap/a.cc", text)

    def test_many_short_functions_are_fine(self):
        members = "  int f() {\n    if (a) {\n      g();\n    }\n  }\n\n" * 40
        text = SOURCE % ("struct S {\n" + members + "};")
        self.assertNotIn("a function", self.found_in("src/imap/a.cc", text))

    def test_empty_names(self):
        self.finds("says nothing", "src/imap/a.cc", SOURCE % "class MailboxManager {};")
        self.finds("says nothing", "src/imap/string_util.cc", "// x\n")

    def test_left_overs(self):
        self.finds("a left-over", "src/imap/a.cc", "// TO" + "DO: later\n")

    def test_naked_new_and_delete(self):
        self.finds("new outside", "src/imap/a.cc", SOURCE % "auto* a = new Thing();")
        self.finds(": delete", "src/imap/a.cc", SOURCE % "void f(int* a) { delete a; }")
        owned = "auto a = std::unique_ptr<Thing>(new Thing());"
        self.assertNotIn("new outside", self.found_in("src/imap/a.cc", SOURCE % owned))

    def test_s13_a_hash_table_of_strings_that_may_be_chosen(self):
        self.finds("chosen to collide", "src/imap/a.cc",
                   SOURCE % "std::unordered_map<std::string, int> a;")
        self.finds("chosen to collide", "src/imap/a.cc",
                   SOURCE % "std::unordered_set<std::string_view> a;")
        self.assertNotIn("collide", self.found_in("src/imap/a.cc", SOURCE % "std::map<std::string, int> a;"))

    def test_a_bool_parameter(self):
        bad = GOOD.replace("struct Thing {", "void f(int a, bool b);\nstruct Thing {")
        self.finds("a bool parameter", "src/imap/thing.h", bad)

    def test_a_loop_over_a_temporary(self):
        bad = SOURCE % "void f() {\n  for (const int& x :\n       g(a, N::kB).value()) h(x);\n}"
        self.finds("what a temporary holds", "src/imap/a.cc", bad)
        bad = SOURCE % "void f() {\n  for (const int& x : *a->g(N::kB)) h(x);\n}"
        self.finds("what a temporary holds", "src/imap/a.cc", bad)
        good = SOURCE % "void f() {\n  for (const int& x : g(a).kept) h(x);\n}"
        self.assertNotIn("a temporary", self.found_in("src/imap/a.cc", good))

    def test_a_header_without_contract_or_guard(self):
        self.finds("starts with its contract", "src/imap/a.h", "#pragma once\n")
        self.finds("#pragma once", "src/imap/a.h", "// A.\n")

    def test_a_module_without_tests(self):
        self.finds("src/lmtp: code without", "src/lmtp/a.cc", "// x\n")

    def test_a_module_of_no_layer(self):
        self.finds("the layers don't know", "src/gopher/a_test.cc", "// x\n")

    def test_a_document_that_names_what_is_not_there(self):
        self.write("doc/a.md", "See `src/imap/thing_test.cc` and [b](b.md), or `src/imap/no.cc`.\n")
        found = list(style.check_docs(self.root))
        self.assertEqual(found, ["doc/a.md:1: there is no b.md", "doc/a.md:1: there is no src/imap/no.cc"])

    def test_bad_format(self):
        self.write("src/imap/a.cc", "int   main( ){return 0;}\n")
        self.write(".clang-format", "BasedOnStyle: Google\n")
        self.assertTrue(any("error:" in line for line in style.check_format(self.root)))


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""gemel sieve compile and test: what they say and how they end, without a server."""

import json
import subprocess
import tempfile
from pathlib import Path

from gemel_server import GEMEL

SCRIPT = '''require ["fileinto", "imap4flags"];
if header :contains "subject" "hi" { fileinto :flags "\\\\Flagged" "Lists"; }
'''
SCORES = '''require ["spamtestplus", "virustest", "relational", "comparator-i;ascii-numeric",
         "fileinto", "variables"];
if virustest :value "ge" :comparator "i;ascii-numeric" "2" {
  if virustest :matches "*" { fileinto "virus ${1}"; }
} elsif spamtest "0" {
  fileinto "untested";
} elsif spamtest "1" {
  fileinto "clean";
} elsif spamtest :matches "*" {
  set "score" "${1}";
  if spamtest :percent :matches "*" { fileinto "spam ${score} ${1}"; }
}
'''
MESSAGE = "From: a@example.org\nSubject: hi there\n\nhello\n"


def gemel(*words, **how):
    done = subprocess.run([GEMEL, *map(str, words)], capture_output=True, text=True, timeout=60, **how)
    return done.returncode, done.stdout, done.stderr


def try_scores(script, message):
    """RFC 5235: what a scanner would have said, so that no message with its header field is needed."""
    script.write_text(SCORES)
    for options, mailbox in (((), "untested"), (("--spam", "0"), "clean"), (("--spam", "45"), "spam 5 45"),
                             (("--spam", "100"), "spam 10 100"), (("--virus", "1"), "untested"),
                             (("--virus", "4", "--spam", "0"), "virus 4")):
        filed = f'fileinto "{mailbox}"\n'
        assert gemel("sieve", "test", script, message, *options) == (0, filed, ""), options
    for options in (("--spam", "101"), ("--spam", "-1"), ("--virus", "0"), ("--virus", "much")):
        status, out, error = gemel("sieve", "test", script, message, *options)
        assert status == 2 and out == "" and options[0] in error, (status, error)


def main():
    with tempfile.TemporaryDirectory() as directory:
        script, message = Path(directory) / "a.sieve", Path(directory) / "a.eml"
        script.write_text(SCRIPT)
        message.write_text(MESSAGE)
        assert gemel("sieve", "compile", script) == (0, "", "")
        filed = 'fileinto "Lists" :flags "\\\\Flagged"\n'
        assert gemel("sieve", "test", script, message, "--mailbox", "Lists") == (0, filed, "")
        assert gemel("sieve", "test", "-", message, input="discard;") == (0, "discard\n", "")
        try_scores(script, message)
        script.write_text(SCRIPT)
        status, out, _ = gemel("--json", "sieve", "test", script, message)
        assert status == 0 and json.loads(out)["actions"] == [filed.strip()], out
        script.write_text('keep;\nfileinto "x";\n')
        status, out, error = gemel("sieve", "compile", script)
        assert status == 1 and out == "" and f"{script}:2:1: error: " in error, error
        assert gemel("sieve", "test", script, message)[0] == 1
        status, _, error = gemel("sieve", "compile", Path(directory) / "missing")
        assert status == 1 and "can't read" in error, error
    print("compile and test say what they should")


main()

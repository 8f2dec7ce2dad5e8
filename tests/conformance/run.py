#!/usr/bin/env python3
"""Runs conversations against an IMAP server, any one, and says what differs.

    run.py HOST PORT USER PASSWORD [--only WORDS] [--verbose] [FILE...]

A line for each case that fails, with what was expected and what came; with --verbose for all others
too: ok, or skip where the server does not announce what the case needs. Exit status 1 if a case
failed or none ran. README.md tells the language of the files. Needs nothing but Python; makes and
deletes mailboxes whose names begin with "conformance".
"""

import argparse
import re
import socket
import sys
from pathlib import Path

TIMEOUT_S = 20
NAME = "conformance"  # what the names of all mailboxes that are made begin with
LITERAL_END = re.compile(rb"\{(\d+)\}\r\n$")
STATUS = re.compile(r"(OK|NO|BAD)(\|(OK|NO|BAD))*")
VERB = re.compile(rf"C\d?:|{STATUS.pattern}|[-+=]|wait")
HEAD = re.compile(r"== (?P<name>.*?) \[(?P<rfc>RFC [^\]]+)\](?: needs (?P<needs>.*))?$")


class Differs(Exception):
    """The server did not do what the conversation says."""


class Connection:
    """One IMAP connection; lines are bytes read as Latin-1, literals with what is in them."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), timeout=TIMEOUT_S)
        self.file = self.socket.makefile("rb")
        self.tags = 0
        self.tag = None
        self.line()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text.encode("latin-1"))

    def line(self):
        out = b""
        while True:
            piece = self.file.readline()
            out += piece
            literal = LITERAL_END.search(piece)
            if not literal:
                if not piece:
                    raise Differs(f"the server closed the connection after {out!r}")
                return out.removesuffix(b"\r\n").decode("latin-1")
            out += self.file.read(int(literal[1]))

    def until(self, done):
        lines = []
        while not lines or not done(lines[-1]):
            lines.append(self.line())
        return lines

    def begin(self, command):
        """Sends a command; its literals, <<...>>, wait for the server's leave."""
        self.tags += 1
        self.tag = f"c{self.tags}"
        early, ready = [], f"{self.tag} "
        for part in re.split(r"(~?<<.*?>>)", command, flags=re.S):
            mark, opened, data = part.partition("<<")
            if not opened:
                ready += part
                continue
            data = data.removesuffix(">>")
            self.send(f"{ready}{mark}{{{len(data)}}}\r\n")
            early += self.until(lambda line: line.startswith(("+", self.tag + " ")))
            if not early[-1].startswith("+"):
                return early
            early.pop()
            ready = data
        self.send(ready + "\r\n")
        return early

    def finish(self, early):
        """(tagged text, untagged lines) of the command that was begun."""
        if not early or not early[-1].startswith(self.tag + " "):
            early = early + self.until(lambda line: line.startswith(self.tag + " "))
        return early[-1].removeprefix(self.tag + " "), early[:-1]

    def run(self, command):
        return self.finish(self.begin(command))


class Case:
    """A conversation: its head, and its steps as (line number, verb, rest)."""

    def __init__(self, head, place):
        found = HEAD.match(head)
        if not found:
            sys.exit(f"{place}: not the head of a case: {head}")
        self.needs = (found["needs"] or "").split()
        self.place, self.steps = place, []
        self.title = f"{place.partition('.')[0]}: {found['name']} [{found['rfc']}]"


def read_cases(path):
    """All octets of the file as Latin-1, as those of a connection."""
    cases = []
    for number, line in enumerate(path.read_text(encoding="latin-1").splitlines(), 1):
        place = f"{path.name}:{number}"
        if line.startswith("== "):
            cases.append(Case(line, place))
        elif line.strip() and not line.startswith("#"):
            verb, _, rest = line.rstrip().partition(" ")
            if not cases or not VERB.fullmatch(verb):
                sys.exit(f"{place}: what is {verb}?")
            cases[-1].steps.append((place, verb, rest))
    return cases


class Conversation:
    """One case under way: its connections, its names, and the last command with its answer."""

    def __init__(self, connect, names):
        self.connect, self.names = connect, dict(names)
        self.connections = {}
        self.text, self.lines, self.judged, self.command, self.place = "OK", [], True, "", ""

    def close(self):
        for connection in self.connections.values():
            connection.close()

    def step(self, place, verb, rest):
        rest = self.filled(rest)
        if verb.startswith("C"):
            self.judge_default()
        self.place = place
        if verb.startswith("C"):
            self.converse(verb[1:-1], rest)
        elif STATUS.fullmatch(verb):
            self.judge_status(verb, rest)
        elif verb == "+":
            self.take(self.one(rest))
        elif verb == "-":
            self.none(rest)
        elif verb == "=":
            self.count(*rest.split(" ", 1))
        else:
            self.wait(rest)

    def filled(self, text):
        text = re.sub(r"\$(\w+|/)", lambda name: self.names.get(name[1], name[0]), text)
        return text.replace("\\r\\n", "\r\n") if "<<" in text else text

    def converse(self, which, command):
        if which not in self.connections:
            self.connections[which] = self.connect()
        connection = self.connections[which]
        self.command, self.judged = command, command == "IDLE"
        if command == "IDLE":
            self.lines = connection.begin(command)
            self.lines += connection.until(lambda one: one.startswith(("+", connection.tag)))
            if not self.lines[-1].startswith("+"):
                raise Differs(f"no continuation: {self.lines}")
        elif command == "DONE":
            connection.send("DONE\r\n")
            self.text, self.lines = connection.finish([])
        else:
            self.text, self.lines = connection.run(command)

    def judge_default(self):
        if not self.judged:
            self.judge_status("OK", "")

    def judge_status(self, verb, pattern):
        self.judged = True
        found = re.search(pattern, self.text, re.S)
        if self.text.split(" ")[0] not in verb.split("|") or not found:
            raise Differs(f"not {verb} {pattern}; {self.shown()}")
        self.take(found)

    def one(self, pattern):
        for line in self.lines:
            found = re.search(pattern, line, re.S)
            if found:
                return found
        raise Differs(f"no line {pattern!r}; {self.shown()}")

    def none(self, pattern):
        for line in self.lines:
            if re.search(pattern, line, re.S):
                raise Differs(f"must not come: {line}")

    def count(self, wanted, pattern):
        found = [line for line in self.lines if re.search(pattern, line, re.S)]
        if len(found) != int(wanted):
            raise Differs(f"{len(found)} lines {pattern!r}; {self.shown()}")

    def wait(self, pattern):
        connection = self.connections[""]
        self.lines = connection.until(lambda line: re.search(pattern, line, re.S))
        self.take(re.search(pattern, self.lines[-1], re.S))

    def take(self, found):
        self.names |= {name: value for name, value in found.groupdict().items() if value is not None}

    def shown(self):
        return f"{self.command!r} was answered: {' | '.join([*self.lines, self.text])[:600]}"


class Runner:
    """Runs cases one after the other, each with a mailbox and connections of its own."""

    def __init__(self, options):
        self.options = options
        self.keeper = self.connect()  # makes and deletes the mailboxes
        self.capabilities = self.ask_capabilities()
        self.prefix, self.delimiter = self.ask_namespace()
        self.made = 0
        self.clean_up()  # what an earlier run that was cut left behind

    def connect(self):
        connection = Connection(self.options.host, self.options.port)
        text, _ = connection.run(f'LOGIN "{self.options.user}" "{self.options.password}"')
        if not text.startswith("OK"):
            sys.exit(f"login: {text}")
        return connection

    def ask_capabilities(self):
        _, lines = self.keeper.run("CAPABILITY")
        words = " ".join(line for line in lines if line.startswith("* CAPABILITY")).upper().split()
        return set(words) | {word.split("=")[0] for word in words}

    def ask_namespace(self):
        """What names of one's own begin with, and what is between their levels."""
        if "NAMESPACE" in self.capabilities:
            found = re.search(r'NAMESPACE \(\("(.*?)" "(.)"', " ".join(self.keeper.run("NAMESPACE")[1]))
            if found:
                return found[1], found[2]
        lines = self.keeper.run('LIST "" ""')[1]
        return "", re.search(r'LIST \([^)]*\) "?(.)"? ', lines[0])[1]

    def missing(self, case):
        return [need for need in case.needs
                if not any(one.upper() in self.capabilities for one in need.split("|"))]

    def run_case(self, case):
        """What did not go as written, nothing if all did."""
        self.made += 1
        box = f"{self.prefix}{NAME}{self.made}"
        self.keeper.run(f"CREATE {box}")
        names = {"box": box, "/": self.delimiter, "nowhere": f"{self.prefix}{NAME}-nowhere"}
        conversation = Conversation(self.connect, names)
        try:
            for step in case.steps:
                conversation.step(*step)
            conversation.judge_default()
        except (Differs, OSError) as why:
            return f"{conversation.place or case.place}\n    {why}"
        finally:
            conversation.close()
            self.clean_up()
        return ""

    def clean_up(self):
        _, lines = self.keeper.run(f'LIST "" "{self.prefix}{NAME}*"')
        names = [re.search(r'(?:"[^"]*"|NIL) (.*)$', line)[1] for line in lines
                 if line.startswith("* LIST")]
        for name in sorted(names, key=len, reverse=True):
            self.keeper.run(f"DELETE {name}")


def run_all(runner, cases, verbose):
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    for case in cases:
        missing = runner.missing(case)
        why = f"needs {' '.join(missing)}" if missing else runner.run_case(case)
        verdict = "skip" if missing else "FAIL" if why else "ok"
        counts[verdict] += 1
        if verdict == "FAIL" or verbose:
            said = f"{verdict:4} {case.title}{': ' + why if why else ''}"
            print(said.encode("latin-1").decode("utf-8", "replace"), flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    return 1 if counts["FAIL"] or not counts["ok"] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("user")
    parser.add_argument("password")
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--only", default="", metavar="WORDS", help="only cases with these words")
    parser.add_argument("--verbose", action="store_true", help="tell of what is ok or skipped too")
    options = parser.parse_args()
    files = options.files or sorted(Path(__file__).parent.glob("*.txt"))
    cases = [case for file in files for case in read_cases(file) if options.only in case.title]
    return run_all(Runner(options), cases, options.verbose)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Runs the cases of tests/sieve/cases through Pigeonhole's sieve-test too, and compares what comes of them.

    compare-with-pigeonhole.py [--verbose] [NAME...]     only cases whose name has one of these words

Finds sieve-test in $SIEVE_TEST, in build/pigeonhole (see get-pigeonhole), or on the PATH; without one it
exits 77, which counts as skipped. Every case where the two differ has a line "@differs WHY" that names
the RFC's section or what that program can't be given; a difference without one, and one that is there no
more, fail.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests/sieve/cases"
MESSAGES = ROOT / "tests/sieve/messages"
UNPACKED = ROOT / "build/pigeonhole"
NOBODY = 65534
EXTENSIONS = ("+editheader +mboxmetadata +servermetadata +vacation-seconds +enotify +duplicate +foreverypart +mime"
              " +extracttext +special-use +regex")


def sieve_test():
    """The program and the environment that it needs, or None."""
    env = {"PATH": os.environ["PATH"], "HOME": "/tmp", "USER": "nobody", "TZ": "UTC"}
    if "SIEVE_TEST" in os.environ:
        return os.environ["SIEVE_TEST"], env
    unpacked = UNPACKED / "usr/bin/sieve-test"
    if unpacked.exists():
        libraries = [UNPACKED / "usr/lib/dovecot", *UNPACKED.glob("usr/lib/*-linux-gnu*")]
        return str(unpacked), env | {"LD_LIBRARY_PATH": ":".join(map(str, libraries))}
    found = shutil.which("sieve-test")
    return (found, env) if found else None


class Case:
    def __init__(self, name):
        self.name = name
        self.script = ""
        self.message = b""
        self.includes = []  # (where, name, text)
        self.options = []
        self.differs = None
        self.expected = []

    def option(self, key, default=None):
        return next((value for name, value in self.options if name == key), default)


def read_cases(path):
    """The cases of one file; the format is told in src/sieve/cases_test.cc."""
    cases, section, argument, body = [], "", "", []

    def end():
        text = "".join(line + "\n" for line in body)
        case = cases[-1] if cases else None
        if section == "script":
            case.script = text
        elif section in ("include", "global"):
            case.includes.append((section, argument, text))
        elif section == "message":
            if text.endswith("\n\n"):
                text = text[:-1]
            raw = (MESSAGES / f"{argument}.eml").read_bytes() if argument else text.encode()
            case.message = raw.replace(b"\n", b"\r\n")
        elif section == "with":
            key, _, value = argument.partition(" ")
            case.options.append((key, value))
        elif section == "differs":
            case.differs = argument
        elif section == "expect":
            case.expected = [line for line in body if line and not re.match(r"[|>]|remember|warning", line)]

    for line in path.read_text().split("\n"):
        if line.startswith("@"):
            end()
            section, _, argument = line[1:].partition(" ")
            body = []
            if section == "case":
                cases.append(Case(argument))
        else:
            body.append(line)
    end()
    return cases


# --- what we say, in common words ---

def flags_of(text):
    return " ".join(sorted(flag.lower() for flag in text.replace("\\\\", "\\").split()))


def unquoted(text):
    return re.sub(r"\\(.)", r"\1", text)


def ours(case):
    """The common words: a list of actions, ["compile error"], or ["error"]."""
    if any(line.startswith("compile error") for line in case.expected):
        return ["compile error"]
    if any(line.startswith("error") for line in case.expected):
        return ["error"]
    return settled(map(our_action, case.expected))


def settled(actions):
    """In order, and discard only where nothing else is."""
    actions = sorted(filter(None, actions))
    return [each for each in actions if each != "discard"] or ["discard"]


def our_action(line):
    flags = re.search(r' :flags "((?:\\.|[^"\\])*)"', line)
    flags = f" [{flags_of(flags[1])}]" if flags and flags[1] else ""
    word = line.split(" ")[0]
    if word == "keep":
        return f"store INBOX{flags}"
    if word == "fileinto":
        quoted = re.findall(r'(:flags |:mailboxid |:specialuse )?"((?:\\.|[^"\\])*)"', line)
        name = unquoted(next(text for tag, text in quoted if not tag))
        return f"store {'INBOX' if name.lower() == 'inbox' else name}{flags}"
    if word == "redirect":
        return "redirect " + re.search(r'"(.*?)"', line)[1].lower()
    if word in ("reject", "ereject"):
        return "reject"
    if word == "vacation":
        return "vacation"
    if word == "notify":
        return "notify"
    return "discard" if word == "discard" else f"?? {line}"


# --- what Pigeonhole says, in common words ---

def theirs(output, status):
    if re.search(r"Error: (script|.*: (error|line)).*\bfailed to compile|compile errors? found|failed to compile",
                 output):
        return ["compile error"]
    if "final result: failed" in output or "runtime error" in output or "final result: failure" in output:
        return ["error"]
    out, last = [], None
    for line in output.split("\n"):
        action = re.match(r" \* (.*)", line)
        if action:
            last = their_action(action[1])
            if last:
                out.append(last)
        flags = re.match(r"\s+\+ add IMAP flags: (.*)", line)
        if flags and out:
            words = flags_of(flags[1])
            if words:
                out[-1] += f" [{words}]"
    if status != 0 and not out:
        return [f"exit {status}"]
    if re.search(r"Implicit keep:\s*\n\s*\n\s+\(none\)", output) and not out:
        out = ["discard"]
    return settled(out)


def their_action(text):
    store = re.match(r"store message in folder: (.*)", text)
    if store:
        return f"store {store[1]}"
    redirect = re.match(r"redirect message to: <?(.*?)>?$", text)
    if redirect:
        return f"redirect {redirect[1].lower()}"
    if text.startswith("reject"):
        return "reject"
    if text.startswith("send vacation"):
        return "vacation"
    if text.startswith("send notification"):
        return "notify"
    if text.startswith("track duplicate"):
        return None
    return "discard" if text.startswith("discard") else f"?? {text}"


def alike(case, mine, other):
    # It compiles what is included, and what ihave puts off, at once; either way the message is kept.
    if mine == ["error"] and re.search(r"\b(include|ihave)\b", case.script):
        return other in (["error"], ["compile error"])
    return mine == other


def scanner_settings(case):
    """What that program must know to find what a scanner said; the options are told in cases_test.cc."""
    out = {}
    for key, value in case.options:
        if key not in ("spam", "virus"):
            continue
        field, kind, most, *more = value.split()
        prefix = f"plugin/sieve_{key}test"
        behind = next((word[7:] + "=" for word in more if word.startswith("behind=")), "")
        out[f"{prefix}_status_type"] = {"number": "score", "characters": "strlen", "word": "text"}[kind]
        out[f"{prefix}_max_value"] = most
        pattern = {"number": r"(-?[0-9]+\.?[0-9]*)", "characters": r"(\*+)", "word": r"([a-z]+)"}[kind]
        out[f"{prefix}_status_header"] = f"{field}: {'.*' + behind if behind else ''}{pattern}"
        for word in more:
            name, _, number = word.partition("=")
            out[f"{prefix}_text_value{number}"] = name
    return out


def write_script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode().replace(b"\n", b"\r\n"))


def run(case, program, env, directory):
    home = Path(tempfile.mkdtemp(dir=directory))
    for where, name, text in case.includes:
        folder = "personal" if where == "include" else "global"
        write_script(home / folder / f"{name}.sieve", text)
    script = home / "personal" / f"{case.option('name', 'the-script-that-runs')}.sieve"
    write_script(script, case.script)
    (home / "global").mkdir(exist_ok=True)
    (home / "message").write_bytes(case.message)
    mail = home / "Maildir"
    for folder in ["", *(value.split()[0].replace("_", " ") for key, value in case.options if key == "mailbox")]:
        for part in ("cur", "new", "tmp"):
            (mail / (f".{folder}" if folder else "") / part).mkdir(parents=True, exist_ok=True)
    settings = {
        "mail_location": f"maildir:{mail}", "mail_home": home, "base_dir": home / "run",
        "mail_uid": NOBODY, "mail_gid": NOBODY, "first_valid_uid": 1, "first_valid_gid": 1, "ssl": "no",
        "hostname": "mail.example.com", "recipient_delimiter": "+",
        "plugin/sieve": f"file:{home}/personal;active={script}",
        "plugin/sieve_global": f"{home}/global/",
        "plugin/sieve_vacation_min_period": "0",
        "plugin/sieve_vacation_dont_check_recipient": "no",
        "plugin/sieve_user_email": case.option("address", ""),
    }
    settings |= scanner_settings(case)
    scanners = " +spamtest +spamtestplus +virustest" if scanner_settings(case) else ""
    command = [program, "-O", "-x", EXTENSIONS + scanners,
               *(word for key, value in settings.items() if value != "" for word in ("-o", f"{key}={value}")),
               "-f", case.option("from", "sender@example.org").replace("<>", ""), "-r", case.option("to", "user@example.com"),
               "-a", case.option("to", "user@example.com"),
               str(script), str(home / "message")]
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", str(NOBODY), str(home)], check=True)
        command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]
    done = subprocess.run(command, capture_output=True, env=env, timeout=60)
    output = (done.stdout + done.stderr).decode(errors="replace")
    shutil.rmtree(home)
    return output, done.returncode


def main():
    words = [each for each in sys.argv[1:] if not each.startswith("--")]
    verbose = "--verbose" in sys.argv
    found = sieve_test()
    if found is None:
        print("there is no sieve-test; tests/sieve/get-pigeonhole fetches one")
        return 77
    program, env = found
    same, explained, wrong = 0, [], 0
    directory = tempfile.mkdtemp(prefix="sieve-compare-")
    os.chmod(directory, 0o755)
    probe = Case("probe")
    probe.script, probe.message = "keep;\n", b"Subject: x\r\n\r\nx\r\n"
    output, status = run(probe, program, env, directory)
    if theirs(output, status) != ["store INBOX"]:
        print(f"sieve-test does not run here:\n{output}")
        return 77
    for path in sorted(CASES.glob("*.txt")):
        for case in read_cases(path):
            if words and not any(word in case.name for word in words):
                continue
            output, status = run(case, program, env, directory)
            mine, other = ours(case), theirs(output, status)
            if verbose:
                print(f"--- {case.name}\n{output}")
            is_same = alike(case, mine, other)
            if is_same and case.differs is None:
                same += 1
            elif not is_same and case.differs is not None:
                explained.append((path.name, case, mine, other))
            else:
                wrong += 1
                what = "differs" if case.differs is None else "differs no more"
                print(f"{path.name}: {case.name}: {what}\n    ours:   {mine}\n    theirs: {other}")
    shutil.rmtree(directory)
    print(f"\n{len(explained)} cases differ, and this is why:\n")
    for file, case, mine, other in explained:
        print(f"{file}: {case.name}\n    {case.differs}\n    ours: {mine}; theirs: {other}")
    print(f"\n{same} cases alike, {len(explained)} explained, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

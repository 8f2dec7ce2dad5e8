#!/usr/bin/env python3
"""Style and layering as a test: prints each offence as FILE:LINE: words, exits 1 if there is any.

    style.py [ROOT] [--format]      --format also asks clang-format

The rules are those of CONTRIBUTING.md. The test of this test is style_test.py.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

LINES_MAX = 700
COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70

# What each module may include, besides itself: the arrows of ARCHITECTURE.md.
LAYERS = {
    "base": set(),
    "mail": {"base"},
    "store": {"base", "mail"},
    "expire": {"base", "mail", "store"},
    "wire": {"base"},
    "sieve": {"base", "mail"},
    "net": {"base", "wire"},
    "oauth": {"base", "wire"},
    "sync": {"base", "mail", "store", "wire"},
    "imap": {"base", "mail", "store", "wire", "expire"},
    "delivery": {"base", "mail", "store", "sieve"},
    "lmtp": {"base", "mail", "store", "wire", "delivery"},
    "managesieve": {"base", "mail", "store", "wire", "sieve"},
    "nntp": {"base", "mail", "store", "wire"},
    "pop3": {"base", "mail", "store", "wire"},
    "admin": {"base", "mail", "store", "wire", "sync", "sieve", "expire"},
    "outgoing": {"base", "mail", "store", "wire"},
    "bin": {"base", "mail", "store", "wire", "net", "sync", "imap", "lmtp", "nntp", "pop3", "admin",
            "sieve", "delivery", "managesieve", "outgoing", "expire", "oauth"},
}
# Values and sessions do no I/O and start no thread; they get a Clock, a Random and a store.
WITHOUT_IO = {"mail", "sieve", "expire", "delivery", "wire", "sync", "imap", "lmtp", "managesieve",
              "nntp", "oauth", "outgoing", "pop3"}
IO_HEADERS = re.compile(
    r"boost/asio|sys/(socket|stat|file|mman|epoll)\.h|netinet/|arpa/|netdb\.h|fcntl\.h|unistd\.h"
    r"|fstream|filesystem|thread|rocksdb/")
ONLY_IN = {"boost/asio": {"net", "bin"}, "rocksdb/": {"store"}, "openssl/ssl.h": {"net", "bin"}}

INCLUDE = re.compile(r'\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
BANNED_NAME = re.compile(r"\b\w*(Manager|Helper|Utils?)\b|\b\w+_(manager|helper|utils?)\b")
LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX)\b")
# A private constructor is the one reason to say `new`: in the hands of a smart pointer at once.
NAKED_NEW = re.compile(r"\bnew\s+[\w:]")
OWNED_NEW = re.compile(r"(unique_ptr<.*>|shared_ptr<.*>|\breset|\b\w+_)\s*\w*\s*[({]\s*new\s")
# To define `operator delete` is to count what others give back.
DELETE = re.compile(r"(?<!=)(?<!= )(?<!operator )\bdelete\b(?!\s*;)")
# Whoever chooses the strings can choose ones of equal hash, for the standard hash has no seed.
HASHED_STRINGS = re.compile(r"\bunordered_\w+<std::string")
BOOL_PARAMETER = re.compile(r"[(,]\s*bool\s+\w+\s*(=[^,()]*)?[,)]")
FUNCTION_HEAD = re.compile(
    r"^((?:  )?)(?!namespace|struct|class|enum|union|extern|using|typedef|static_assert|template"
    r"|if|for|while|switch|do|else|return|public|private|protected|constexpr std::array)[A-Za-z_~]")


def without_words(text):
    """The code with comments, strings and character literals blanked, line by line."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
        re.S)
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def sources(root):
    """All our C++ files."""
    return sorted(path for top in ("src", "tests", "bench") for path in (root / top).rglob("*")
                  if path.suffix in (".h", ".cc") and path.is_file())


def module_of(path, root):
    parts = path.relative_to(root).parts
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def check_include(module, name, system, is_test):
    """What is wrong with one #include, or None."""
    if system:
        for header, places in ONLY_IN.items():
            if name.startswith(header) and module and module not in places and not is_test:
                return f"<{name}> belongs to {' and '.join(sorted(places))}"
        if module in WITHOUT_IO and not is_test and IO_HEADERS.match(name):
            return f"<{name}>: {module} does no I/O and starts no thread"
        return None
    target = name.split("/")[0]
    if module is None or target == module:
        return None
    if target not in LAYERS:
        return f'"{name}": includes are written from src, as in "base/result.h"'
    if target not in LAYERS[module]:
        return f'"{name}": {module} may not know {target}'
    return None


def check_lines(path, module, text):
    is_test = path.stem.endswith("_test")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > COLUMNS_MAX:
            yield number, f"{len(line)} columns, more than {COLUMNS_MAX}"
        if LEFT_OVER.search(line):
            yield number, "a left-over: " + LEFT_OVER.search(line)[0]
        found = INCLUDE.match(line)
        if found:
            wrong = check_include(module, found[1] or found[2], found[1] is None, is_test)
            if wrong:
                yield number, wrong


def check_code(path, text):
    code = without_words(text)
    is_test = path.stem.endswith("_test") or path.stem.endswith("_fuzz")
    for number, line in enumerate(code.split("\n"), 1):
        if BANNED_NAME.search(line):
            yield number, f"the name {BANNED_NAME.search(line)[0]} says nothing"
        if NAKED_NEW.search(line) and not OWNED_NEW.search(line):
            yield number, "new outside of a smart pointer"
        if DELETE.search(line):
            yield number, "delete"
        if HASHED_STRINGS.search(line):
            yield number, "a hash table of strings, which may be chosen to collide: take a map"
        if path.suffix == ".h" and not is_test and BOOL_PARAMETER.search(line):
            yield number, "a bool parameter: make it an enum"
    yield from check_loops(code)


def check_loops(code):
    """for (x : f().value()), for (x : *f()): g++ 12 keeps only the range itself alive, not what it was
    taken from."""
    for found in re.finditer(r"\bfor \(", code):
        depth, end = 1, found.end()
        while depth > 0 and end < len(code):
            depth += {"(": 1, ")": -1}.get(code[end], 0)
            end += 1
        over = re.sub(r"\s+", "", code[found.end():end - 1])
        if re.search(r"[^:]:([^:;]+\)\.\w+\(\)|\*(?!static_cast)[^:;]+\))$", over.replace("::", "")):
            yield code.count("\n", 0, found.start()) + 1, "a loop over what a temporary holds: name it"


def check_functions(text):
    """Functions that are too long, by clang-format's layout: a head at the margin or in a class,
    an open brace at the end of one of the lines that follow, and a brace as deep as the head."""
    lines = without_words(text).split("\n")
    number = 0
    while number < len(lines):
        head = FUNCTION_HEAD.match(lines[number])
        last = number
        while head and last + 1 < len(lines) and lines[last].rstrip()[-1:] not in ("{", ";", "}", ""):
            last += 1
        if not head or not lines[last].endswith("{") or "(" not in "".join(lines[number:last + 1]):
            number += 1
            continue
        end = next((index for index in range(last, len(lines))
                    if lines[index].startswith(head[1] + "}")), last)
        if end - number + 1 > FUNCTION_LINES_MAX:
            yield number + 1, f"a function of {end - number + 1} lines, more than {FUNCTION_LINES_MAX}"
        number = end + 1


def check_header(text):
    if not text.startswith("//"):
        yield 1, "a header starts with its contract, a comment"
    if not re.search(r"^#pragma once$", text, re.M):
        yield 1, "a header has #pragma once"


def check_file(path, root):
    raw = path.read_bytes()
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return [(1, "not UTF-8")]
    found = list(check_lines(path, module_of(path, root), text)) + list(check_code(path, text))
    lines = text.count("\n")
    if lines > LINES_MAX:
        found.append((1, f"{lines} lines, more than {LINES_MAX}"))
    if "\t" in text or "\r" in text:
        found.append((1, "a tab or a carriage return"))
    if path.suffix == ".h":
        found += check_header(text)
    found += check_functions(text)
    if BANNED_NAME.search(path.stem):
        found.append((1, f"the name {path.name} says nothing"))
    return found


def check_tests_exist(root):
    for module in sorted((root / "src").iterdir()) if (root / "src").is_dir() else []:
        files = [path.name for path in module.glob("*.cc")]
        if module.name != "bin" and files and not any(name.endswith("_test.cc") for name in files):
            yield f"src/{module.name}: code without a *_test.cc"
        if module.name not in LAYERS:
            yield f"src/{module.name}: a module that the layers don't know"


def check_format(root):
    program = shutil.which("clang-format-19")
    files = [str(path) for path in sources(root)]
    if program is None:
        return ["clang-format-19 is missing (scripts/install-deps --test)"]
    if not files:
        return []
    done = subprocess.run([program, "--dry-run", "-Werror", *files], capture_output=True, text=True)
    return [line for line in done.stderr.split("\n") if "error:" in line]


def check_docs(root):
    """Each file that a document names is there."""
    for path in [*sorted(root.glob("*.md")), *sorted((root / "doc").rglob("*.md"))]:
        for number, line in enumerate(path.read_text().split("\n"), 1):
            named = re.findall(r"\]\(([^)#:]+)\)", line)
            wrong = [each for each in named if not (path.parent / each).exists()]
            named = re.findall(r"`((?:src|tests|doc|scripts|bench|share|packaging)/[\w./-]+)`", line)
            wrong += [each for each in named if not (root / each).exists()]
            for each in wrong:
                yield f"{path.relative_to(root)}:{number}: there is no {each}"


def check(root, with_format):
    """All offences, as lines to print."""
    found = []
    for path in sources(root):
        found += [f"{path.relative_to(root)}:{number}: {words}"
                  for number, words in check_file(path, root)]
    found += check_tests_exist(root)
    found += check_docs(root)
    if with_format:
        found += check_format(root)
    return found


def main():
    arguments = [each for each in sys.argv[1:] if each != "--format"]
    root = Path(arguments[0] if arguments else Path(__file__).parents[2]).resolve()
    found = check(root, "--format" in sys.argv)
    for line in found:
        print(line)
    print(f"{len(sources(root))} files, {len(found)} offences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

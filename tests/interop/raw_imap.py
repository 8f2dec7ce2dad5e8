"""An IMAP connection without a library's opinions: bytes out, whole answers in.

    with RawImap(port, "ann") as imap:
        done = imap.run("SELECT INBOX")
        done.ok, done.text, done.lines      # True, "OK [READ-WRITE] ...", ["* FLAGS (...)", ...]

An answer's line is bytes decoded as Latin-1, literals with their bytes in it.
"""

import re
import socket

from gemel_server import HOST, PASSWORD

LITERAL_END = re.compile(rb"\{(\d+)\}\r\n$")


class Answer:
    def __init__(self, text, lines):
        self.text, self.lines = text, lines

    @property
    def status(self):
        return self.text.split(" ", 1)[0]

    @property
    def ok(self):
        return self.status == "OK"

    def find(self, pattern):
        """The match of the first line, the tagged one too, in which `pattern` is; None if in none."""
        found = (re.search(pattern, line, re.S) for line in [*self.lines, self.text])
        return next((match for match in found if match), None)

    def all(self, pattern):
        return [match for line in self.lines for match in re.findall(pattern, line, re.S)]

    def __repr__(self):
        return "\n".join([*self.lines, self.text])


class RawImap:
    def __init__(self, port, user=None, password=PASSWORD, host=HOST):
        self.socket = socket.create_connection((host, port), timeout=60)
        self.file = self.socket.makefile("rb")
        self.tags = 0
        self.greeting = self.line()
        if user:
            self.ok(f'LOGIN "{user}" "{password}"')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def line(self):
        """One answer line; empty when the server has closed the connection."""
        out = b""
        while True:
            piece = self.file.readline()
            if not piece:
                return out.decode("latin-1")
            out += piece
            literal = LITERAL_END.search(piece)
            if not literal:
                return out.removesuffix(b"\r\n").decode("latin-1")
            out += self.file.read(int(literal[1]))

    def until(self, start):
        """Lines up to the one that begins with `start`, that one included. Fails at the end."""
        lines = []
        while True:
            lines.append(self.line())
            if lines[-1].startswith(start):
                return lines
            if not lines[-1]:
                raise ConnectionError(f"closed, and no {start!r} in {lines}")

    def run(self, command, *literals):
        """A command whose literals stand for "{}" in it; they go without waiting (RFC 7888)."""
        self.tags += 1
        tag = f"t{self.tags}"
        data = b""
        parts = (command if isinstance(command, bytes) else command.encode("latin-1")).split(b"{}")
        for part, literal in zip(parts, [*literals, None]):
            data += part
            if literal is not None:
                literal = literal if isinstance(literal, bytes) else literal.encode()
                data += b"{%d+}\r\n" % len(literal) + literal
        self.send(tag.encode() + b" " + data + b"\r\n")
        lines = self.until(f"{tag} ")
        return Answer(lines[-1][len(tag) + 1:], lines[:-1])

    def ok(self, command, *literals):
        done = self.run(command, *literals)
        if not done.ok:
            raise AssertionError(f"{command}: {done}")
        return done

    def idle(self):
        """IDLE with the tag "a"; it ends when DONE is sent."""
        self.send("a IDLE\r\n")
        self.until("+")

    def append(self, mailbox, message, flags=""):
        return self.ok(f"APPEND {mailbox} {flags and f'({flags}) '}" + "{}", message)

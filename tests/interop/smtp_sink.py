"""A mail server that takes everything by SMTP and keeps it, or answers what a test wants."""

import socketserver
import threading

from gemel_server import HOST


class Sink(socketserver.ThreadingTCPServer):
    """`messages`: (sender, recipient, bytes) of all that were taken. `replies`: {"RCPT": "451 later"}
    answers these commands so; "." is the end of a message."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port=0):
        super().__init__((HOST, port), Conversation)
        self.messages = []
        self.replies = {}
        self.port = self.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Conversation(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")
        return line[0] in "23"

    def handle(self):
        self.say("220 sink ESMTP")
        sender = recipient = None
        for line in self.rfile:
            word = line[:4].upper().decode().strip()
            answer = self.server.replies.get(word)
            if answer:
                self.say(answer)
            elif word == "EHLO":
                self.say("250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8")
            elif word == "MAIL":
                sender = path(line)
                self.say("250 ok")
            elif word == "RCPT":
                recipient = path(line)
                self.say("250 ok")
            elif word == "DATA":
                self.say("354 go on")
                message = self.take()
                if self.say(self.server.replies.get(".", "250 taken")):
                    self.server.messages.append((sender, recipient, message))
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def take(self):
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)


def path(line):
    return line.split(b"<", 1)[1].split(b">", 1)[0].decode()

#!/usr/bin/env python3
"""Makes share/sample-mail: some 300 messages of all the kinds that a mail server meets.

    make-sample-mail.py            write them anew
    make-sample-mail.py --check    compare with what is there; exit 1 if anything differs

All people, places and words are invented. The output is the same each time.
"""

import base64
import quopri
import random
import struct
import sys
import unicodedata
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

from sample_texts import LANGUAGES, encode

DIRECTORY = Path(__file__).resolve().parents[1] / "share/sample-mail"
CRLF = "\r\n"
DOMAINS = ["example.org", "example.net", "example.com", "mail.example", "post.example.net"]
MADE = {}  # file name -> bytes


class Writer:
    """Random choices, a clock that only goes forward, and running numbers."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.moment = datetime(2019, 3, 4, 8, 12, tzinfo=timezone.utc)
        self.number = 0

    def pick(self, values):
        return values[int(self.random.random() * len(values))]

    def below(self, count):
        return int(self.random.random() * count)

    def date(self, hours_max=30):
        self.moment += timedelta(minutes=3 + self.below(hours_max * 60))
        zone = timezone(timedelta(minutes=30 * (self.below(48) - 22)))
        return self.moment.astimezone(zone).strftime("%a, %d %b %Y %H:%M:%S %z")

    def unique(self, stem="m"):
        self.number += 1
        return f"{stem}{self.number:04d}.{self.below(1 << 32):08x}"

    def message_id(self):
        return f"<{self.unique()}@{self.pick(DOMAINS)}>"

    def paragraphs(self, language, count):
        text = LANGUAGES[language]["text"]
        return [" ".join(self.pick(text) for _ in range(1 + self.below(4))) for _ in range(count)]

    def bytes(self, count):
        return bytes(self.below(256) for _ in range(count))


W = Writer(20190304)


# --- pieces of messages ------------------------------------------------------------------------

def word(text, charset, how="B"):
    """An encoded word (RFC 2047), or more of them where it would be too long."""
    if text.isascii():
        return text
    words, piece = [], ""
    for letter in [*text, None]:
        raw = encode(piece + (letter or ""), charset)
        if letter is None or len(raw) > 36:
            raw = encode(piece, charset)
            body = (base64.b64encode(raw).decode() if how == "B" else
                    "".join(chr(b) if chr(b).isalnum() and b < 128 else f"={b:02X}" for b in raw))
            words.append(f"=?{charset}?{how}?{body}?=")
            piece = ""
        piece += letter or ""
    return (CRLF + " ").join(words)


def plain_name(name):
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    letters = "".join(c for c in ascii_only.lower().replace(" ", ".") if c.isalnum() or c == ".")
    return letters.strip(".") or f"user{zlib.crc32(name.encode()) % 1000}"


def person(language, charset="utf-8", how="B"):
    name = W.pick(LANGUAGES[language]["names"])
    address = f"{plain_name(name)}@{W.pick(DOMAINS)}"
    shown = f'"{name}"' if name.isascii() and W.below(3) == 0 else word(name, charset, how)
    return f"{shown} <{address}>"


def fold_base64(raw):
    text = base64.b64encode(raw).decode()
    return CRLF.join(text[i:i + 76] for i in range(0, len(text), 76)) + CRLF


def quoted(raw):
    return quopri.encodestring(raw.replace(b"\r\n", b"\n")).decode("latin-1").replace("\n", CRLF)


def latin(raw):
    """Bytes as a string of the same bytes, for what is put together as text and written at the end."""
    return raw.decode("latin-1")


def headers(**more):
    """A header block. Keys: From_, Message_ID and the like; None leaves one out."""
    fields = {"Return_Path": None, "Received": received(), "Date": W.date(),
              "From": person("en"), "To": person("en"), "Subject": W.pick(LANGUAGES["en"]["subjects"]),
              "Message_ID": W.message_id(), "MIME_Version": "1.0"}
    fields.update(more)
    return "".join(f"{name.replace('_', '-')}: {value}{CRLF}"
                   for name, value in fields.items() if value is not None)


def received():
    return (f"from {W.pick(['mx1', 'out', 'relay3', 'smtp'])}.{W.pick(DOMAINS)} "
            f"([192.0.2.{1 + W.below(254)}]){CRLF}\tby mx.example.org with ESMTPS id "
            f"{W.unique('q')}{CRLF}\tfor <someone@example.org>; {W.date(0 + 1)}")


def part(content_type, body, encoding=None, **more):
    fields = {"Content_Type": content_type, "Content_Transfer_Encoding": encoding, **more}
    head = "".join(f"{name.replace('_', '-')}: {value}{CRLF}"
                   for name, value in fields.items() if value is not None)
    return head + CRLF + body


def multipart(subtype, parts, preamble="", epilogue="", parameters=""):
    """(content type, body) of a multipart."""
    boundary = W.unique("=_")
    body = preamble + "".join(f"--{boundary}{CRLF}{each}{CRLF}" for each in parts)
    return (f'multipart/{subtype};{CRLF}\tboundary="{boundary}"{parameters}',
            body + f"--{boundary}--{CRLF}" + epilogue)


def multi_message(subtype, parts, preamble="", epilogue="", parameters="", **more):
    content_type, body = multipart(subtype, parts, preamble, epilogue, parameters)
    return headers(Content_Type=content_type, **more) + CRLF + body


def text_part(language="en", charset="utf-8", count=2):
    return part(f"text/plain; charset={charset}", quoted(encode(
        CRLF.join(W.paragraphs(language, count)) + CRLF, charset)), "quoted-printable")


def html(language, charset, count=2, image=None):
    body = "".join(f"<p>{each}</p>\r\n" for each in W.paragraphs(language, count))
    picture = f'<img src="cid:{image}" alt="">\r\n' if image else ""
    return (f'<!DOCTYPE html>\r\n<html lang="{language}"><head><meta charset="{charset}">'
            f"<title>{W.pick(LANGUAGES[language]['subjects'])}</title>\r\n"
            "<style>p { color: #334; margin: 1em 0 }</style></head>\r\n"
            f"<body>{body}{picture}<a href=\"https://www.example.org/?a=1&amp;b=2\">&rarr;</a>"
            "</body></html>\r\n")


def html_part(language="en", charset="utf-8", image=None):
    return part(f"text/html; charset={charset}",
                quoted(encode(html(language, charset, image=image), charset)), "quoted-printable")


def png(width=8, height=8):
    def chunk(kind, content):
        return (struct.pack(">I", len(content)) + kind + content
                + struct.pack(">I", zlib.crc32(kind + content)))
    rows = b"".join(b"\0" + W.bytes(width * 3) for _ in range(height))
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF) + rows
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", stored + struct.pack(">I", zlib.adler32(rows))) + chunk(b"IEND", b""))


def attachment(name, content_type, raw, disposition="attachment", **more):
    return part(f'{content_type}; name="{name}"', fold_base64(raw), "base64",
                Content_Disposition=f'{disposition}; filename="{name}"', **more)


def simple(content_type, body, encoding=None, **more):
    return headers(Content_Type=content_type, Content_Transfer_Encoding=encoding, **more) + CRLF + body


def keep(kind, message):
    """Takes a message, a string of bytes as latin() makes it, or bytes."""
    raw = message if isinstance(message, bytes) else message.encode("latin-1")
    MADE[f"{len(MADE) + 1:03d}-{kind}.eml"] = raw


# --- the kinds ---------------------------------------------------------------------------------

def plain_messages():
    for count in (0, 1, 1, 2, 3, 5, 8, 13, 30):
        body = (CRLF + CRLF).join(W.paragraphs("en", count)) + CRLF if count else ""
        keep(f"plain-{count}-paragraphs", simple("text/plain; charset=us-ascii", body))
    keep("plain-no-mime", headers(MIME_Version=None) + CRLF + W.paragraphs("en", 1)[0] + CRLF)
    keep("plain-signature", simple("text/plain", W.paragraphs("en", 1)[0] + f"{CRLF}-- {CRLF}Owen{CRLF}"))
    flowed = CRLF.join(f"{each} " for each in W.paragraphs("en", 4)) + CRLF
    keep("plain-flowed", simple("text/plain; charset=utf-8; format=flowed; delsp=no", flowed))
    keep("plain-dots", simple("text/plain", f".{CRLF}..{CRLF}.hidden{CRLF}...{CRLF}end.{CRLF}"))
    keep("plain-from-line", simple("text/plain", f"From here on{CRLF}>From there{CRLF}From x{CRLF}"))
    keep("plain-long-lines", simple("text/plain", (W.pick(LANGUAGES["en"]["text"]) + " ") * 14 + CRLF))
    keep("plain-blank-lines", simple("text/plain", CRLF * 40))
    keep("plain-trailing-spaces", simple("text/plain", f"one   {CRLF}two\t{CRLF}   {CRLF}"))
    keep("plain-no-final-newline", simple("text/plain", "the last line has no end"))
    for priority in ("1 (Highest)", "5 (Lowest)"):
        keep("plain-priority", simple("text/plain", W.paragraphs("en", 1)[0] + CRLF, X_Priority=priority,
                                      Importance="high" if priority[0] == "1" else "low"))
    keep("plain-group-address", simple("text/plain", "To a group.\r\n", To="undisclosed-recipients:;",
                                       Cc="Harbour: ida@example.org, silas@example.net;, ruth@example.com"))
    keep("plain-comments-in-address", simple("text/plain", "Comments.\r\n", From=
         "(the) ida@example.org (Ida (not Ada) Farnsworth)", To='"Quill, Martha" <m.quill@example.org>,'
         '\r\n "a\\"b\\\\c"@example.net, <@relay.example,@b.example:old@example.com>'))
    keep("plain-many-recipients", simple("text/plain", "All.\r\n", To=",\r\n ".join(
        f"Member {i} <member{i}@example.org>" for i in range(120))))
    keep("plain-resent", simple("text/plain", "Again.\r\n", Resent_From=person("en"),
                                Resent_Date=W.date(), Resent_Message_ID=W.message_id()))
    keep("plain-sender-reply-to", simple("text/plain", "Who?\r\n", Sender="secretary@example.org",
                                         Reply_To="office@example.net, desk@example.net", Bcc="silas@example.org"))
    keep("plain-trace", "".join(f"Received: {received()}{CRLF}" for _ in range(9)) + headers(
        DKIM_Signature="v=1; a=rsa-sha256; d=example.org; s=s1;\r\n\tbh=" + "A" * 43 + "=;\r\n\tb=" + "B" * 86 + "==",
        Authentication_Results="mx.example.org; dkim=pass header.d=example.org; spf=pass")
        + CRLF + W.paragraphs("en", 2)[0] + CRLF)
    keep("list-mail", simple("text/plain", W.paragraphs("en", 2)[0] + CRLF, Precedence="list",
                             List_Id="Bee keepers <bees.lists.example.org>", List_Post="<mailto:bees@lists.example.org>",
                             List_Unsubscribe="<https://lists.example.org/u/1>, <mailto:bees-leave@lists.example.org>",
                             List_Unsubscribe_Post="List-Unsubscribe=One-Click"))


def charset_messages():
    """Each language in each of its charsets, by one encoding after another."""
    turn = 0
    for language, what in LANGUAGES.items():
        for charset in what["charsets"]:
            text = (CRLF + CRLF).join(W.paragraphs(language, 3)) + CRLF
            raw = encode(text, charset)
            encoding = ("base64", "quoted-printable", "8bit")[turn % 3]
            if max(raw) < 128 and encoding == "8bit":
                encoding = "7bit"
            body = {"base64": fold_base64, "quoted-printable": quoted}.get(encoding, latin)(raw)
            how = "BQ"[turn % 2]
            keep(f"charset-{language}-{charset}", simple(
                f'text/plain; charset="{charset}"' if turn % 2 else f"text/plain; charset={charset}",
                body, encoding, From=person(language, charset, how), To=person(language, charset, how),
                Subject=word(W.pick(what["subjects"]), charset, how)))
            turn += 1
    odd = {"utf-7": "utf-7", "utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-32": "utf-32",
           "windows-1258": "cp1258", "iso-8859-11": "iso8859_11", "unicode-1-1-utf-7": "utf-7"}
    for charset, codec in odd.items():
        language = "th" if "-11" in charset and "iso" in charset else "fr" if "1258" in charset else "el"
        raw = (CRLF.join(W.paragraphs(language, 2)) + CRLF).encode(codec)
        keep(f"charset-odd-{charset}", simple(f"text/plain; charset={charset}", fold_base64(raw), "base64"))
    keep("charset-utf8-headers", simple("text/plain; charset=utf-8", latin("Grüße, 你好, привет.\r\n".encode()),
                                        "8bit", Subject=latin("Zażółć — 来週 — Привет".encode()),
                                        From=latin("Łucja Żółtowska <łucja@пример.example>".encode())))
    keep("charset-emoji", simple("text/plain; charset=utf-8", fold_base64("🐝🐝🐝 x̂ 👩‍👩‍👧 end\r\n".encode()), "base64",
                                 Subject=word("Bees 🐝 and more 🐝🐝", "utf-8")))
    keep("charset-adjacent-words", simple("text/plain", "x\r\n", Subject=(
        "=?utf-8?Q?one?= =?utf-8?Q?_two?=\r\n =?iso-8859-1?q?_thr=E9e?= and =?utf-8*en?Q?four?=")))
    keep("charset-split-letter", simple("text/plain", "x\r\n", Subject="=?utf-8?B?w6TD?= =?utf-8?B?pA==?="))


def html_messages():
    for language in ("en", "de", "fr", "ru", "ja", "ar"):
        charset = LANGUAGES[language]["charsets"][0] if language != "en" else "utf-8"
        keep(f"html-only-{language}", simple(f"text/html; charset={charset}", fold_base64(
            encode(html(language, charset, 4), charset)), "base64",
            Subject=word(W.pick(LANGUAGES[language]["subjects"]), charset)))
    for language in ("en", "es", "pl", "el", "zh-cn", "ko", "he"):
        keep(f"alternative-{language}", multi_message(
            "alternative", [text_part(language), html_part(language)],
            Subject=word(W.pick(LANGUAGES[language]["subjects"]), "utf-8", "Q")))
    for index in range(4):
        image = f"{W.unique('img')}@example.org"
        content_type, body = multipart("related", [
            html_part(image=image), attachment(f"picture{index}.png", "image/png", png(10 + index, 10), "inline",
                                               Content_ID=f"<{image}>")], parameters='; type="text/html"')
        keep("related", multi_message("alternative", [text_part(), part(content_type, body)]))
    rows = "".join(f"<tr><td>{i}</td><td>{W.pick(LANGUAGES['en']['text'])}</td></tr>\r\n" for i in range(120))
    keep("html-newsletter", simple("text/html; charset=utf-8", quoted(f"<table>{rows}</table>".encode()),
                                   "quoted-printable", List_Id="<news.example.org>"))
    keep("html-cut", simple("text/html", "<p>It ends in <"))
    keep("html-entities", simple("text/html", "<b>&#233;&eacute;&#x4f60; &lt;tag&gt; &unknown;</b><script>x</script>\r\n"))


def attachment_messages():
    files = [("report.pdf", "application/pdf", b"%PDF-1.4\n" + W.bytes(6000) + b"\n%%EOF\n"),
             ("table.csv", "text/csv", "".join(f"{i};{W.below(9999)}\r\n" for i in range(200)).encode()),
             ("photo.jpg", "image/jpeg", b"\xff\xd8\xff\xe0" + W.bytes(20000) + b"\xff\xd9"),
             ("archive.zip", "application/zip", b"PK\x03\x04" + W.bytes(3000)),
             ("voice.wav", "audio/x-wav", b"RIFF\0\0\0\0WAVEfmt " + W.bytes(8000)),
             ("empty.bin", "application/octet-stream", b""),
             ("sheet.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
              b"PK\x03\x04" + W.bytes(5000)),
             ("winmail.dat", "application/ms-tnef", b"\x78\x9f\x3e\x22" + W.bytes(900))]
    for name, content_type, raw in files:
        keep(f"attachment-{name.split('.')[1]}", multi_message("mixed", [text_part(), attachment(name, content_type, raw)]))
    keep("attachments-three", multi_message("mixed", [text_part("de", "iso-8859-1"), *(
        attachment(*each) for each in files[:3])]))
    keep("attachment-only", simple('application/pdf; name="only.pdf"', fold_base64(W.bytes(4000)), "base64",
                                   Content_Disposition='attachment; filename="only.pdf"'))
    for name, value in {
            "charset": "filename*=utf-8''Gr%C3%BC%C3%9Fe%20aus%20K%C3%B6ln.txt",
            "continued": "filename*0=\"a rather long \";\r\n\tfilename*1=\"name that goes on\";\r\n\tfilename*2=\".txt\"",
            "continued-charset": "filename*0*=iso-8859-1'fr'd%E9j%E0;\r\n\tfilename*1*=%20vu;\r\n\tfilename*2=\".txt\"",
            "encoded-word": 'filename="=?utf-8?B?55Wr6Z2iLnR4dA==?="',
            "spaces": "filename=not quoted at all.txt",
            "path": 'filename="../../etc/passwd"'}.items():
        keep(f"filename-{name}", multi_message("mixed", [text_part(), part(
            "application/octet-stream", fold_base64(W.bytes(60)), "base64", Content_Disposition=f"attachment; {value}")]))
    invitation = ("BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:17@example.org\r\n"
                  "DTSTART:20240612T090000Z\r\nSUMMARY:Harbour meeting\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
    keep("calendar", multi_message("alternative", [text_part(), part(
        "text/calendar; charset=utf-8; method=REQUEST", invitation, "7bit")]))
    keep("vcard", multi_message("mixed", [text_part(), part(
        "text/vcard", "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ida Farnsworth\r\nEND:VCARD\r\n")]))
    keep("uuencoded", simple("text/plain", "See below.\r\n\r\nbegin 644 note.txt\r\n"
                             "%:&5L;&\\\r\n`\r\nend\r\n"))
    keep("md5-language-location", multi_message("mixed", [part(
        "text/plain", "Grüße\r\n".encode().decode("latin-1"), "8bit", Content_MD5="Q2hlY2sgSW50ZWdyaXR5IQ==",
        Content_Language="de, en", Content_Location="https://www.example.org/a", Content_Description="a greeting")]))


def nested_messages():
    inner = simple("text/plain", W.paragraphs("en", 1)[0] + CRLF, Subject="The innermost")
    for depth in range(1, 7):
        inner = multi_message("mixed", [text_part(), part("message/rfc822", inner)], Subject=f"Fwd: level {depth}")
        keep(f"forwarded-{depth}-deep", inner)
    keep("rfc822-only", simple("message/rfc822", inner))
    content = part("text/plain", "The core.\r\n")
    for depth in range(40):
        kind, body = multipart("mixed", [content])
        content = part(kind, body)
        if depth in (2, 9, 39):
            keep(f"nested-{depth + 1}-deep", headers() .rstrip(CRLF) + CRLF + content)
    keep("digest", multi_message("digest", [CRLF + simple("text/plain", W.paragraphs("en", 1)[0] + CRLF)
                                            for _ in range(5)], preamble=f"A digest.{CRLF}", epilogue="After it.\r\n"))
    keep("parallel", multi_message("parallel", [text_part(), attachment("a.png", "image/png", png())]))
    keep("many-parts", multi_message("mixed", [part("text/plain", f"part {i}\r\n") for i in range(150)]))
    keep("empty-parts", multi_message("mixed", ["", CRLF, part("text/plain", ""), "no header line\r\n"]))
    mixed = [multipart("alternative", [text_part(), html_part()]), multipart("related", [
        html_part(), attachment("b.png", "image/png", png())]), multipart("mixed", [text_part("ru"), text_part("ja")])]
    keep("mixed-of-multiparts", multi_message("mixed", [part(*each) for each in mixed], preamble="Old readers.\r\n"))
    for action, status in (("failed", "5.1.1"), ("delayed", "4.4.1"), ("delivered", "2.0.0")):
        keep(f"dsn-{action}", multi_message("report", [text_part(), part(
            "message/delivery-status", "Reporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; gone@example.net\r\n"
            f"Action: {action}\r\nStatus: {status}\r\n"), part("text/rfc822-headers", headers())],
            parameters="; report-type=delivery-status", From="MAILER-DAEMON@mx.example.org",
            Return_Path="<>", Auto_Submitted="auto-replied"))
    keep("mdn", multi_message("report", [text_part(), part(
        "message/disposition-notification", "Final-Recipient: rfc822; ida@example.org\r\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\r\n")], parameters="; report-type=disposition-notification"))
    keep("feedback-report", multi_message("report", [text_part(), part(
        "message/feedback-report", "Feedback-Type: abuse\r\nVersion: 1\r\n"), part("message/rfc822", inner)],
        parameters="; report-type=feedback-report"))
    keep("signed", multi_message("signed", [text_part(), part(
        "application/pgp-signature", "-----BEGIN PGP SIGNATURE-----\r\n\r\n" + fold_base64(W.bytes(120))
        + "-----END PGP SIGNATURE-----\r\n")], parameters='; micalg=pgp-sha256; protocol="application/pgp-signature"'))
    keep("encrypted", multi_message("encrypted", [part("application/pgp-encrypted", "Version: 1\r\n"), part(
        "application/octet-stream", "-----BEGIN PGP MESSAGE-----\r\n\r\n" + fold_base64(W.bytes(600))
        + "-----END PGP MESSAGE-----\r\n")], parameters='; protocol="application/pgp-encrypted"'))
    keep("smime", simple("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
                         fold_base64(W.bytes(1500)), "base64"))
    for number in (1, 2):
        keep("partial", simple(f'message/partial; id="whole@example.org"; number={number}; total=2', "half of it\r\n"))
    keep("external-body", simple('message/external-body; access-type=URL; URL="https://www.example.org/x"',
                                 "Content-Type: text/plain\r\nContent-ID: <x@example.org>\r\n\r\n"))


def thread(kind, language, count, prefix, break_at=()):
    """A conversation: each answers one before it; `break_at` lose their references."""
    charset = LANGUAGES[language]["charsets"][-1]
    subject, seen = W.pick(LANGUAGES[language]["subjects"]), []
    for index in range(count):
        more = {"Subject": word((prefix + " " if index else "") + subject, charset)}
        said = W.paragraphs(language, 1 + W.below(2))
        if index and index not in break_at:
            parent = seen[-1] if W.below(3) else W.pick(seen)
            more |= {"In_Reply_To": parent[0], "References": "\r\n ".join([*parent[1], parent[0]])}
            said.append("\r\n".join("> " + line for line in parent[2][:2]))
            chain = [*parent[1], parent[0]]
        else:
            chain = []
        more["Message_ID"] = W.message_id()
        seen.append((more["Message_ID"], chain, said))
        body = quoted(encode((CRLF + CRLF).join(said) + CRLF, charset))
        keep(f"thread-{kind}-{index + 1:02d}", simple(
            f"text/plain; charset={charset}", body, "quoted-printable", From=person(language, charset),
            To="Harbour <harbour@lists.example.org>", **more))


def threads():
    thread("harbour", "en", 24, "Re:")
    thread("kueche", "de", 12, "AW:")
    thread("dacha", "ru", 10, "Re:")
    thread("kaigi", "ja", 8, "Re:")
    thread("broken", "fr", 10, "RE : Re:", break_at=(3, 6))
    long_chain = "\r\n ".join(W.message_id() for _ in range(150))
    keep("thread-long-references", simple("text/plain", "At the end.\r\n", References=long_chain))
    keep("thread-own-parent", simple("text/plain", "Me.\r\n", Message_ID="<loop@example.org>", References="<loop@example.org>"))
    keep("thread-strange-references", simple("text/plain", "x\r\n", References="not an id <a@b <c> d@e>, <x@y>(z)",
                                             In_Reply_To="Your message of Monday"))


def broken_messages():
    body = W.paragraphs("en", 1)[0] + CRLF
    keep("broken-empty", b"")
    keep("broken-one-newline", b"\r\n")
    keep("broken-no-headers", f"{CRLF}{body}")
    keep("broken-body-only", f"{body}This has no header at all.{CRLF}")
    keep("broken-headers-only", headers())
    keep("broken-header-cut", "From: ida@example.org\r\nSubject: cut in the mid")
    keep("broken-bare-lf", (headers() + CRLF + body * 3).replace("\r\n", "\n"))
    keep("broken-bare-cr", (headers() + CRLF + body * 3).replace("\r\n", "\r"))
    keep("broken-mixed-line-ends", headers().replace("\r\n", "\n", 2) + "\n" + "a\r\nb\nc\rd\r\n")
    keep("broken-nul", simple("text/plain", f"a\0b{CRLF}\0\0\0{CRLF}", Subject="with \0 inside"))
    keep("broken-8bit-header", simple("text/plain", body, Subject=latin("Grüße".encode("latin-1")), From=latin("é@example.org".encode())))
    keep("broken-control-letters", simple("text/plain", "\x01\x02\x07\x08\x1b[31mred\x7f\r\n", Subject="bell \x07"))
    keep("broken-not-utf8", simple("text/plain; charset=utf-8", "ok \xc3\x28 \xff\xfe \xe2\x82\r\n", "8bit"))
    keep("broken-cut-utf8", simple("text/plain; charset=utf-8", "ends in \xe2\x82", "8bit"))
    keep("broken-unknown-charset", simple("text/plain; charset=x-klingon-9", body))
    keep("broken-unknown-encoding", simple("text/plain", body, "x-rot13"))
    keep("broken-base64", simple("text/plain", "VGhpcyBpcyBub3Q!!**\r\n=gb29k=\r\nx", "base64"))
    keep("broken-base64-padding", simple("text/plain", "SGVsbG8", "base64"))
    keep("broken-base64-8bit", simple("text/plain", "SGVs\xe9bG8=\r\n", "base64"))
    keep("broken-quoted-printable", simple("text/plain", "a=ZZ=4\r\n=\r\nsoft=", "quoted-printable"))
    keep("broken-encoded-words", simple("text/plain", body, Subject="=?utf-8?B?!!!?= =?none?Q?x?= =?utf-8?X?y?= =?utf-8?Q?open"))
    keep("broken-no-boundary", simple("multipart/mixed", f"--x{CRLF}{CRLF}a{CRLF}--x--{CRLF}"))
    keep("broken-boundary-missing-end", simple('multipart/mixed; boundary="b"', f"--b{CRLF}{CRLF}one{CRLF}--b{CRLF}{CRLF}two"))
    keep("broken-boundary-never", simple('multipart/mixed; boundary="never"', body))
    keep("broken-boundary-empty", simple('multipart/mixed; boundary=""', f"--{CRLF}{CRLF}a{CRLF}----{CRLF}"))
    keep("broken-boundary-long", simple(f'multipart/mixed; boundary="{"b" * 300}"', f"--{'b' * 300}{CRLF}{CRLF}a{CRLF}--{'b' * 300}--"))
    keep("broken-boundary-prefix", simple('multipart/mixed; boundary="a"', "--a\r\nContent-Type: multipart/mixed; boundary=\"aa\"\r\n\r\n"
         "--aa\r\n\r\nin\r\n--aa--\r\n--a\r\n\r\nout\r\n--a--\r\n"))
    keep("broken-boundary-same-nested", simple('multipart/mixed; boundary="s"', "--s\r\nContent-Type: multipart/mixed; boundary=\"s\"\r\n\r\n"
         "--s\r\n\r\nx\r\n--s--\r\n--s--\r\n"))
    keep("broken-boundary-spaces", simple('multipart/mixed; boundary="b  "', "--b  \t\r\n\r\na\r\n--b--  \r\n"))
    keep("broken-multipart-base64", simple('multipart/mixed; boundary="b"', "LS1iDQoNCmENCi0tYi0tDQo=\r\n", "base64"))
    keep("broken-content-type", simple("text", body))
    for index, value in enumerate(("", ";", "/", "text/", "text/plain; charset", "text/plain; charset=", "text/plain;;;=;",
                                   'text/plain; charset="utf-8', "TEXT/PLAIN;CHARSET=UTF-8;CHARSET=koi8-r", "(c)text(d)/(e)plain")):
        keep(f"broken-content-type-{index}", simple(value, body))
    keep("broken-two-content-types", simple("text/plain", body, Content_type="text/html", CONTENT_TYPE="image/png"))
    keep("broken-two-of-each", headers() + headers() + CRLF + body)
    for index, value in enumerate(("yesterday", "Mon, 99 Foo 20245 25:61:61 +9999", "", "1 Jan 70 0:0 GMT", "Thu, 31 Feb 2023 10:00:00 EST (odd)")):
        keep(f"broken-date-{index}", simple("text/plain", body, Date=value))
    for index, value in enumerate(("", "<>", "@", "a b c", "Ida <ida@example.org", '"open <ida@example.org>', "a@b@c, , ;:,",
                                   "x: y: z@example.org;;", "<" * 60)):
        keep(f"broken-address-{index}", simple("text/plain", body, From=value, To=value))
    keep("broken-no-from-no-date", headers(From=None, Date=None, Message_ID=None) + CRLF + body)
    keep("broken-header-without-colon", "From: a@example.org\r\nthis is no header\r\nSubject: after it\r\n\r\n" + body)
    keep("broken-header-space-before-colon", "From : a@example.org\r\nSubject\t: spaced\r\n: nameless\r\n\r\n" + body)
    keep("broken-header-starts-folded", " folded before any header\r\nFrom: a@example.org\r\n\r\n" + body)
    keep("broken-header-blank-fold", simple("text/plain", body, Subject="a\r\n  \r\n\t\r\n b"))
    keep("broken-mbox-line", "From ida@example.org Mon Mar  4 08:12:00 2019\r\n" + headers() + CRLF + body)
    keep("broken-huge-header", simple("text/plain", body, X_Huge="x" * 120_000))
    keep("broken-huge-folded-header", simple("text/plain", body, X_Huge="\r\n ".join("y" * 70 for _ in range(900))))
    keep("broken-many-headers", "".join(f"X-H{i}: {i}\r\n" for i in range(3000)) + headers() + CRLF + body)
    keep("broken-many-parameters", simple("text/plain" + "".join(f";\r\n a*{i}=x" for i in range(1000)), body))
    keep("broken-long-line", simple("text/plain", "z" * 60_000 + CRLF))
    keep("broken-rfc822-empty", multi_message("mixed", [part("message/rfc822", ""), part("message/rfc822", "Subject: s")]))
    keep("broken-rfc822-base64", multi_message("mixed", [part("message/rfc822", fold_base64(headers().encode()), "base64")]))
    keep("broken-bom", b"\xef\xbb\xbfFrom: a@example.org\r\nSubject: bom\r\n\r\nx\r\n")
    keep("broken-random", W.bytes(3000))
    keep("same-id-one", simple("text/plain", "The first.\r\n", Message_ID="<twice@example.org>"))
    keep("same-id-two", simple("text/plain", "The second, another text.\r\n", Message_ID="<twice@example.org>"))


def main():
    for make in (plain_messages, charset_messages, html_messages, attachment_messages, nested_messages,
                 threads, broken_messages):
        make()
    if "--check" in sys.argv:
        there = {path.name: path.read_bytes() for path in DIRECTORY.glob("*.eml")}
        differing = sorted(name for name in MADE.keys() | there.keys() if MADE.get(name) != there.get(name))
        print(f"{len(MADE)} messages, {len(differing)} differ {differing[:5]}")
        return 1 if differing else 0
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for path in DIRECTORY.glob("*.eml"):
        path.unlink()
    for name, raw in MADE.items():
        (DIRECTORY / name).write_bytes(raw)
    print(f"{len(MADE)} messages, {sum(map(len, MADE.values()))} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

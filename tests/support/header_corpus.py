"""Messages to compare how two mail systems change headers: compare/headers/*.txt, and more that are generated.

The files hold messages after lines `=== name`. \\xNN stands for a byte, \\\\ for a backslash; @N (three digits
or more) for N letters; lines @headersN, @foldsN, @hopsN and @nestedN for N lines or MIME parts of that kind.
"""
import glob
import os
import random
import re

WHERE = os.path.join(os.path.dirname(__file__), "../compare/headers")


class Message:
    """NAME is unique; data has LF line ends."""

    def __init__(self, name, sender, recipients, data, options=""):
        self.name, self.sender, self.recipients = name, sender, recipients
        self.data, self.options = data, options


def _lines(kind, count):
    """What a line @KINDCOUNT stands for."""
    if kind == "headers":
        return ["X-Header-%d: value %d" % (i, i) for i in range(count)]
    if kind == "folds":
        return [" fold %d" % i for i in range(count)]
    if kind == "hops":
        return ["Received: from h%d.test by h%d.test; Mon, 1 Jan 2024 00:00:00 +0000" % (i, i + 1) for i in range(count)]
    out = ["Content-Type: multipart/mixed; boundary=n0"]
    for i in range(count):
        out += ["", "--n%d" % i, "Content-Type: multipart/mixed; boundary=n%d" % (i + 1)]
    return out


def _bytes(text):
    """The bytes that TEXT of a file stands for."""
    lines = []
    for line in text.split("\n"):
        found = re.fullmatch(r"@(headers|folds|hops|nested)(\d+)", line)
        lines += _lines(found.group(1), int(found.group(2))) if found else [line]
    text = re.sub(r"@(\d{3,})", lambda m: "y" * int(m.group(1)), "\n".join(lines))

    def escape(found):
        return b"\\" if found.group(1) == b"\\" else bytes([int(found.group(1)[1:], 16)])
    return re.sub(rb"\\(\\|x[0-9a-f]{2})", escape, text.encode("utf-8"))


def written():
    """(name, bytes) of the messages in the files."""
    for path in sorted(glob.glob(os.path.join(WHERE, "*.txt"))):
        with open(path, encoding="utf-8", newline="\n") as f:
            parts = re.split(r"(?m)^=== (.*)\n", f.read())
        for name, text in zip(parts[1::2], parts[2::2]):
            yield os.path.basename(path)[:-4] + ": " + name, _bytes(text)


# what addresses are made of, when they are generated
LOCAL_PARTS = ["alice", "bob", "carol+ext", "dave", "Erin", '"frank g"', "gina.h", "+x", "h!ivan", "judy%old.test", "",
               "\u00e5sa", "root", "list-request", "a=b", "niaj+a+b", "'q'", '"a@b"', "x\\y"]
DOMAINS = ["@old.test", "@here.test", "", "@a.masq.test", "@far.test", "@host", "@sub.old.test", "@exempt.masq.test",
           "@OLD.Test", "@origin.test", "@[127.0.0.1]", "@b\u00fccher.test", "@old.test."]
FORMS = ["%s", "<%s>", "Name <%s>", '"Quoted, Name" <%s>', "%s (comment)", "(before) %s", "=?utf-8?q?N=C3=A4me?= <%s>",
         "N\u00e4me <%s>", "first.last <%s>", "grp: %s;", "<@r.test:%s>", "Name\n <%s>", "<%s", "%s>", "a b c <%s> d"]
NAMES = ["From", "To", "Cc", "Reply-To", "Sender", "Resent-From", "Resent-To", "Resent-Sender", "Errors-To", "Return-Receipt-To",
         "Apparently-To", "Disposition-Notification-To", "X-To", "Bcc"]
TYPES = ["text/plain", "multipart/mixed; boundary=b", "multipart/alternative; boundary=\"b\"", "message/rfc822",
         "multipart/digest; boundary=b", "application/x; name=f.exe", "multipart/signed; boundary=b"]
ENCODINGS = [None, "7bit", "8bit", "quoted-printable", "base64", "binary", "8BIT (x)"]
NOISE = '\\<>(),;:@.[]\u00fc\t =?'


def _headers(rng, count):
    for _ in range(count):
        addresses = [rng.choice(FORMS) % (rng.choice(LOCAL_PARTS) + rng.choice(DOMAINS)) for _ in range(rng.randint(1, 4))]
        yield "%s: %s" % (rng.choice(NAMES), rng.choice([", ", ",", ",\n ", "; "]).join(addresses))


def _addressed(rng):
    return "\n".join([*_headers(rng, rng.randint(2, 6)), "Subject: generated", "", "text", ""])


def _damaged(rng):
    """Like _addressed(), with letters lost and others put in."""
    text = list(_addressed(rng))
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(len(text))
        text[at:at + rng.randint(0, 1)] = rng.choice(NOISE)
    return "".join(text)


def _mime(rng):
    lines = ["From: alice@old.test", "To: bob", "Mime-Version: 1.0"]

    def part():
        kind = rng.choice(TYPES)
        lines.append("Content-Type: " + kind)
        encoding = rng.choice(ENCODINGS[:3] if kind.startswith(("multipart", "message")) else ENCODINGS)
        if encoding:
            lines.append("Content-Transfer-Encoding: " + encoding)
        lines.extend(["Subject: " + rng.choice(["x", "MAKE MONEY FAST!!!", "gr\u00fc\u00dfe", "=?utf-8?q?x?="]), ""])
        lines.append(rng.choice(["text", "gr\u00fc\u00dfe =", "click here ", "From me", ".", "x" * 1100, ""]))
    part()
    for _ in range(rng.randint(0, 4)):
        lines.append("--b")
        part()
    lines.append(rng.choice(["--b--", "", "--b", "end \u00fc"]))
    return "\n".join(lines) + "\n"


# text that is no address, where Postfix and we differ in what we make of it: an < within a domain, a comment that never
# ends, a \\ before the end, a route without an address
EXOTIC = ["addressed 54", "damaged 3", "damaged 4", "damaged 33", "damaged 34", "damaged 40", "damaged 51", "damaged 67",
          # parts whose boundary is that of the part around them
          "mime 1", "mime 13", "mime 16"]


def generated():
    for make, count in ((_addressed, 75), (_damaged, 75), (_mime, 45)):
        for i in range(count):
            name = "%s %d" % (make.__name__[1:], i)
            if name in EXOTIC:
                continue
            yield "generated: " + name, make(random.Random("%s %d" % (make.__name__, i))).encode("utf-8")


SENDERS = ["s@there.test", "alice@old.test", "", "bare", "carol+ext@old.test", "Root@A.masq.test", "x@exempt.masq.test",
           '"q q"@far.test', "dave@host", "@r.test:erin@old.test", "s@there.test", "bob@here.test"]
RECIPIENTS = [["u@far.test"], ["bob@old.test"], ["u@far.test", "bob@old.test", "carol+ext@old.test"], ["dave"],
              ["erin@sub.old.test", "frank+a+b@here.test"], ["alice@here.test"], ["BOB@OLD.TEST", "bob@old.test"],
              ["list@virt.test"], ['"q q"@far.test'], ["root@a.masq.test", "x@[127.0.0.1]"], ["gina%old.test@here.test"],
              ["u@far.test"], ["any@catch.test", "bob+x@virt.test"]]


def messages(generate=True):
    """Every message, with senders and recipients by turns; the same ones in every run."""
    both = list(written()) + (list(generated()) if generate else [])
    return [Message(name, SENDERS[i % len(SENDERS)], RECIPIENTS[i % len(RECIPIENTS)], data,
                    "BODY=8BITMIME" if i % 3 == 0 else "") for i, (name, data) in enumerate(both)]

"""Queue files, read by their records: what a test wants to know of a message that waits."""
import email
import glob
import os

from .wait import until


def records(path):
    """(type, data) of each record of a queue file."""
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    while at < len(data):
        kind, at, length, shift = chr(data[at]), at + 1, 0, 0
        while True:
            byte = data[at]
            at += 1
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        yield kind, data[at:at + length]
        at += length


class Queued:
    """A message in the queue."""

    def __init__(self, path):
        self.id = os.path.basename(path)
        self.attributes, self.recipients, lines, line, part = {}, [], [], b"", "envelope"
        for kind, data in records(path):
            if kind == "A":
                name, value = data.decode().split("=", 1)
                self.attributes[name] = value
            elif kind == "S":
                self.sender = data.decode()
            elif kind in "RD" and part == "envelope":
                self.recipients.append(data.decode())
            elif kind in "MX":
                part = {"M": "content", "X": "extracted"}[kind]
            elif kind in "NL" and part == "content":
                line += data
                if kind == "N":
                    lines.append(line)
                    line = b""
        self.content = b"\n".join(lines) + b"\n"
        self.message = email.message_from_bytes(self.content)


def _read_complete(path):
    """The message at PATH; None when it moved to another queue meanwhile, or is still being written."""
    try:
        return Queued(path) if os.stat(path).st_mode & 0o100 else None
    except FileNotFoundError:
        return None


def wait_queued(suite, queue_id, timeout=30):
    """The message QUEUE_ID, wherever in the queue it is."""
    def find():
        for queue in ("deferred/*", "active", "incoming"):
            for path in glob.glob(os.path.join(suite.queue_directory, queue, queue_id)):
                found = _read_complete(path)
                if found:
                    return found
        return None
    return until(find, timeout, "queue file of " + queue_id)

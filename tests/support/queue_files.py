"""Queue files and defer logs made by hand, for what lists and repairs a queue."""
import os
import shutil
import time

from .cleanup import record

QUEUES = ("maildrop", "incoming", "journal", "active", "deferred", "hold", "corrupt", "bounce", "defer",
          "trace", "flush", "saved", "private", "public", "pid")


def make_spool(queue_directory, owner="postfix"):
    """The directories of an empty queue."""
    os.makedirs(queue_directory, exist_ok=True)
    for name in QUEUES:
        path = os.path.join(queue_directory, name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o730 if name == "maildrop" else 0o711 if name == "public" else
                 0o755 if name == "pid" else 0o700)
        if os.geteuid() == 0 and name != "pid":
            shutil.chown(path, owner)


def queue_file(sender="s@x.test", recipients=("r@y.test",), arrival=1795305108, text=b"Subject: x\n\nhi\n",
               size=None, with_size=True, attributes=()):
    """The bytes of a message. A recipient is an address, or (address, original address), or
    (address, None, "D") for one that is done."""
    head = []
    for name in attributes:
        head.append(record("A", name))
    head.append(record("T", "%d 123456" % arrival))
    head.append(record("A", "rewrite_context=local"))
    head.append(record("S", sender))
    for r in recipients:
        r = (r,) if isinstance(r, str) else r
        if len(r) > 1 and r[1] is not None:
            head.append(record("O", r[1]))
        head.append(record(r[2] if len(r) > 2 else "R", r[0]))
    head.append(record("M"))
    body = b"".join(record("N", line) for line in text.split(b"\n")[:-1])
    tail = record("X") + record("E")
    if not with_size:
        return b"".join(head) + body + tail
    size = len(body) if size is None else size      # as many bytes as lines with CR LF
    offset = 97 + sum(len(h) for h in head)
    first = record("C", " ".join("%15d" % n for n in (size, offset, len(recipients), 0, size, 0)))
    return first + b"".join(head) + body + tail


def log_file(entries):
    """A bounce, defer or trace log; entries are dicts of its lines, in order."""
    out = ""
    for entry in entries:
        out += "\n<%s>: %s\n" % (entry["recipient"], entry.get("reason", ""))
        out += "".join("%s=%s\n" % item for item in entry.items()) + "\n"
    return out.encode("utf-8", "surrogateescape")


def put(queue_directory, path, data, mode=0o700, owner="postfix", age=0):
    """Write queue_directory/PATH, making its directories; last changed AGE seconds ago.

    Its mode comes last: what has the execute bit is complete, and a running qmgr takes it at once.
    """
    path = os.path.join(queue_directory, path)
    parent = os.path.dirname(path)
    if not os.path.isdir(parent):
        os.makedirs(parent, mode=0o700)
        if os.geteuid() == 0:
            shutil.chown(parent, owner)
    with open(path, "wb") as f:
        f.write(data)
        f.flush()
        if os.geteuid() == 0:
            shutil.chown(path, owner)
        os.utime(f.fileno(), (time.time() - age, time.time() - age))
        os.fchmod(f.fileno(), mode)
    return path

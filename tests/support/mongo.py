"""A little MongoDB, for Debian has none: hello, ping, find and getMore of the documents it is given.

It speaks the wire protocol's OP_MSG, and OP_QUERY for the first hello, which drivers still send that way.
"""
import struct

from .table_servers import TableServer

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
BATCH = 2               # documents a find or getMore gives at a time


class ObjectId(bytes):
    pass


# BSON (bsonspec.org), as far as documents of tests and the driver's commands go

def encode_value(value):
    if isinstance(value, bool):
        return 8, bytes([value])
    if isinstance(value, ObjectId):
        return 7, value
    if value is None:
        return 10, b""
    if isinstance(value, int):
        return (16, struct.pack("<i", value)) if -2**31 <= value < 2**31 else (18, struct.pack("<q", value))
    if isinstance(value, float):
        return 1, struct.pack("<d", value)
    if isinstance(value, str):
        data = value.encode()
        return 2, struct.pack("<i", len(data) + 1) + data + b"\0"
    if isinstance(value, list):
        return 4, encode({str(i): item for i, item in enumerate(value)})
    return 3, encode(value)


def encode(document):
    body = b""
    for name, value in document.items():
        kind, data = encode_value(value)
        body += bytes([kind]) + name.encode() + b"\0" + data
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def decode_value(kind, data, at):
    """The value and where the next element begins."""
    if kind == 2:
        size, = struct.unpack_from("<i", data, at)
        return data[at + 4:at + 3 + size].decode(), at + 4 + size
    if kind in (3, 4):
        size, = struct.unpack_from("<i", data, at)
        document = decode(data[at:at + size])
        return list(document.values()) if kind == 4 else document, at + size
    if kind == 5:
        size, = struct.unpack_from("<i", data, at)
        return data[at + 5:at + 5 + size], at + 5 + size
    if kind == 7:
        return ObjectId(data[at:at + 12]), at + 12
    if kind == 8:
        return bool(data[at]), at + 1
    if kind == 10:
        return None, at
    form = {1: "<d", 9: "<q", 16: "<i", 17: "<Q", 18: "<q"}[kind]
    return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)


def decode(data):
    document, at = {}, 4
    while data[at]:
        kind, end = data[at], data.index(b"\0", at)
        value, after = decode_value(kind, data, end + 1)
        document[data[at + 1:end].decode()] = value
        at = after
    return document


# what a find means

def values_at(document, path):
    """All that the dotted PATH leads to; the items of a list count as well as the list."""
    name, _, rest = path.partition(".")
    found = []
    for part in document if isinstance(document, list) else [document]:
        if isinstance(part, dict) and name in part:
            value = part[name]
            found += values_at(value, rest) if rest else [value] + (value if isinstance(value, list) else [])
    return found


def matches(document, wanted):
    for name, value in wanted.items():
        if name == "$or":
            if not any(matches(document, part) for part in value):
                return False
        elif name.startswith("$"):
            raise ValueError("unknown top level operator: " + name)
        elif value not in values_at(document, name) or isinstance(value, dict):
            return False
    return True


def project(document, projection):
    """Fields named with 1, the _id unless it has 0, and texts of "$field"."""
    if not projection:
        return document
    result = {} if projection.get("_id") == 0 or "_id" not in document else {"_id": document["_id"]}
    for name, value in projection.items():
        if name != "_id" and value == 1 and name in document:
            result[name] = document[name]
        elif isinstance(value, str) and value[1:] in document:
            result[name] = document[value[1:]]
    return result


class MongoDB(TableServer):
    """ENTRIES: {"database.collection": [document, ...]}. `finds` has the filters it was asked for."""

    def __init__(self, entries):
        self.finds, self.cursors = [], {}
        super().__init__(entries)

    @property
    def uri(self):
        return "mongodb://127.0.0.1:%d/" % self.port

    def take(self, data):
        size = struct.unpack_from("<i", data)[0] if len(data) >= 16 else len(data) + 1
        return (None, data) if len(data) < size else (data[:size], data[size:])

    def reply(self, key):
        _, request, _, code = struct.unpack_from("<iiii", key)
        if code == OP_QUERY:
            body = struct.pack("<iqii", 8, 0, 0, 1) + encode(self.hello())
            answer = OP_REPLY
        else:
            body = struct.pack("<iB", 0, 0) + encode(self.command(decode(key[21:])))
            answer = OP_MSG
        return struct.pack("<iiii", 16 + len(body), 1, request, answer) + body

    def hello(self):
        return {"helloOk": True, "isWritablePrimary": True, "ismaster": True, "maxBsonObjectSize": 16777216,
                "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000, "minWireVersion": 0,
                "maxWireVersion": 17, "readOnly": False, "ok": 1.0}

    def command(self, command):
        name, value = next(iter(command.items()))
        if name.lower() in ("hello", "ismaster"):
            return self.hello()
        if name in ("ping", "endSessions", "killCursors"):
            return {"ok": 1.0}
        if name == "find":
            return self.find(command["$db"] + "." + value, command)
        if name == "getMore":
            return self.batch(value, "nextBatch", command["$db"] + "." + command["collection"])
        return {"ok": 0.0, "code": 59, "codeName": "CommandNotFound", "errmsg": "no such command: '%s'" % name}

    def find(self, space, command):
        self.finds.append(command["filter"])
        try:
            found = [project(d, command.get("projection")) for d in self.entries.get(space, [])
                     if matches(d, command["filter"])]
        except ValueError as error:
            return {"ok": 0.0, "code": 2, "codeName": "BadValue", "errmsg": str(error)}
        cursor = len(self.cursors) + 1
        self.cursors[cursor] = found
        return self.batch(cursor, "firstBatch", space)

    def batch(self, cursor, name, space):
        documents, self.cursors[cursor] = self.cursors[cursor][:BATCH], self.cursors[cursor][BATCH:]
        return {"cursor": {name: documents, "id": cursor if self.cursors[cursor] else 0, "ns": space}, "ok": 1.0}

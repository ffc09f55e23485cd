"""A DNS server for tests, on UDP and TCP, that answers from a dict.

    with DnsServer({("far.test", "MX"): ["10 mx.far.test"],
                    ("mx.far.test", "A"): ["127.0.0.1"],
                    ("alias.test", "CNAME"): ["far.test"],
                    ("broken.test", "*"): DnsServer.SERVFAIL}) as dns: ...

Names not in the dict do not exist (NXDOMAIN); names that are, with other types only, have no such
record (NODATA). A value can be a list, a response code, or DnsServer.SILENCE (no answer at all).

Names in the domains of the set SECURE (".": all) are in signed zones, as a validating resolver sees them: who asks
for it (with the bits AD or DO) is told so by the bit AD, when each name of the answer is. What does not validate is
a SERVFAIL.
"""
import os
import socket
import struct
import threading

from .ports import free_address, free_port

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28,
         "SRV": 33, "TLSA": 52}
NAMES = {number: name for name, number in TYPES.items()}
UDP_LIMIT = 512


def encode_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode("latin-1")
    return out + b"\0"


def encode_data(kind, value):
    if isinstance(value, bytes):    # as it is
        return value
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind in ("CNAME", "PTR", "NS"):
        return encode_name(value)
    if kind == "MX":
        preference, host = value.split()
        return struct.pack(">H", int(preference)) + encode_name(host)
    if kind == "SRV":
        priority, weight, port, host = value.split()
        return struct.pack(">HHH", int(priority), int(weight), int(port)) + encode_name(host)
    if kind == "TXT":
        raw = value.encode("latin-1")
        parts = [raw[i:i + 255] for i in range(0, len(raw), 255)] or [b""]
        return b"".join(bytes([len(p)]) + p for p in parts)
    if kind == "TLSA":
        usage, selector, matching, digest = value.split()
        return bytes([int(usage), int(selector), int(matching)]) + bytes.fromhex(digest.strip("-"))
    raise ValueError("no encoding for %s records" % kind)


def read_question(packet):
    """(name, type number, end of the question section)."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
        at += 1 + packet[at]
    kind = struct.unpack_from(">H", packet, at + 1)[0]
    return ".".join(labels), kind, at + 5


def wants_security(packet, end):
    """Has the question the bit AD, or the bit DO in the OPT record behind it (RFC 6891, RFC 6840 section 5.7)?"""
    if packet[3] & 0x20:
        return True
    return packet[end:end + 3] == b"\0\0\x29" and bool(packet[end + 7] & 0x80)


class DnsServer:
    FORMERR, SERVFAIL, NXDOMAIN, REFUSED = 1, 2, 3, 5
    SILENCE = "silence"

    def __init__(self, records=None, address=None, port=None, ttl=60, secure=()):
        """Without ADDRESS and PORT: port 53 of an address of its own for root, else a free port."""
        self.records = dict(records or {})
        self.secure = set(secure)
        self.queries = []           # (name, type) as asked
        self.ttl = ttl
        self.address = address or (free_address() if os.geteuid() == 0 else "127.0.0.1")
        self.port = port or (53 if os.geteuid() == 0 else free_port())
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((self.address, self.port))
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((self.address, self.port))
        self.tcp.listen(16)
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for sock in (self.udp, self.tcp):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass                # an unconnected UDP socket says so, and wakes all the same
            sock.close()

    def find(self, name, kind):
        """The dict's entry for a name and type, or None."""
        name = name.lower()
        for key in ((name, kind), (name, "*")):
            if key in self.records:
                return self.records[key]
        return None

    def exists(self, name):
        suffix = "." + name.lower()
        return any(n == name.lower() or n.endswith(suffix) for n, _ in self.records)

    def resolve(self, name, kind):
        """(response code or SILENCE, [(name, type, value)]); CNAMEs are followed."""
        answers = []
        for _ in range(10):
            found = self.find(name, kind)
            if isinstance(found, list):
                return 0, answers + [(name, kind, value) for value in found]
            if found is not None:
                return found, answers
            target = self.find(name, "CNAME")
            if not isinstance(target, list):
                return 0 if self.exists(name) else self.NXDOMAIN, answers
            answers.append((name, "CNAME", target[0]))
            name = target[0].rstrip(".")
        return self.SERVFAIL, []

    def is_secure(self, name):
        labels = name.lower().rstrip(".").split(".")
        return "." in self.secure or any(".".join(labels[i:]) in self.secure for i in range(len(labels)))

    def answer(self, packet, limit):
        """The reply packet, or None for silence."""
        name, number, end = read_question(packet)
        kind = NAMES.get(number, str(number))
        self.queries.append((name.lower(), kind))
        code, answers = self.resolve(name, kind)
        if code == self.SILENCE:
            return None
        body = b""
        for owner, rtype, value in answers:
            data = encode_data(rtype, value)
            body += encode_name(owner) + struct.pack(">HHIH", TYPES[rtype], 1, self.ttl, len(data))
            body += data
        truncated = limit and end + len(body) > limit
        flags = 0x8580 | code | (0x0200 if truncated else 0)
        if wants_security(packet, end) and all(map(self.is_secure, [name] + [owner for owner, _, _ in answers])):
            flags |= 0x0020
        count = 0 if truncated else len(answers)
        header = packet[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0)
        return header + packet[12:end] + (b"" if truncated else body)

    def _serve_udp(self):
        while True:
            try:
                packet, peer = self.udp.recvfrom(4096)
                reply = self.answer(packet, UDP_LIMIT) if len(packet) > 12 else None
                if reply:
                    self.udp.sendto(reply, peer)
            except OSError:
                return
            except (IndexError, struct.error):
                continue            # not a question we can read

    def _serve_tcp(self):
        while True:
            try:
                conn, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_connection, args=(conn,), daemon=True).start()

    def _serve_connection(self, conn):
        with conn, conn.makefile("rwb") as stream:
            while True:
                head = stream.read(2)
                if len(head) < 2:
                    return
                reply = self.answer(stream.read(struct.unpack(">H", head)[0]), None)
                if reply is None:
                    return
                stream.write(struct.pack(">H", len(reply)) + reply)
                stream.flush()

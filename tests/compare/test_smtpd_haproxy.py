"""smtpd behind a load balancer that speaks the PROXY protocol: the suite against Debian's Postfix."""
import socket
import struct
import unittest

from support import oracle
from support.compare import ComparisonTestCase, run_session
from support.mask import mask_lines

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v4(client="192.0.2.1", server="192.0.2.2"):
    return socket.inet_aton(client) + socket.inet_aton(server) + struct.pack("!HH", 1234, 25)


def v6(client="2001:db8::1", server="2001:db8::2"):
    return (socket.inet_pton(socket.AF_INET6, client) + socket.inet_pton(socket.AF_INET6, server)
            + struct.pack("!HH", 1234, 25))


def v2(body, kind=0x11, command=0x21):
    return SIGNATURE + bytes([command, kind]) + struct.pack("!H", len(body)) + body


V1 = {line: b"PROXY " + line.encode() for line in [
    "TCP4 192.0.2.1 192.0.2.2 1234 25\r\n", "TCP4 192.0.2.1 192.0.2.2 1234 25\n",
    "TCP4 192.0.2.1 192.0.2.2 1234 25 x\r\n", " TCP4  192.0.2.1 192.0.2.2 1234 25\r\n",
    "TCP4 127.0.0.1 127.0.0.1 1234 25\r\n", "TCP4 192.0.2.1 192.0.2.2 0 0\r\n",
    "TCP6 2001:db8::1 2001:db8::2 1234 25\r\n", "TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.8 1234 25\r\n",
    "TCP6 192.0.2.1 192.0.2.2 1234 25\r\n", "TCP4 2001:db8::1 192.0.2.2 1234 25\r\n",
    "UDP4 192.0.2.1 192.0.2.2 1234 25\r\n", "tcp4 192.0.2.1 192.0.2.2 1234 25\r\n", "UNKNOWN\r\n",
    "UNKNOWN ffff:f 1 2\r\n", "TCP4 192.0.2.300 192.0.2.2 1234 25\r\n", "TCP4 192.0.2.1 192.0.2 1234 25\r\n",
    "TCP4 192.0.2.1 192.0.2.2 99999 25\r\n", "TCP4 192.0.2.1 192.0.2.2 1234 x\r\n",
    "TCP4 192.0.2.1 192.0.2.2 1234\r\n", "TCP4 192.0.2.1\r\n", "\r\n", "x" * 300 + "\r\n", "x" * 530]}

OTHERS = {
    "hello": b"EHLO client.test\r\n",
    "lower case": b"proxy tcp4 192.0.2.1 192.0.2.2 1234 25\r\n",
    "version 2": v2(v4()),
    "version 2, IPv6": v2(v6(), 0x21),
    "version 2, mapped": v2(v6("::ffff:192.0.2.7", "::ffff:192.0.2.8"), 0x21),
    "version 2, local": v2(b"", 0, 0x20),
    "version 2, local with addresses": v2(v4(), 0x11, 0x20),
    "version 2, unspecified": v2(b"", 0),
    "version 2, UDP": v2(v4(), 0x12),
    "version 2, UNIX": v2(b"a" * 216, 0x31),
    "version 2, TLV": v2(v4() + b"\1\0\3abc"),
    "version 2, as long as can be": v2(v4() + b"x" * 508),
    "version 2, short": v2(b"abcd"),
    "version 1 in binary": v2(v4(), 0x11, 0x11),
    "version 2, command": v2(v4(), 0x11, 0x22),
}


def session(suite, header):
    """The masked replies and log lines of a session that begins with HEADER."""
    mark = suite.log_mark()
    replies = run_session(suite, ["RSET", "QUIT"], connect=lambda c: c.send(header))
    suite.wait_for_log(r"disconnect from ", since=mark)
    return replies + [line for line in mask_lines(suite.log_lines(mark), suite) if "postfix/smtpd" in line]


class Haproxy(ComparisonTestCase):
    maxDiff = None
    main_cf = {"smtpd_upstream_proxy_protocol": "haproxy", "inet_protocols": "all",
               "smtpd_forbid_unauth_pipelining": "no", "smtpd_client_port_logging": "yes"}

    def check(self, table):
        for name, header in table.items():
            with self.subTest(header=name[:60]):
                self.assert_same(session(self.ours, header), session(self.theirs, header), name)


@oracle.needed
class BothFamilies(Haproxy):
    def test_version_1(self):
        self.check(V1)

    def test_others(self):
        self.check(OTHERS)


@oracle.needed
class Ipv4Only(Haproxy):
    main_cf = {**Haproxy.main_cf, "inet_protocols": "ipv4"}

    def test_ipv6_is_refused(self):
        self.check({k: h for k, h in {**V1, **OTHERS}.items() if "6" in k or "::" in k or "mapped" in k})


@oracle.needed
class Silent(Haproxy):
    main_cf = {**Haproxy.main_cf, "smtpd_upstream_proxy_timeout": "1"}

    def test_silence(self):
        self.check({"nothing": b""})


del Haproxy

if __name__ == "__main__":
    unittest.main()

"""Clients of postscreen: each test talks from an address of its own (127.0.0.0/8), since results count by address."""
import contextlib
import re
import socket
import ssl
import struct
from concurrent import futures

from .mask import mask
from .ports import free_port
from .smtp import SmtpClient
from .wait import until

SERVICES = """127.0.0.1:%d inet n - n - 1 postscreen
smtpd pass - - n - %s smtpd
dnsblog unix - - n - 0 dnsblog
tlsproxy unix - - n - 0 tlsproxy
"""
BEGUN, OVER = r": (?:CONNECT|connect) from (?:unknown)?\[%s\]", r"(?:DISCONNECT|disconnect from unknown).*\[%s\]"
# what clients on a machine of our own see sooner or later
MASKS = [(re.compile(r"(\[127\.[\d.]+\]):?\d+"), r"\1:PORT"), (re.compile(r"(127\.[\d.]+) \d{4,5} "), r"\1 PORT "),
         (re.compile(r" after \d+(\.\d+)?(?= from)"), " after T"), (re.compile(r"OpenSSL.*|error:.*"), "ERROR")]


def services(port, smtpd_limit="-"):
    return SERVICES % (port, smtpd_limit)


class GateClient(SmtpClient):
    def __init__(self, port, source="127.0.0.1", timeout=30):
        self.sock = socket.socket()
        self.sock.settimeout(timeout)
        self.sock.bind((source, 0))
        self.sock.connect(("127.0.0.1", port))
        self.pending, self.keywords, self.banner = b"", {}, None

    def reset(self):
        """Close with a reset in the place of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def greeting(client):
    return client.read_reply()


def converse(port, source, steps):
    """Say STEPS, which are lines, (bytes, number of replies) or functions of the client; what comes back.

    A server that hangs up may do so before or after the next command leaves: what it said comes first.
    """
    got = []
    client = GateClient(port, source)
    try:
        for step in steps:
            if callable(step):
                reply = step(client)
                got += reply.lines if reply else []
                continue
            data, count = step if isinstance(step, tuple) else (step + "\r\n", 1)
            got.append("> %r" % (data,))
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                client.send(data)
            for _ in range(count):
                got += client.read_reply().lines
    except (AssertionError, ConnectionError, ssl.SSLError):
        got.append("(connection closed)")
    except socket.timeout:
        got.append("(no reply)")
    finally:
        client.close()
    return got


def hide(line, suite):
    line = mask(line, suite)
    for pattern, word in MASKS:
        line = pattern.sub(word, line)
    return line


def log_of(suite, source, mark, programs=("postscreen", "dnsblog", "tlsproxy")):
    """Lines about the client SOURCE, those of each program together, as two programs race.

    Each program that has begun with the client has to be done with it.
    """
    def is_over(program):
        mine = r"postfix/%s\[.*" % program
        return (suite.count_log(mine + BEGUN % re.escape(source), since=mark)
                <= suite.count_log(mine + OVER % re.escape(source), since=mark))
    suite.wait_for_log("(?:postscreen|smtpd).*" + OVER % re.escape(source), since=mark)
    until(lambda: is_over("tlsproxy") and is_over("smtpd"), 30, lambda: "the end of %s\n%s" % (source, suite.tail()))
    about = re.compile(r"\[%s\]|addr %s listed|%s\." % (re.escape(source), re.escape(source),
                                                        re.escape(".".join(reversed(source.split("."))))))
    lines = [line for line in suite.log_lines(mark) if about.search(line)]
    out = []
    for program in programs:
        own = [hide(line, suite) for line in lines if "postfix/%s[" % program in line]
        out += sorted(own) if program == "dnsblog" else own
    return out


def all_at_once(jobs):
    """Call each of JOBS in a thread; their results, in order."""
    with futures.ThreadPoolExecutor(max(1, len(jobs))) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def new_port():
    return free_port()

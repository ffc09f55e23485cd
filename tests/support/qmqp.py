"""A QMQP client: requests as they should be and as they should not."""
import contextlib
import errno
import socket


def netstring(data):
    return b"%d:%s," % (len(data), data)


def request(content, sender, *recipients):
    parts = [part if isinstance(part, bytes) else part.encode() for part in (content, sender) + recipients]
    return netstring(b"".join(netstring(part) for part in parts))


@contextlib.contextmanager
def hung_up():
    """The other end may close its socket before it has read all."""
    try:
        yield
    except OSError as problem:
        if problem.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
            raise


def send(port, data, timeout=30, ends=True):
    """The answer to DATA, without its netstring; b"" when the server just closed. ENDS: nothing more will come from us."""
    with socket.create_connection(("127.0.0.1", port), timeout) as conn:
        got = b""
        with hung_up():         # and its answer is there all the same
            conn.sendall(data)
            if ends:
                conn.shutdown(socket.SHUT_WR)
        with hung_up():
            while True:
                piece = conn.recv(65536)
                if not piece:
                    break
                got += piece
    return got.partition(b":")[2][:-1]

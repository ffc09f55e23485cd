"""A QMQP client: requests as they should be and as they should not."""
import socket


def netstring(data):
    return b"%d:%s," % (len(data), data)


def request(content, sender, *recipients):
    parts = [part if isinstance(part, bytes) else part.encode() for part in (content, sender) + recipients]
    return netstring(b"".join(netstring(part) for part in parts))


def send(port, data, timeout=30, ends=True):
    """The answer to DATA, without its netstring; b"" when the server just closed. ENDS: nothing more will come from us."""
    with socket.create_connection(("127.0.0.1", port), timeout) as conn:
        got = b""
        try:
            conn.sendall(data)
            if ends:
                conn.shutdown(socket.SHUT_WR)
            while True:
                piece = conn.recv(65536)
                if not piece:
                    break
                got += piece
        except (ConnectionResetError, BrokenPipeError):
            pass                # it has not read all of it
    return got.partition(b":")[2][:-1]

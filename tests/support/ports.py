"""Free TCP ports on 127.0.0.1, never handed out twice by tests that run side by side."""
import random
import socket

_held = []      # descriptors of abstract sockets: a reservation ends with its process


def free_port():
    """A port nobody listens on, below the range that outgoing connections use."""
    for _ in range(1000):
        port = random.randrange(10240, 32000)
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        probe = socket.socket()
        try:
            mark.bind("\0mta-test-port-%d" % port)
            probe.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        finally:
            probe.close()
        _held.append(mark.detach())
        return port
    raise RuntimeError("no free port on 127.0.0.1")


def listens(port):
    """Does somebody take connections there? It gets one."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def free_address():
    """A loopback address of our own, for servers that need a fixed port (DNS)."""
    for _ in range(1000):
        address = "127.%d.%d.%d" % (random.randrange(1, 250), random.randrange(1, 250),
                                    random.randrange(2, 250))
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            mark.bind("\0mta-test-address-" + address)
        except OSError:
            mark.close()
            continue
        _held.append(mark.detach())
        return address
    raise RuntimeError("no free loopback address")

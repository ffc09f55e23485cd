"""Servers of the protocols tcp_table(5) and socketmap_table(5), scriptable, in this process."""
import socket
import threading

from .ports import free_port

class TableServer:
    """Answers from a dict; `broken` (bytes) is sent instead of any answer, `silent` sends nothing.

    stop() and start() keep the port; freeze() and thaw() are the names of support.servers.
    """

    def __init__(self, entries):
        self.entries, self.broken, self.silent = entries, None, False
        self.asked, self.port, self.listener, self.open = [], free_port(), None, []
        self.start()

    def start(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(50)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        data = b""
        try:
            while True:
                got = client.recv(65536)
                if not got:
                    return
                data += got
                while True:
                    key, data = self.take(data)
                    if key is None:
                        break
                    self.asked.append(key)
                    if self.broken is not None:
                        client.sendall(self.broken)
                    elif not self.silent:
                        client.sendall(self.reply(key))
        except OSError:
            pass
        finally:
            client.close()

    def reply(self, key):
        return self.answer(self.entries.get(key))

    def stop(self):
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
        self.listener = None
        for client in self.open:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open = []

    close = stop

    def freeze(self):
        self.silent = True

    def thaw(self):
        self.silent = False


class TcpTable(TableServer):
    @property
    def spec(self):
        return "tcp:127.0.0.1:%d" % self.port

    def take(self, data):
        line, newline, rest = data.partition(b"\n")
        return (line.split(b" ", 1)[1].decode(), rest) if newline else (None, data)

    def answer(self, value):
        return b"500 no\n" if value is None else b"200 " + value.encode() + b"\n"


class Socketmap(TableServer):
    @property
    def spec(self):
        return "socketmap:inet:127.0.0.1:%d:users" % self.port

    def take(self, data):
        head, colon, rest = data.partition(b":")
        if not colon or len(rest) <= int(head):
            return None, data
        return rest[:int(head)].split(b" ", 1)[1].decode(), rest[int(head) + 1:]

    def answer(self, value):
        text = b"NOTFOUND " if value is None else b"OK " + value.encode()
        return b"%d:%s," % (len(text), text)

"""A scriptable server of the policy protocol (SMTPD_POLICY_README), in this process.

    server = PolicyServer()             inet; PolicyServer("@path") listens on a unix-domain socket
    server.answer = "DUNNO"             or a function of the request (a dict): the action, or
                                        bytes that are sent as they are, None: nothing is said,
                                        CLOSE: the connection is closed instead; a tuple of these
    server.requests                     what was asked: dicts in order, with "_raw" (bytes) and
                                        "_connection" (the number of the connection)
"""
import os
import socket
import threading

from .ports import free_port
from .wait import until

CLOSE = object()


class PolicyServer:
    def __init__(self, path=None, answer="DUNNO"):
        self.path, self.port, self.answer = path, free_port(), answer
        self.requests, self.connections, self.open, self.listener = [], 0, [], None
        self.lock = threading.Lock()
        self.start()

    @property
    def spec(self):
        return "unix:" + self.path if self.path else "inet:127.0.0.1:%d" % self.port

    def start(self):
        """Also again after stop(), at the same place."""
        if self.path:
            if os.path.exists(self.path):
                os.unlink(self.path)
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.path)
            os.chmod(self.path, 0o666)
        else:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(200)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                number = self.connections
                self.open.append(client)
            threading.Thread(target=self._serve, args=(client, number), daemon=True).start()

    def _serve(self, client, number):
        data = b""
        try:
            while True:
                got = client.recv(65536)
                if not got:
                    break
                data += got
                while b"\n\n" in data:
                    raw, _, data = data.partition(b"\n\n")
                    if not self._reply(client, number, raw + b"\n\n"):
                        return
        except OSError:
            pass
        finally:
            with self.lock:
                if client in self.open:
                    self.open.remove(client)
            client.close()

    def _reply(self, client, number, raw):
        request = {"_raw": raw, "_connection": number}
        for line in raw.decode("utf-8", "surrogateescape").split("\n")[:-2]:
            name, _, value = line.partition("=")
            request[name] = value
        with self.lock:
            self.requests.append(request)
        answer = self.answer(request) if callable(self.answer) else self.answer
        for part in answer if isinstance(answer, tuple) else (answer,):
            if part is CLOSE:
                return False
            if isinstance(part, bytes):
                client.sendall(part)
            elif part is not None:
                client.sendall(b"action=%s\n\n" % part.encode("utf-8", "surrogateescape"))
        return True

    def wait_for(self, count, timeout=30):
        """The first COUNT requests."""
        until(lambda: len(self.requests) >= count, timeout,
              lambda: "%d policy requests; there are %d" % (count, len(self.requests)))
        return self.requests[:count]

    def hang_up(self):
        """Close the connections that are open; new ones are taken."""
        with self.lock:
            clients, self.open = self.open, []
        for client in clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
        self.hang_up()

    def close(self):
        self.stop()
        if self.path and os.path.exists(self.path):
            os.unlink(self.path)

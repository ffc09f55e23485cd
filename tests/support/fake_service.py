"""A service that does what its arguments say, to try master with; runs as a program of its own.

Arguments in master.cf, NAME=VALUE:
    report=FILE   append one line per event: "start PID ARGUMENTS at=SECONDS", "client PID TEXT", "retire PID", "end PID"
    room=N        clients at once (default 100)
    fail=STATUS   exit with this status before the first report to master
    crash=TEXT    a client that sends TEXT gets the process killed by SIGKILL
    heir=TEXT     a client that sends TEXT makes the process leave, with work for the next one
A client's bytes are reported; the connection stays open until the client closes it.
"""
import os
import select
import signal
import socket
import struct
import sys
import time

STATUS_FD, LISTEN_FD = 3, 5


class Fake:
    def __init__(self, argv):
        self.settings, self.sockets, self.argv = {}, 0, argv
        for at, word in enumerate(argv):
            if word == "-s":
                self.sockets = int(argv[at + 1])
            elif "=" in word and argv[at - 1] != "-o":
                name, _, value = word.partition("=")
                self.settings[name] = value
        self.room = int(self.settings.get("room", "100"))
        self.status = socket.socket(fileno=STATUS_FD)
        self.is_fifo = "fifo" in argv
        self.listeners = [LISTEN_FD] if self.is_fifo else [
            socket.socket(fileno=LISTEN_FD + n) for n in range(self.sockets)]
        self.clients = []
        self.retired = False

    def report(self, event, text=""):
        line = "%s %d %s" % (event, os.getpid(), text)
        with open(self.settings["report"], "a") as f:
            f.write(line.strip() + "\n")

    def tell(self, what):
        try:
            self.status.send(struct.pack("=c3xi", what, len(self.clients)))
        except OSError:
            pass                # master is gone

    def accept(self, listener):
        if self.is_fifo:
            self.report("client", os.read(listener, 100).decode("ascii", "replace"))
            return
        try:
            client, _ = listener.accept()
        except BlockingIOError:
            return              # another process was faster
        self.clients.append(client)
        if len(self.clients) >= self.room:
            self.tell(b"F")

    def read(self, client):
        data = client.recv(100)
        if data:
            text = data.decode("ascii", "replace").strip()
            self.report("client", text)
            if text == self.settings.get("crash"):
                os.kill(os.getpid(), signal.SIGKILL)
            if text == self.settings.get("heir"):
                self.tell(b"H")
                self.tell(b"G")
                os._exit(0)
            return
        client.close()
        was_full = len(self.clients) >= self.room
        self.clients.remove(client)
        if was_full and not self.retired:
            self.tell(b"R")

    def order(self):
        packet = self.status.recv(100)
        self.retired = True
        self.report("retire", "" if packet else "master is gone")
        if packet:
            self.tell(b"G")
        return bool(packet)

    def start(self):
        self.report("start", "%s at=%f" % (" ".join(self.argv), time.monotonic()))

    def run(self):
        if "fail" in self.settings:
            self.start()
            os._exit(int(self.settings["fail"]))
        self.tell(b"R")
        self.start()
        watch_status = True
        while self.clients or not self.retired:
            watched = list(self.clients) + ([self.status] if watch_status else [])
            if not self.retired and len(self.clients) < self.room:
                watched += self.listeners
            for ready in select.select(watched, [], [])[0]:
                if ready is self.status:
                    watch_status = self.order()
                elif ready in self.listeners:
                    self.accept(ready)
                else:
                    self.read(ready)
        self.report("end")


if __name__ == "__main__":
    Fake(sys.argv[1:]).run()

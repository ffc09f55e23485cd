"""Hosts with network stacks of their own, on one wire, in this process: no name and no address of theirs is seen outside.

    network.needed()
    with Network() as wire:
        mail2 = wire.host("192.168.255.129")
        with mail2:
            sink = Sink(address="192.168.255.129", port=25)
            suite.start()

Inside `with host:` what this thread opens, and the threads and programs that it starts, belong to that host for good.
The kernel takes a namespace away with its last descriptor and process, so a killed test leaves nothing behind.
"""
import ctypes
import os
import subprocess
import unittest

CLONE_NEWNET = 0x40000000
PREFIX = 24
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), "%s: %s" % (what, os.strerror(ctypes.get_errno())))


def _current():
    """A descriptor of the namespace that this thread is in."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _enter(descriptor):
    _checked(_libc.setns(descriptor, CLONE_NEWNET), "setns")


def needed():
    """Skip where there can be no such networks."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("only root may have networks of his own")
    try:
        with Network() as wire:
            wire.host("192.168.255.1")
    except (OSError, subprocess.CalledProcessError) as problem:
        raise unittest.SkipTest("no network namespaces here: %s" % problem) from None


class Host:
    """A network stack: the loopback interface at first."""

    def __init__(self):
        self._before = []
        before = _current()
        try:
            _checked(_libc.unshare(CLONE_NEWNET), "unshare")
            self.descriptor = _current()
            try:
                self.ip("link", "set", "lo", "up")
            except BaseException:
                self.close()
                raise
        finally:
            _enter(before)
            os.close(before)

    def __enter__(self):
        self._before.append(_current())
        _enter(self.descriptor)
        return self

    def __exit__(self, *_):
        before = self._before.pop()
        _enter(before)
        os.close(before)

    def close(self):
        os.close(self.descriptor)

    @property
    def path(self):
        """For ip(8), while this process lives."""
        return "/proc/%d/fd/%d" % (os.getpid(), self.descriptor)

    def ip(self, *words):
        with self:
            subprocess.run(["ip", *words], check=True)

    def add(self, *addresses):
        for address in addresses:
            self.ip("address", "add", "%s/%d" % (address, PREFIX), "dev", "eth0")

    def swallow(self, address):
        """Nobody answers at ADDRESS: packets go to a station that is not there, so that connections time out."""
        self.ip("neighbour", "add", address, "lladdr", "02:00:00:00:00:01", "dev", "eth0", "nud", "permanent")

    def refuse(self, address):
        """There is no way to ADDRESS."""
        self.ip("route", "add", "unreachable", address + "/32")


class HostOfProcess(Host):
    """The network stack that process PID is in."""

    def __init__(self, pid):
        self._before = []
        self.descriptor = os.open("/proc/%d/ns/net" % pid, os.O_RDONLY | os.O_CLOEXEC)


class Network:
    """A bridge with a cable to each host."""

    def __init__(self):
        self.hosts = []
        self.bridge = Host()
        try:
            self.bridge.ip("link", "add", "wire", "type", "bridge")
            self.bridge.ip("link", "set", "wire", "up")
        except BaseException:
            self.bridge.close()
            raise

    def host(self, *addresses):
        """A new host on the wire, which has ADDRESSES."""
        host = Host()
        self.hosts.append(host)
        port = "port%d" % len(self.hosts)
        self.bridge.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host.path)
        self.bridge.ip("link", "set", port, "master", "wire", "up")
        host.add(*addresses)
        host.ip("link", "set", "eth0", "up")
        return host

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for host in self.hosts + [self.bridge]:
            host.close()

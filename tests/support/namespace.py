"""File systems of our own, seen by this process and what it starts."""
import ctypes
import fcntl
import functools
import os
import struct
import subprocess
import unittest

from .wait import until

CLONE_NEWNS = 0x20000
_private = None             # None: not tried; "": done; else why it cannot be


def _unshare():
    if os.geteuid() != 0:
        return "only root may mount a small file system"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        return "no mount namespace of our own: " + os.strerror(ctypes.get_errno())
    done = subprocess.run(["mount", "--make-rprivate", "/"], stderr=subprocess.PIPE)
    return done.stderr.decode().strip() if done.returncode else ""


def need_private_mounts():
    """From now on mounts are ours alone; skips the test where that is not possible."""
    global _private
    if _private is None:
        _private = _unshare()
    if _private:
        raise unittest.SkipTest(_private)


@functools.cache
def _why_no_mounts():
    done = subprocess.run(["unshare", "--mount", "true"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return done.stderr.decode().strip() if done.returncode else ""


def mounting(script, *words):
    """The command that runs SCRIPT, for sh, with WORDS as $1..., and alone sees what that mounts; skips the test where
    that is not possible, as in a chroot whose top is no mount."""
    if _why_no_mounts():
        raise unittest.SkipTest(_why_no_mounts())
    return ["unshare", "--mount", "sh", "-ec", script, "sh", *words]


class SmallDisk:
    """A tmpfs of SIZE bytes (and at most INODES files) on the directory PATH."""

    def __init__(self, path, size, inodes=None, mode=0o755):
        self.path, self.ballast = path, os.path.join(path, ".ballast")
        options = "size=%d,mode=%o" % (size, mode) + (",nr_inodes=%d" % inodes if inodes else "")
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)

    def free(self):
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def fill(self, leave=0):
        """Take the space, all but LEAVE bytes."""
        with open(self.ballast, "ab", buffering=0) as f:
            try:
                while self.free() > leave:
                    f.write(b"\0" * min(65536, max(4096, (self.free() - leave) // 4096 * 4096)))
            except OSError:
                pass

    def release(self):
        if os.path.exists(self.ballast):
            os.unlink(self.ballast)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=True)


class CrashDisk:
    """An ext4 file system in the file IMAGE, on the directory PATH, that can lose its memory."""
    _SHUTDOWN, _NO_LOG_FLUSH = 0x8004587d, 2        # FS_IOC_SHUTDOWN: nothing more reaches the disk

    def __init__(self, image, path, has_journal=True, size=400 * 1024 * 1024):
        self.image, self.path = image, path
        with open(image, "wb") as f:
            f.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "has_journal" if has_journal else "^has_journal", image],
                       check=True)
        self._mount()

    def _mount(self):
        done = subprocess.run(["mount", "-o", "loop", self.image, self.path], stderr=subprocess.PIPE)
        if done.returncode:
            raise unittest.SkipTest("no loop device: " + done.stderr.decode().strip())

    def lose_power(self):
        """What the kernel had not yet written is gone; every call fails until come_back()."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, self._SHUTDOWN, struct.pack("I", self._NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def come_back(self):
        """As after the next start of the machine; nobody may have files open there."""
        until(lambda: subprocess.run(["umount", self.path], stderr=subprocess.DEVNULL).returncode == 0, 60,
              "nobody who uses " + self.path)
        done = subprocess.run(["fsck.ext4", "-p", "-f", self.image], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode > 1:
            done = subprocess.run(["fsck.ext4", "-y", "-f", self.image], stdout=subprocess.PIPE)
        assert done.returncode in (0, 1), done.stdout.decode()
        self._mount()

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=False)


def private_etc(directory):
    """From now on what is written below /etc is ours alone, and goes when the process ends.

    DIRECTORY: an empty one that may hold the changed files."""
    need_private_mounts()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], check=True)
    for name in ("upper", "work"):
        os.mkdir(os.path.join(directory, name))
    done = subprocess.run(["mount", "-t", "overlay", "-o", "lowerdir=/etc,upperdir=%s/upper,workdir=%s/work" % (
        directory, directory), "overlay", "/etc"], stderr=subprocess.PIPE)
    if done.returncode:
        raise unittest.SkipTest("no private /etc: " + done.stderr.decode().strip())

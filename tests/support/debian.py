"""A small Debian of one test: a copy-on-write tree, with processes and network of its own.

    with Debian() as host:
        host.run("apt-get install -y /debs/valija_*.deb")

MTA_DEBIAN is what tests/package/make-base made, MTA_PACKAGES where packaging/build left packages.
"""
import hashlib
import os
import stat
import subprocess
import tempfile
import unittest

from support import wait

# what changes with every use of apt and dpkg, and what belongs to no package
VOLATILE = ("/proc", "/dev", "/tmp", "/debs", "/run", "/var/log", "/var/cache", "/var/lib/dpkg", "/var/lib/apt",
            "/etc/ld.so.cache", "/root", "/var/lib/systemd/deb-systemd-helper-masked")
BACKUPS = ("/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-")

ENTER = r"""
set -e
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/work" "$work/root"
root=$work/root
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys" # settings of the kernel are those of all, and packages have some
mount -o remount,bind,ro "$root/proc/sys"
mount -t tmpfs tmpfs "$root/dev"
for name in null zero full random urandom tty; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs tmpfs "$root/run"
mkdir "$root/run/lock"
for directory in $debs; do
    mount --bind "$directory" "$root/debs"
done
hostname host
ip link set lo up
echo ready
exec chroot "$root" sh -c 'sleep infinity & wait' # the first process: it takes leave of orphans, as services expect
"""


def needed():
    """Skip where there is no such tree."""
    if os.geteuid() != 0:
        raise unittest.SkipTest("a Debian of our own: only for root")
    if not os.path.exists(os.path.join(os.environ.get("MTA_DEBIAN", "/nonexistent"), "complete")):
        raise unittest.SkipTest("MTA_DEBIAN names no tree (tests/package/make-base makes one)")
    if not os.path.isdir(os.environ.get("MTA_PACKAGES", "/nonexistent")):
        raise unittest.SkipTest("MTA_PACKAGES names no packages (packaging/build makes them)")


class Failed(AssertionError):
    """A command that had to work did not."""


class Debian:
    def __init__(self, base="root"):
        """BASE: which of make-base's trees."""
        needed()
        self.work = tempfile.mkdtemp(prefix="mta-debian-")
        os.chmod(self.work, 0o755)
        debs = os.path.join(self.work, "debs")
        os.mkdir(debs)
        oracle = os.path.join(os.environ.get("MTA_ORACLE", "/nonexistent"), "deb")
        for directory in (os.environ["MTA_PACKAGES"], os.path.join(os.environ["MTA_DEBIAN"], "partners"), oracle):
            if os.path.isdir(directory):
                for name in os.listdir(directory):
                    if name.endswith(".deb") and "dbgsym" not in name:
                        # "postfix" is the package of Debian, "name-postfix" ours of that name
                        prefix = "name-" if name.startswith("postfix_") and directory != oracle else ""
                        subprocess.run(["cp", "--reflink=auto", os.path.join(directory, name),
                                        os.path.join(debs, prefix + name)], check=True)
        self.inside = os.path.join(self.work, "inside")
        os.mkdir(self.inside)
        environment = dict(os.environ, work=self.inside, debs=debs,
                           base=os.path.join(os.environ["MTA_DEBIAN"], base))
        self.keeper = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--uts", "--fork", "--kill-child", "sh", "-c", ENTER],
            env=environment, stdout=subprocess.PIPE, text=True)
        if self.keeper.stdout.readline() != "ready\n":
            self.close()
            raise unittest.SkipTest("no namespaces or no overlay file system here")
        children = "/proc/%d/task/%d/children" % (self.keeper.pid, self.keeper.pid)
        with open(children) as f:
            self.pid = int(f.read().split()[0])
        # seen from outside through the process inside, once it has changed its root
        self.root = "/proc/%d/root" % self.pid
        wait.until(lambda: os.readlink(self.root) != "/", 60, "the tree is entered")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.keeper.kill()
        self.keeper.wait()
        self.keeper.stdout.close()
        subprocess.run(["rm", "-rf", "--one-file-system", self.work], check=True)

    def command(self, command, frontend="noninteractive"):
        """The words that have COMMAND done by a shell inside."""
        return ["nsenter", "--target", str(self.pid), "--mount", "--net", "--pid", "--uts", "--root", "--wd", "env", "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=" + frontend, "LC_ALL=C.UTF-8", "HOME=/root",
                "TERM=dumb", "sh", "-c", "cd /; " + command]

    def run(self, command, check=True, stdin=None):
        """What COMMAND, for a shell inside, printed; with CHECK it has to work."""
        # a file, no pipe: services that are started keep it open
        with tempfile.TemporaryFile() as out:
            done = subprocess.run(
                self.command(command), input=stdin.encode() if stdin else None, stdin=None if stdin else subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, timeout=300)
            out.seek(0)
            said = out.read().decode()
        if check and done.returncode != 0:
            raise Failed("%s: exit status %d\n%s" % (command, done.returncode, said))
        return said

    def link(self, other, ours, theirs, name="eth0"):
        """A cable to another Debian; the addresses of both ends, with the length of the network's prefix. NAME: the
        interface of both."""
        subprocess.run(["ip", "link", "add", name, "netns", str(self.pid), "type", "veth",
                        "peer", "name", name, "netns", str(other.pid)], check=True)
        for host, address in ((self, ours), (other, theirs)):
            host.run("ip address add %s dev %s && ip link set %s up" % (address, name, name))

    def ok(self, command):
        """Whether COMMAND works inside."""
        try:
            self.run(command)
            return True
        except Failed:
            return False

    def install(self, *names):
        """Packages from /debs; what maintainer scripts said."""
        return self.run("apt-get install -y -q " + " ".join("/debs/%s_*.deb" % name for name in names))

    def path(self, name):
        return self.root + name

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def exists(self, name):
        return os.path.lexists(self.path(name))

    def tree(self, top="/", skip=VOLATILE + BACKUPS):
        """Every name below TOP: kind, owner, mode and what is in it."""
        found = {}
        for directory, folders, files in os.walk(self.path(top)):
            inside = directory[len(self.root):] or "/"
            folders[:] = [f for f in folders if os.path.join(inside, f) not in skip]
            for name in folders + files:
                shown = os.path.join(inside, name)
                if shown not in skip:
                    found[shown] = self._entry(os.path.join(directory, name))
        return found

    @staticmethod
    def _entry(path):
        status = os.lstat(path)
        entry = (stat.filemode(status.st_mode), status.st_uid, status.st_gid)
        if stat.S_ISLNK(status.st_mode):
            return entry + (os.readlink(path),)
        if stat.S_ISREG(status.st_mode):
            with open(path, "rb") as f:
                return entry + (hashlib.sha256(f.read()).hexdigest()[:12],)
        return entry


def changes(before, after):
    """How two trees differ, a line each."""
    return (["gone: " + name for name in sorted(before.keys() - after.keys())]
            + ["new: " + name for name in sorted(after.keys() - before.keys())]
            + ["changed: %s %s %s" % (name, before[name], after[name])
               for name in sorted(before.keys() & after.keys()) if before[name] != after[name]])

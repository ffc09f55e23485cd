"""The two commands of README, ./demo and ./check, in a Debian with nothing but what debootstrap puts there and a clone of
the project. Of ./check the quick part, unless MTA_README=whole: all of it takes as long as it does outside."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("MTA_SOURCE", ".")
CHECKS = {"quick": ("./check quick", "quick tests", 1500), "whole": ("./check", "tests of release", 5400)}
ENTER = r"""
set -e
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys" # settings of the kernel are those of all, and packages have some
mount -o remount,bind,ro "$root/proc/sys"
mount -t tmpfs tmpfs "$root/dev"
for name in null zero full random urandom tty; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts" && ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
[ -z "$cache" ] || mount --bind "$cache" "$root/var/cache/ccache"
hostname host
# as a machine has it: the top of the tree is that of all mounts
mkdir outside
pivot_root . outside
exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb CCACHE_DIR=/var/cache/ccache CCACHE_BASEDIR=/src CCACHE_NOHASHDIR=1 \
    sh -c "umount -l /outside && rmdir /outside && cd /src && $0"
"""


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0 or not shutil.which("mmdebstrap"):
            raise unittest.SkipTest("a bare Debian: only for root, with mmdebstrap")
        cls.work = tempfile.mkdtemp(prefix="mta-readme-")
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", "--one-file-system", cls.work], check=True)
        cls.bare = os.path.join(cls.work, "bare")
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "bookworm", cls.bare], check=True)
        shutil.copy("/etc/resolv.conf", cls.bare + "/etc/resolv.conf")
        with open(cls.bare + "/etc/hosts", "w") as f:
            f.write("127.0.0.1 localhost\n127.0.1.1 host.example.test host\n")
        # what is compiled already need not be compiled again: the same compiler, and a cache that knows it
        ccache = shutil.which("ccache")
        cls.cache = subprocess.run([ccache, "-k", "cache_dir"], stdout=subprocess.PIPE,
                                   text=True).stdout.strip() if ccache else ""
        os.makedirs(cls.bare + "/var/cache/ccache")
        cls.clone(os.path.join(cls.bare, "src"))

    def setUp(self):
        self.root = os.path.join(self.work, "root")
        subprocess.run(["cp", "-a", "--reflink=auto", self.bare, self.root], check=True)
        self.addCleanup(subprocess.run, ["rm", "-rf", "--one-file-system", self.root], check=True)
        for name in ("cc", "cmake", "git", "python3"):
            self.assertFalse(os.path.lexists(self.root + "/usr/bin/" + name), name)

    @staticmethod
    def clone(target):
        """What one has after git clone, with what is not committed yet."""
        git = ["git", "-c", "safe.directory=*"]
        listed = subprocess.run(git + ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                cwd=SOURCE, stdout=subprocess.PIPE)
        if listed.returncode != 0:
            raise unittest.SkipTest("not a tree of git: nobody knows which files are the sources")
        subprocess.run(git + ["clone", "-q", "--no-checkout", "--depth", "1", "file://" + os.path.abspath(SOURCE), target],
                       check=True)
        pack = subprocess.Popen(["tar", "--null", "-T", "-", "--ignore-failed-read", "-cf", "-"], cwd=SOURCE,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        unpack = subprocess.Popen(["tar", "-xf", "-", "-C", target], stdin=pack.stdout)
        pack.stdin.write(listed.stdout)
        pack.stdin.close()
        pack.stdout.close()
        if pack.wait() or unpack.wait():
            raise AssertionError("the sources could not be copied")
        subprocess.run(git + ["reset", "-q"], cwd=target, check=True)

    def run_there(self, command, seconds=1500):
        environment = dict(os.environ, root=self.root, cache=self.cache if os.path.isdir(self.cache) else "")
        done = subprocess.run(["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "sh", "-c", ENTER, command],
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=seconds)
        print(done.stdout[-3000 if done.returncode == 0 else -100000:], flush=True)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, "installing: +build-essential")
        return done.stdout

    def assert_nothing_installed(self):
        for place in ("/var/spool/postfix", "/etc/postfix", "/usr/sbin/postfix"):
            self.assertFalse(os.path.lexists(self.root + place), place)

    def test_demo(self):
        said = self.run_there("./demo")
        for shown in ("Subject: by SMTP", "Subject: Undelivered Mail Returned to Sender", "user@dead.test"):
            self.assertIn(shown, said)
        self.assert_nothing_installed()

    def test_check(self):
        command, what, seconds = CHECKS[os.environ.get("MTA_README", "quick")]
        said = self.run_there(command, seconds)
        passed = re.search(r"\n%s: 100%% tests passed, 0 tests failed out of (\d+)\n" % what, said)
        self.assertGreater(int(passed.group(1)), 200)
        # a test that skips for want of a program says nothing about it to ctest
        with open(self.root + "/src/build/release/Testing/Temporary/LastTest.log", errors="replace") as f:
            skipped = re.findall(r"(?m)^.*\.\.\. skipped (.*)$", f.read())
        self.assertEqual([why for why in skipped if "install" in why], [])
        self.assert_nothing_installed()


if __name__ == "__main__":
    unittest.main()

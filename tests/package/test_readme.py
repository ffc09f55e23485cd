"""./demo, the first command of README, in a Debian with nothing but what debootstrap puts there. (./check is what runs this test;
it is not run inside.)"""
import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("MTA_SOURCE", ".")
ENTER = r"""
set -e
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
exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb CCACHE_DIR=/var/cache/ccache CCACHE_BASEDIR=/src CCACHE_NOHASHDIR=1 \
    sh -c "cd /src && $0"
"""


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0 or not shutil.which("mmdebstrap"):
            raise unittest.SkipTest("a bare Debian: only for root, with mmdebstrap")
        cls.work = tempfile.mkdtemp(prefix="mta-readme-")
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", "--one-file-system", cls.work], check=True)
        cls.root = os.path.join(cls.work, "root")
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "bookworm", cls.root], check=True)
        shutil.copy("/etc/resolv.conf", cls.root + "/etc/resolv.conf")
        with open(cls.root + "/etc/hosts", "w") as f:
            f.write("127.0.0.1 localhost\n127.0.1.1 host.example.test host\n")
        # what is compiled already need not be compiled again: the same compiler, and a cache that knows it
        ccache = shutil.which("ccache")
        cls.cache = subprocess.run([ccache, "-k", "cache_dir"], stdout=subprocess.PIPE,
                                   text=True).stdout.strip() if ccache else ""
        os.makedirs(cls.root + "/var/cache/ccache")
        listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                cwd=SOURCE, stdout=subprocess.PIPE)
        if listed.returncode != 0:
            raise unittest.SkipTest("not a tree of git: nobody knows which files are the sources")
        pack = subprocess.Popen(["tar", "--null", "-T", "-", "--ignore-failed-read", "-cf", "-"], cwd=SOURCE,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.mkdir(cls.root + "/src")
        unpack = subprocess.Popen(["tar", "-xf", "-", "-C", cls.root + "/src"], stdin=pack.stdout)
        pack.stdin.write(listed.stdout)
        pack.stdin.close()
        pack.stdout.close()
        if pack.wait() or unpack.wait():
            raise AssertionError("the sources could not be copied")

    def run_there(self, command):
        environment = dict(os.environ, root=self.root, cache=self.cache if os.path.isdir(self.cache) else "")
        done = subprocess.run(["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "sh", "-c", ENTER, command],
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=1500)
        print(done.stdout[-3000:], flush=True)
        return done

    def test_demo(self):
        for name in ("cc", "cmake", "python3"):
            self.assertFalse(os.path.lexists(self.root + "/usr/bin/" + name), name)
        done = self.run_there("./demo")
        self.assertEqual(done.returncode, 0)
        self.assertIn("installing: build-essential", done.stdout)
        for shown in ("Subject: by SMTP", "Subject: Undelivered Mail Returned to Sender", "user@dead.test"):
            self.assertIn(shown, done.stdout)
        for place in ("/var/spool/postfix", "/etc/postfix", "/usr/sbin/postfix"):
            self.assertFalse(os.path.lexists(self.root + place), place)


if __name__ == "__main__":
    unittest.main()

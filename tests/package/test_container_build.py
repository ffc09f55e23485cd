"""packaging/container/Containerfile, built whole by buildah, and the container run: as root and as a user. The image it begins with
comes from a mirror of Debian in the place of a registry. (test_container tries the same scripts without an engine, in less time.)"""
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from support import wait

SOURCE = os.path.abspath(os.environ.get("MTA_SOURCE", "."))
RECIPE = os.path.join(SOURCE, "packaging", "container", "Containerfile")


class Containers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for program in ("buildah", "mmdebstrap"):
            if os.geteuid() != 0 or not shutil.which(program):
                raise unittest.SkipTest("an engine for containers: only for root, with " + program)
        cls.work = tempfile.mkdtemp(prefix="mta-image-")
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", "--one-file-system", cls.work], check=True)
        with open(RECIPE) as f:
            bases = set(re.findall(r"(?m)^FROM (\S+)", f.read()))
        assert len(bases) == 1, bases
        tree = os.path.join(cls.work, "base.tar")
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "bookworm", tree], check=True)
        scratch = cls.buildah("from", "scratch")
        cls.addClassCleanup(cls.buildah, "rm", "--all")
        cls.buildah("add", scratch, tree, "/")
        cls.buildah("config", "--cmd", "bash", scratch)
        cls.buildah("commit", "--quiet", "--rm", scratch, bases.pop())
        ccache = shutil.which("ccache") and subprocess.run(["ccache", "-k", "cache_dir"], stdout=subprocess.PIPE,
                                                           text=True).stdout.strip()
        cls.buildah("bud", "--isolation", "chroot", "--pull-never", "--format", "docker", "--layers",
                    *(["--volume", ccache + ":" + os.path.join("/root", ".cache/ccache")] if ccache and os.path.isdir(ccache) else []),
                    "-f", RECIPE, "-t", "valija", SOURCE)
        cls.image = json.loads(cls.buildah("inspect", "--type", "image", "valija"))["Docker"]["config"]

    @classmethod
    def engine(cls, *words):
        return ["buildah", "--root", cls.work + "/storage", "--runroot", cls.work + "/run", *words]

    @classmethod
    def buildah(cls, *words):
        """Does it, with a store of our own; what it printed."""
        done = subprocess.run(cls.engine(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, errors="replace", timeout=1500)
        if done.returncode != 0:
            raise AssertionError("buildah %s: %s" % (words[0], (done.stdout + done.stderr)[-3000:]))
        return done.stdout.strip()

    def start(self, *user):
        """A container of the image, what its entry point logs, and the process that is the container's."""
        self.container = self.buildah("from", "--pull-never", "valija")
        log = tempfile.TemporaryFile(dir=self.work)
        run = ["run", "--isolation", "chroot", *user, "--env", "MYHOSTNAME=mx.x.test", self.container, "--", *self.image["Entrypoint"]]
        keeper = subprocess.Popen(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c",
                                   'ip link set lo up && exec "$0" "$@"', *self.engine(*run)],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.addCleanup(log.close)
        self.addCleanup(keeper.wait)
        self.addCleanup(keeper.kill)
        self.keeper, self.out = keeper, log

    def log(self):
        size = os.fstat(self.out.fileno()).st_size
        return os.pread(self.out.fileno(), size, 0).decode(errors="replace")

    @staticmethod
    def child(pid):
        """The process that PID, or a thread of it, has started."""
        for thread in glob.glob("/proc/%d/task/*/children" % pid):
            with open(thread) as f:
                for child in f.read().split():
                    return int(child)
        raise AssertionError("process %d has no child" % pid)

    def first_process(self):
        """The first that is not part of the engine."""
        pid = self.child(self.keeper.pid)
        while "buildah" in os.path.basename(os.readlink("/proc/%d/exe" % pid)):
            pid = self.child(pid)
        return pid

    def inside(self, user, *command):
        """COMMAND in the running container: exit status and output."""
        done = subprocess.run(["nsenter", "--target", str(self.child(self.keeper.pid)), "--mount", "--net", "--pid",
                               *self.engine("run", "--isolation", "chroot", *user, self.container, "--", *command)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        return done.returncode, done.stdout

    def check(self, user, etc, name, mailbox):
        self.start(*user)
        wait.until(lambda: "daemon started" in self.log(), 60, self.log)
        kind, *health = self.image["Healthcheck"]["Test"]
        self.assertEqual(kind, "CMD")
        wait.until(lambda: self.inside(user, *health) == (0, ""), 60, self.log)
        sent = self.inside(user, "sh", "-c", "echo text | MAIL_CONFIG=%s sendmail %s@mx.x.test" % (etc, name))
        self.assertEqual(sent, (0, ""))
        wait.until(lambda: re.search(r"to=<%s@mx\.x\.test>.* status=sent" % name, self.log()), 60, self.log)
        self.assertRegex(self.inside(user, "cat", mailbox)[1], r"(?m)^text$")
        main = self.first_process()
        with open("/proc/%d/status" % main) as f:
            self.assertIn("\nUid:\t%s\t" % (user[1].split(":")[0] if user else "0"), f.read())
        # as the engine stops it
        self.assertEqual(self.image["StopSignal"], "SIGTERM")
        os.kill(main, 15)
        wait.until(lambda: "terminating on signal 15" in self.log(), 60, self.log)
        wait.until(lambda: self.keeper.poll() is not None, 60, "the container has ended")

    def test_as_root(self):
        self.check((), "/etc/postfix", "games", "/var/mail/games")

    def test_as_a_user(self):
        self.check(("--user", "1000:1000"), "/var/lib/valija-user/etc", "valija", "/var/lib/valija-user/mail/valija")

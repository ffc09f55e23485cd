"""A small Debian (support/debian.py) that systemd runs, as on a real host.

    with Booted() as host:
        host.run("systemctl status")

systemd is the first process of a namespace inside that Debian's, in a control group of its own (version 2).
"""
import os
import subprocess
import unittest

from support import wait
from support.debian import Debian

# done inside that Debian, with its tree as the root directory; the cgroup goes when systemd has gone
BOOT = r"""
set -e
mkdir /run/groups /dev/pts /dev/shm
mount -t cgroup2 cgroup2 /run/groups
group=/run/groups/$1
mkdir "$group"
trap 'find "$group" -depth -type d -exec rmdir {} +' EXIT
( sh -c 'echo $PPID' >"$group/cgroup.procs"
  exec unshare --cgroup --pid --mount --ipc --fork --kill-child sh -ec '
    mount -t proc proc /proc
    mount --bind /proc/sys /proc/sys  # settings of the kernel are those of all
    mount -o remount,bind,ro /proc/sys
    mount -t sysfs -o ro sysfs /sys
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mount -t tmpfs tmpfs /run
    mkdir /run/lock
    echo ready
    exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=null
  ')
"""


class Booted(Debian):
    def __init__(self):
        self.machine = None
        super().__init__()
        self.run("apt-get install -y -q systemd systemd-sysv dbus")
        self.machine = subprocess.Popen(
            ["nsenter", "--target", str(self.pid), "--mount", "--net", "--pid", "--uts", "--root", "--wd", "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c", BOOT, "sh", os.path.basename(self.work)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if self.machine.stdout.readline() != "ready\n":
            self.close()
            raise unittest.SkipTest("no control groups here")
        self.pid = self.find()
        self.root = "/proc/%d/root" % self.pid
        wait.until(lambda: self.run("systemctl is-system-running", check=False).strip() in ("running", "degraded"), 60,
                   lambda: self.run("systemctl list-jobs", check=False))

    def find(self):
        """The process that is systemd, below the one that we started."""
        pid = self.machine.pid
        for _ in range(10):
            with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
                children = f.read().split()
            with open("/proc/%d/comm" % pid) as f:
                if f.read().strip() == "systemd" or not children:
                    return pid
            pid = int(children[0])
        raise AssertionError("no systemd below %d" % self.machine.pid)

    def close(self):
        if self.machine:
            if self.pid != self.keeper.pid and self.machine.poll() is None:
                subprocess.run(["kill", "-KILL", str(self.pid)], check=True)
            self.machine.wait(60)
            self.machine.stdout.close()
        super().close()

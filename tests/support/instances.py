"""A private /etc for postmulti(1), whose primary instance is always that of the default directory.

    with Etc(product) as etc: etc.postmulti("-l")    (status, lines of output)

Commands run in a mount namespace of their own, where a copy of /etc is /etc; needs root.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from .namespace import mounting

# a terminal, because postmulti speaks on standard error only then
ON_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
MOUNT = 'mount --bind "$1" /etc && shift && cd / && exec "$@"'


class Etc:
    def __init__(self, product):
        self.product, self.dir = product, tempfile.mkdtemp(prefix="mta-%s-" % product.label)
        os.chmod(self.dir, 0o755)
        for name in ("spool", "lib", "lib/postfix", "log"):
            os.mkdir(self.path(name))
        shutil.chown(self.path("lib/postfix"), "postfix")
        shutil.copytree("/etc", self.path("etc"), symlinks=True, ignore=shutil.ignore_patterns("postfix", "*shadow*"))
        shutil.copytree(product.etc, self.path("etc/postfix"))
        for name in ("main.cf.proto", "master.cf.proto"):
            source = os.path.join(product.root, "usr/share/postfix", name.replace("proto", "dist"))
            if os.path.exists(source):      # Debian's prototypes
                shutil.copy(source, self.path("etc/postfix", name))
        shutil.copy(self.path("etc/postfix/master.cf.proto"), self.path("etc/postfix/master.cf"))
        if os.path.exists(product.dynamicmaps):
            shutil.copy(product.dynamicmaps, self.path("etc/postfix/dynamicmaps.cf"))
        settings = {"compatibility_level": "3.6" if product.label == "oracle" else "3.11",
                    "command_directory": product.sbin, "daemon_directory": product.daemons,
                    "meta_directory": "/etc/postfix", "queue_directory": self.path("spool/postfix"),
                    "data_directory": self.path("lib/postfix"), "sendmail_path": product.command("sendmail"),
                    "html_directory": "no", "readme_directory": "no", "manpage_directory": "/usr/share/man",
                    "maillog_file": self.path("log/maillog"), "maillog_file_prefixes": self.dir,
                    "shlib_directory": product.shlib_directory or "/usr/lib/postfix"}
        with open(self.path("etc/postfix/main.cf"), "w") as f:
            f.write("".join("%s = %s\n" % item for item in settings.items()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def run(self, name, *args, env=None):
        argv = mounting(MOUNT, self.path("etc"), sys.executable, "-c", ON_TERMINAL, self.product.command(name), *args)
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                              env={"PATH": os.environ["PATH"], "LC_ALL": "C", "ASAN_OPTIONS": "detect_leaks=0", **(env or {})})
        return done.returncode, [self.mask(line) for line in done.stdout.decode().replace("\r", "").splitlines()]

    def postmulti(self, *args, env=None):
        return self.run("postmulti", *(a.replace("@dir@", self.dir) for a in args), env=env)

    def mask(self, line):
        return re.sub(r"^postfix[-\w]*/post\w+-script: ", "postmulti: ", line.replace(self.dir, "@dir@"))

    def setting(self, name, instance="postfix"):
        with open(self.path("etc", instance, "main.cf")) as f:
            found = re.findall(r"(?m)^%s = ?(.*)" % name, f.read())
        return found[-1].strip() if found else None

"""One MTA instance: own configuration, queue and port."""
import os
import shutil
import socket
import subprocess
import time

from .util import Failed, Group, make_certificate, now

MASTER_CF = """\
127.0.0.1:{port} inet n  -  n  -  -  smtpd
pickup    unix  n  -  n  60     1  pickup
cleanup   unix  n  -  n  -      0  cleanup
qmgr      unix  n  -  n  300    1  qmgr
tlsmgr    unix  -  -  n  1000?  1  tlsmgr
rewrite   unix  -  -  n  -      -  trivial-rewrite
bounce    unix  -  -  n  -      0  bounce
defer     unix  -  -  n  -      0  bounce
trace     unix  -  -  n  -      0  bounce
verify    unix  -  -  n  -      1  verify
flush     unix  n  -  n  1000?  0  flush
proxymap  unix  -  -  n  -      -  proxymap
proxywrite unix -  -  n  -      1  proxymap
smtp      unix  -  -  n  -      -  smtp
relay     unix  -  -  n  -      -  smtp
showq     unix  n  -  n  -      -  showq
error     unix  -  -  n  -      -  error
retry     unix  -  -  n  -      -  error
discard   unix  -  -  n  -      -  discard
local     unix  -  n  n  -      -  local
virtual   unix  -  n  n  -      -  virtual
lmtp      unix  -  -  n  -      -  lmtp
anvil     unix  -  -  n  -      1  anvil
scache    unix  -  -  n  -      1  scache
postlog   unix-dgram n - n -    1  postlogd
"""

MAIN_CF = """\
compatibility_level = 3.6
mail_owner = postfix
setgid_group = postdrop
queue_directory = {dir}/spool
data_directory = {dir}/data
command_directory = {sbin}
daemon_directory = {daemons}
meta_directory = {meta}
maillog_file = {dir}/log/mail.log
maillog_file_prefixes = {dir}
myhostname = mx.bench.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_dns_support_level = disabled
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:{sink}
alias_maps =
local_recipient_maps =
"""


class Product:
    """An installed MTA under a prefix."""

    def __init__(self, label, prefix, daemons=None):
        self.label = label
        self.prefix = os.path.abspath(prefix)
        self.sbin = os.path.join(self.prefix, "usr/sbin")
        self.meta = os.path.join(self.prefix, "etc/postfix")
        self.daemons = daemons or self._ask_daemon_directory()

    def own_libraries(self):
        """The main.cf line that a Postfix unpacked elsewhere needs; others do without."""
        where = os.path.join(self.prefix, "usr/lib/postfix")
        there = os.path.isdir(where) and any(n.startswith("libpostfix") for n in os.listdir(where))
        return "shlib_directory = %s\n" % where if there else ""

    def _ask_daemon_directory(self):
        found = ""
        try:
            found = subprocess.run([self.command("postconf"), "-dh", "daemon_directory"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   timeout=10).stdout.decode().strip()
        except (OSError, subprocess.TimeoutExpired):
            pass
        inside = os.path.join(self.prefix, (found or "usr/lib/postfix/sbin").lstrip("/"))
        return inside if os.path.isdir(inside) or not found else found

    def command(self, name):
        return os.path.join(self.sbin, name)


class Instance:
    def __init__(self, product, tools, root, port, sink_port):
        self.product, self.tools = product, tools
        self.dir, self.port, self.sink_port = root, port, sink_port
        self.etc = os.path.join(root, "etc")
        self.group = Group("bench.%d.%d" % (os.getpid(), port))
        self.env = dict(os.environ, MAIL_CONFIG=self.etc)
        self.state = {}                 # for the workload's own use

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def tool(self, name):
        return os.path.join(self.tools, name)

    def certificate(self):
        """A self-signed certificate and its key in one file, made when it is not there."""
        pem = self.path("etc", "cert.pem")
        make_certificate(pem)
        return pem

    def create(self, main="", maps=None, services=""):
        """Write the configuration; MAPS is {name: text} for hash: files, SERVICES lines for master.cf."""
        shutil.rmtree(self.dir, ignore_errors=True)
        for name in ("etc", "spool", "data", "log"):
            os.makedirs(self.path(name))
        os.chmod(self.dir, 0o755)
        shutil.chown(self.path("data"), "postfix", "postfix")
        values = dict(dir=self.dir, port=self.port, port2=self.port + 1, sink=self.sink_port, etc=self.etc,
                      sbin=self.product.sbin, daemons=self.product.daemons,
                      meta=self.product.meta)
        mine = {line.split(" =")[0] for line in main.splitlines()}
        base = "".join(line for line in MAIN_CF.splitlines(True)
                       if line.split(" =")[0] not in mine)
        with open(self.path("etc", "main.cf"), "w") as f:
            f.write((base + main).format(**values) + self.product.own_libraries())
        with open(self.path("etc", "master.cf"), "w") as f:
            f.write((MASTER_CF + services).format(**values))
        for name, text in (maps or {}).items():
            with open(self.path("etc", name), "w") as f:
                f.write(text.format(sink=self.sink_port))
            self.call("postalias" if name == "aliases" else "postmap",
                      "hash:" + self.path("etc", name))

    def call(self, name, *args, timeout=60, stdin=None, check=True):
        """Run one of the product's commands (inside the CPU group)."""
        try:
            done = subprocess.run([self.product.command(name)] + list(args), env=self.env,
                                  stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=timeout,
                                  preexec_fn=self.group.enter)
        except subprocess.TimeoutExpired:
            raise Failed("%s: no end within %d s" % (name, timeout))
        except OSError as e:
            raise Failed("%s: %s" % (name, e.strerror))
        if check and done.returncode != 0:
            raise Failed("%s: exit %d: %s" % (name, done.returncode,
                                              done.stderr.decode(errors="replace")[:200].strip()))
        return done.stdout

    def start(self):
        # Daemons inherit the descriptors: no pipes here.
        with open(self.path("log", "start"), "w") as log:
            try:
                code = subprocess.run([self.product.command("postfix"), "-c", self.etc, "start"],
                                      env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                                      stderr=log, timeout=30,
                                      preexec_fn=self.group.enter).returncode
            except (OSError, subprocess.TimeoutExpired) as e:
                raise Failed("postfix start: %s" % e)
        if code != 0:
            raise Failed("postfix start: exit %d: %s" % (code, self.log_tail()))
        self.wait_banner()

    def wait_banner(self):
        end = now() + 10
        while now() < end:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                    if s.recv(200).startswith(b"220"):
                        s.sendall(b"QUIT\r\n")
                        s.recv(200)
                        return
            except OSError:
                pass
            time.sleep(0.05)
        raise Failed("no SMTP banner on port %d: %s" % (self.port, self.log_tail()))

    def log_tail(self):
        for name in ("mail.log", "start"):
            try:
                with open(self.path("log", name), errors="replace") as f:
                    lines = [x.strip() for x in f if "fatal" in x or "error" in x or name == "start"]
                if lines:
                    return lines[-1][-200:]
            except OSError:
                pass
        return "nothing logged"

    def stop(self):
        if os.path.isdir(self.etc):
            try:
                self.call("postfix", "-c", self.etc, "stop", check=False, timeout=20)
            except Failed:
                pass
        end = now() + 5
        while self.group.pids() and now() < end:
            time.sleep(0.05)
        self.group.kill()
        time.sleep(0.05)

    def wait_idle(self, timeout=60, quiet=0.3):
        """Wait until the MTA uses no CPU; return the time it became idle."""
        end, last, since = now() + timeout, self.group.total_cpu(), now()
        while now() < end:
            time.sleep(0.05)
            cpu = self.group.total_cpu()
            if cpu - last > 0.0005:
                last, since = cpu, now()
            elif now() - since >= quiet:
                return since
        return now()

    def wait_empty(self, timeout=120):
        """Wait until the mail queue is empty; return when it became so."""
        end = now() + timeout
        while now() < end:
            idle = self.wait_idle(timeout)
            if b"queue is empty" in self.call("postqueue", "-c", self.etc, "-p"):
                return idle
        raise Failed("the queue did not become empty in %d s" % timeout)

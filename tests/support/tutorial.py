"""Hosts of a tutorial: a Debian that has the other programs and gets the package, named and logging as the text has it."""
import re
import shlex

from . import wait
from .debian import Debian

# where a page's blocks of these kinds go
FILES = {"opendkim": "/etc/opendkim.conf", "opendmarc": "/etc/opendmarc.conf", "dovecot": "/etc/dovecot/local.conf"}


def answers(**words):
    """Answers for the installation, as debconf-set-selections reads them."""
    return "".join("valija postfix/%s string %s\n" % item for item in words.items())


class Host(Debian):
    """NAME: the whole host name; a system log is written to /var/log/mail.log."""

    def __init__(self, name):
        super().__init__("lab")
        self.name = name
        self.run("echo 'APT::Get::Assume-Yes \"true\";' >/etc/apt/apt.conf.d/91yes") # as whoever types "apt install" does
        self.run("hostname %s && echo %s >/etc/hostname && "
                 "printf '127.0.0.1 localhost\n127.0.1.1 %s %s\n' >/etc/hosts"
                 % (name.split(".")[0], name.split(".")[0], name, name.split(".")[0]))

    def start_log(self):
        """What the service does for a host; the kernel's log belongs to no namespace."""
        self.run("apt-get install -y -q rsyslog && sed -i /imklog/d /etc/rsyslog.conf && rsyslogd")
        wait.until(lambda: self.exists("/dev/log"), 30, "the system log")

    def user(self, name, password=None):
        self.run("useradd --create-home --shell /bin/bash " + name)
        if password:
            self.run("chpasswd", stdin="%s:%s\n" % (name, password))

    def apt(self, *packages):
        return self.run("apt-get install -y -q " + " ".join(packages))

    def reload(self, command="service postfix reload"):
        """COMMAND, and wait until nobody is left who serves with the old settings."""
        def takers():
            return set(self.run("pgrep -x -r D,R,S 'smtpd|smtp|lmtp|qmgr|pickup|cleanup' || true").split())
        old = takers()
        self.run(command)
        wait.until(lambda: not old & takers(), 60, "the end of those who serve with the old settings")

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def follow(self, page, *headings):
        """Do what a page of docs/tasks (support/pages.py) has below these headings; blocks of text only tell."""
        for heading in headings:
            for kind, code in page.blocks(heading):
                if kind == "sh":
                    self.run("set -e\n" + code)
                elif kind == "main.cf":
                    self.run("postconf -e " + shlex.join(code.splitlines()))
                elif kind == "master.cf":
                    self.run("cat >>/etc/postfix/master.cf", stdin=code)
                elif kind != "text":
                    self.write(FILES[kind], code)

    def log(self):
        return self.read("/var/log/mail.log") if self.exists("/var/log/mail.log") else ""

    def logged(self, pattern):
        """Wait for PATTERN in the log; the match."""
        wait.until(lambda: re.search(pattern, self.log()), 60, lambda: "%r in the log\n%s" % (pattern, self.log()))
        return re.search(pattern, self.log())

    def mailbox(self, user):
        name = "/var/mail/" + user
        return self.read(name) if self.exists(name) else ""

    def arrived(self, user, text):
        """Wait for a message with TEXT in the mailbox; that message."""
        def look():
            return [m for m in re.split(r"(?m)^(?=From \S+ +\w{3} \w{3} )", self.mailbox(user)) if text in m]
        return wait.until(look, 60, lambda: "%r for %s\n%s" % (text, user, self.log()))[-1]


def serve_names(host, zones):
    """bind9 on HOST, with ZONES: name to the text of its records."""
    host.apt("bind9", "bind9-host")
    local = ""
    for zone, records in zones.items():
        with open(host.path("/etc/bind/db." + zone), "w") as f:
            f.write("$TTL 86400\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n" + records)
        host.run("named-checkzone %s /etc/bind/db.%s" % (zone, zone))
        local += 'zone "%s" { type master; file "/etc/bind/db.%s"; };\n' % (zone, zone)
    with open(host.path("/etc/bind/named.conf.local"), "w") as f:
        f.write(local)
    # nobody beyond: what these zones do not have does not exist
    with open(host.path("/etc/bind/named.conf.options"), "w") as f:
        f.write('options { directory "/var/cache/bind"; recursion no; dnssec-validation no; listen-on { any; }; };\n')
    host.run("service named stop; named -u bind")
    wait.until(lambda: host.ok("host -W 2 %s 127.0.0.1 >/dev/null" % next(iter(zones))), 60, "names")

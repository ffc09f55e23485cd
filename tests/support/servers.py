"""Real database servers for tests: each in a directory of its own, on a unix socket and a random
loopback port, as an unprivileged user where it refuses root. They are small and forget everything.

    pg = servers.PostgreSQL()           started and ready
    pg.sql("CREATE TABLE ...")
    pg.freeze(); pg.thaw()              it hangs: connections stay open, nothing is answered
    pg.stop(); pg.start()               the same data, at the same place
    pg.close()                          ended by its pid, the directory removed
"""
import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from .ports import free_address, free_port
from .wait import until

USER = "nobody"         # who runs a server when the tests run as root


def find_program(name):
    places = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True) + ["/usr/sbin", "/usr/libexec"]
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *places]))


def needed(server):
    """Class decorator: skip the tests, with the reason, where the server is not installed."""
    missing = [p for p in server.programs if not find_program(p)]
    return unittest.skipIf(missing, "not installed: %s (Debian package %s)"
                           % (", ".join(missing), server.package))


class Server:
    programs, package = (), ""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="mta-db-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.port = free_port()
        self.process = None
        self.is_root = os.geteuid() == 0
        if self.is_root:
            shutil.chown(self.dir, USER)
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.close()
            raise

    # what a server has of its own

    def prepare(self):
        """Make the data directory."""

    def command(self):
        raise NotImplementedError

    def check(self):
        """Does it answer? False or an exception: not yet."""
        raise NotImplementedError

    # for all

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        os.chmod(self.path(name), 0o644)
        return self.path(name)

    def run(self, program, *args, stdin=None):
        done = subprocess.run([find_program(program), *args], input=stdin, capture_output=True,
                              text=True, timeout=60, user=USER if self.is_root else None,
                              cwd=self.dir, env=self.environment())
        if done.returncode != 0:
            raise AssertionError("%s: %s%s" % (program, done.stdout, done.stderr))
        return done.stdout

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": self.dir, "LC_ALL": "C"}

    def user(self):
        """Who is to run its command; None: who runs the tests."""
        return USER if self.is_root else None

    def start(self):
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.dir, env=self.environment(),
                                            user=self.user())
        until(self.is_ready, 60, lambda: "%s to start\n%s" % (type(self).__name__, self.log()))

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError("%s ended\n%s" % (type(self).__name__, self.log()))
        try:
            return self.check() is not False
        except (AssertionError, OSError):
            return False

    def log(self):
        with open(self.path("log"), errors="replace") as f:
            return f.read()[-4000:]

    def children(self):
        """Its process and those it forked (PostgreSQL has one for each connection)."""
        pids = [self.process.pid]
        for pid in pids:
            for tasks in glob.glob("/proc/%d/task/*/children" % pid):
                try:
                    with open(tasks) as f:
                        pids += [int(word) for word in f.read().split()]
                except OSError:
                    pass
        return pids

    def signal_all(self, number):
        for pid in self.children():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def freeze(self):
        self.signal_all(signal.SIGSTOP)
        until(lambda: all(state in "TZ" for state in self.states()), 30, "stop of all threads")

    def states(self):
        """The letter of each thread's state, as ps shows it."""
        for pid in self.children():
            for stat in glob.glob("/proc/%d/task/*/stat" % pid):
                try:
                    with open(stat) as f:
                        yield f.read().rpartition(")")[2].split()[0]
                except OSError:
                    pass

    def thaw(self):
        self.signal_all(signal.SIGCONT)

    def stop(self):
        """At once and without ceremony; what it had is still there at the next start()."""
        if self.process and self.process.poll() is None:
            self.thaw()
            self.process.send_signal(self.stop_signal)
            self.process.wait(60)

    stop_signal = signal.SIGTERM

    def close(self):
        if self.process and self.process.poll() is None:
            self.signal_all(signal.SIGKILL)
            self.process.wait(60)
        shutil.rmtree(self.dir, ignore_errors=True)


class PostgreSQL(Server):
    programs, package = ("initdb", "postgres", "psql"), "postgresql"
    stop_signal = signal.SIGINT         # "fast": connections are cut

    def prepare(self):
        # the socket's name has the port in it, which "unix:/directory" cannot say
        self.address, self.port = free_address(), 5432
        self.run("initdb", "-D", self.path("data"), "-U", "mail", "-A", "trust", "--no-sync",
                 "-E", "UTF8", "--locale", "C")
        with open(self.path("data/pg_hba.conf"), "w") as f:
            f.write("local all all trust\nhost all secret 127.0.0.0/8 scram-sha-256\n"
                    "host all all 127.0.0.0/8 trust\n")

    def command(self):
        options = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "1MB",
                   "max_connections": "20", "listen_addresses": self.address, "port": self.port,
                   "unix_socket_directories": self.dir, "max_wal_senders": "0", "wal_level": "minimal",
                   "dynamic_shared_memory_type": "mmap", "autovacuum": "off"}
        words = [find_program("postgres"), "-D", self.path("data")]
        for name, value in options.items():
            words += ["-c", "%s=%s" % (name, value)]
        return words

    def check(self):
        self.sql("SELECT 1")

    def sql(self, text):
        return self.run("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-h", self.dir, "-p", str(self.port),
                        "-U", "mail", "postgres", stdin=text)

    @property
    def unix(self):
        return "unix:" + self.dir

    @property
    def inet(self):
        return "inet:%s:%d" % (self.address, self.port)


class MariaDB(Server):
    programs, package = ("mariadbd", "mariadb-install-db", "mariadb"), "mariadb-server"

    def options(self):
        return ["--no-defaults", "--datadir=" + self.path("data"), "--innodb-log-file-size=4M",
                "--innodb-buffer-pool-size=6M", "--innodb-fast-shutdown=2", "--key-buffer-size=16K",
                "--innodb-flush-log-at-trx-commit=0", "--aria-log-file-size=8M",
                "--aria-pagecache-buffer-size=1M", "--performance-schema=OFF",
                "--innodb-use-native-aio=0", "--innodb-data-file-path=ibdata1:2M:autoextend",
                "--innodb-temp-data-file-path=ibtmp1:2M:autoextend", "--skip-log-bin"]

    def prepare(self):
        self.run("mariadb-install-db", *self.options(), "--auth-root-authentication-method=normal",
                 "--skip-test-db", "--skip-name-resolve")

    def command(self):
        return [find_program("mariadbd"), *self.options(), "--socket=" + self.socket_path,
                "--port=%d" % self.port, "--bind-address=127.0.0.1", "--skip-name-resolve",
                "--pid-file=" + self.path("pid"), "--max-connections=20"]

    @property
    def socket_path(self):
        return self.path("sock")

    @property
    def unix(self):
        return "unix:" + self.socket_path

    def check(self):
        self.sql("SELECT 1", database="mysql")

    def sql(self, text, database="test"):
        return self.run("mariadb", "--no-defaults", "--socket=" + self.socket_path, "-uroot", "-N", "-B",
                        "--default-character-set=utf8mb4", database, stdin=text)


class OpenLDAP(Server):
    programs, package = ("slapd", "slapadd"), "slapd"
    root_dn, root_pw, base = "cn=admin,dc=x,dc=test", "secret", "dc=x,dc=test"
    tls = ()            # lines for slapd.conf

    def __init__(self, ldif, tls=()):
        self.ldif, self.tls = ldif, tls
        super().__init__()

    def prepare(self):
        os.mkdir(self.path("db"))
        if self.is_root:
            shutil.chown(self.path("db"), USER)
        self.write("slapd.conf", "\n".join([
            "include /etc/ldap/schema/core.schema", "include /etc/ldap/schema/cosine.schema",
            "include /etc/ldap/schema/inetorgperson.schema", "include /etc/ldap/schema/misc.schema",
            "modulepath /usr/lib/ldap", "moduleload back_mdb", "allow bind_v2",
            "pidfile " + self.path("pid"), "argsfile " + self.path("args"), *self.tls,
            "database mdb", "suffix " + self.base, "rootdn " + self.root_dn, "rootpw " + self.root_pw,
            "directory " + self.path("db"), "dbnosync", "access to attrs=description by users read",
            "access to * by * read", ""]))
        self.run("slapadd", "-q", "-f", self.path("slapd.conf"), "-l", self.write("ldif", self.ldif))

    def command(self):
        urls = "ldap://127.0.0.1:%d %s" % (self.port, self.unix)
        return [find_program("slapd"), "-d", "0", "-f", self.path("slapd.conf"), "-h", urls]

    @property
    def unix(self):
        return "ldapi://" + self.path("sock").replace("/", "%2F")

    def check(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path("sock"))


class LineServer(Server):
    """One that is spoken to in lines over its unix socket."""

    def ask(self, data):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.path("sock"))
            s.sendall(data)
            return s.recv(65536)

    @property
    def unix(self):
        return "unix:" + self.path("sock")


class Redis(LineServer):
    programs, package = ("redis-server",), "redis-server"
    users = ""

    def command(self):
        return [find_program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1",
                "--unixsocket", self.path("sock"), "--unixsocketperm", "777", "--save", "",
                "--appendonly", "no", "--dir", self.dir]

    def check(self):
        return self.do("PING") == b"+PONG\r\n"

    def do(self, *words):
        """One command; the raw answer."""
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        return self.ask(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))


class Memcached(LineServer):
    programs, package = ("memcached",), "memcached"

    def command(self):
        return [find_program("memcached"), "-s", self.path("sock"), "-a", "777", "-m", "8", "-U", "0",
                "-t", "1"]

    def check(self):
        return self.ask(b"version\r\n").startswith(b"VERSION")

    def set(self, key, value):
        key, value = key.encode(), value if isinstance(value, bytes) else value.encode()
        assert self.ask(b"set %s 0 0 %d\r\n%s\r\n" % (key, len(value), value)) == b"STORED\r\n"

    def get(self, key):
        answer = self.ask(b"get %s\r\n" % key.encode())
        head, _, rest = answer.partition(b"\r\n")
        return rest[:int(head.split()[3])] if head.startswith(b"VALUE") else None

    def delete(self, key):
        self.ask(b"delete %s\r\n" % key.encode())

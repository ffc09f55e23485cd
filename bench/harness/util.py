"""Small helpers: tools, sink control, statistics, CPU accounting."""
import json
import mmap
import os
import statistics
import struct
import subprocess
import time

STATS_FIELDS = ("msgs", "rcpts", "bytes", "conns", "first_ns", "last_ns",
                "nlat", "refuse", "delay_ms")
LAT_MAX = 1 << 17
STATS_SIZE = 8 * (len(STATS_FIELDS) + LAT_MAX)


class Failed(Exception):
    """A workload cannot be run or gave a wrong result."""


def tools_directory(given):
    """Where CMake put the C tools of bench/tools."""
    if not os.path.exists(os.path.join(given, "load")):
        raise SystemExit("no tools in %s: cmake --build BUILD --target bench_tools" % given)
    return os.path.abspath(given)


def now():
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def percentile(values, p):
    values = sorted(values)
    return values[int((len(values) - 1) * p)] if values else float("nan")


def median(values):
    return statistics.median(values) if values else float("nan")


def make_certificate(pem):
    """A self-signed certificate and its key in one file, made when it is not there."""
    if os.path.exists(pem):
        return
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj",
                           "/CN=mx.bench.example", "-keyout", pem, "-out", pem + ".x509"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failed("openssl req failed")
    with open(pem, "a") as out, open(pem + ".x509") as cert:
        out.write(cert.read())


def run_json(argv, timeout=120, **kw):
    """Run one of our tools; its output is a JSON object."""
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=timeout, **kw)
    except subprocess.TimeoutExpired:
        raise Failed("%s: no end within %d s" % (os.path.basename(argv[0]), timeout))
    if done.returncode != 0:
        raise Failed("%s: exit %d: %s" % (os.path.basename(argv[0]), done.returncode,
                                          done.stderr.decode(errors="replace")[:200].strip()))
    return json.loads(done.stdout)


class Sink:
    """One sink process; counters and controls are shared memory."""

    def __init__(self, tools, path, port, count=1, pem=None):
        with open(path, "wb") as f:
            f.truncate(STATS_SIZE)
        self.path, self.port = path, port
        self.proc = subprocess.Popen([os.path.join(tools, "sink"), str(port), str(count), path] + ([pem] if pem else []),
                                     stdout=subprocess.PIPE)
        if self.proc.stdout.readline() != b"ready\n":
            raise Failed("sink: cannot listen on port %d" % port)
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), STATS_SIZE)

    def __getattr__(self, name):
        if name not in STATS_FIELDS:
            raise AttributeError(name)
        return struct.unpack_from("Q", self.map, 8 * STATS_FIELDS.index(name))[0]

    def set(self, name, value):
        struct.pack_into("Q", self.map, 8 * STATS_FIELDS.index(name), value)

    def cpu(self):
        with open("/proc/%d/stat" % self.proc.pid) as f:
            w = f.read().rsplit(")", 1)[1].split()
        return (int(w[11]) + int(w[12])) / os.sysconf("SC_CLK_TCK")

    def latencies_ms(self, since):
        base = 8 * len(STATS_FIELDS)
        return [struct.unpack_from("Q", self.map, base + 8 * (i % LAT_MAX))[0] / 1e6
                for i in range(since, self.nlat)]

    def wait(self, field, value, timeout):
        """Wait until a counter reaches a value; return the last message's time."""
        end = now() + timeout
        while getattr(self, field) < value:
            if now() > end:
                raise Failed("sink got %d of %d %s in %d s"
                             % (getattr(self, field), value, field, timeout))
            time.sleep(0.005)
        return self.last_ns / 1e9

    def close(self):
        self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()


def cgroup2_root():
    with open("/proc/self/mounts") as f:
        for line in f:
            if line.split()[2] == "cgroup2":
                return line.split()[1]
    return None


class Group:
    """CPU and memory of a set of processes, dead ones included.

    Uses a cgroup (version 2; needs no controller). Where that is not
    possible, start() still works but cpu() raises Failed.
    """

    def __init__(self, name):
        root = cgroup2_root()
        self.path = os.path.join(root, name) if root else None
        if self.path:
            try:
                os.makedirs(self.path, exist_ok=True)
            except OSError:
                self.path = None

    def enter(self):
        """For preexec_fn: put the calling process into the group."""
        if self.path:
            with open(os.path.join(self.path, "cgroup.procs"), "w") as f:
                f.write("0")

    def pids(self):
        if not self.path:
            return []
        with open(os.path.join(self.path, "cgroup.procs")) as f:
            return [int(line) for line in f]

    def cpu(self):
        """(user, system) seconds so far."""
        if not self.path:
            raise Failed("no cgroup2: CPU time cannot be measured")
        values = {}
        with open(os.path.join(self.path, "cpu.stat")) as f:
            for line in f:
                key, value = line.split()
                values[key] = int(value) / 1e6
        return values["user_usec"], values["system_usec"]

    def total_cpu(self):
        return sum(self.cpu())

    def pss_kb(self):
        total = 0
        for pid in self.pids():
            try:
                with open("/proc/%d/smaps_rollup" % pid) as f:
                    for line in f:
                        if line.startswith("Pss:"):
                            total += int(line.split()[1])
            except OSError:
                pass
        return total

    def kill(self, signal=9):
        for pid in self.pids():
            try:
                os.kill(pid, signal)
            except ProcessLookupError:
                pass

    def remove(self):
        if self.path:
            try:
                os.rmdir(self.path)
            except OSError:
                pass


def disk_flushes(path):
    """(write requests, flush requests) so far of the disk under PATH."""
    dev = os.stat(path).st_dev
    with open("/proc/diskstats") as f:
        for line in f:
            w = line.split()
            if (int(w[0]), int(w[1])) == (os.major(dev), os.minor(dev)):
                return int(w[7]), int(w[18]) if len(w) > 18 else 0
    return 0, 0


def machine_busy():
    """CPU seconds all processors together were busy so far."""
    with open("/proc/stat") as f:
        w = [int(x) for x in f.readline().split()[1:]]
    idle = w[3] + w[4]
    return (sum(w[:8]) - idle) / os.sysconf("SC_CLK_TCK")

"""What a workload is.

A workload has a name, metrics {name: unit} (^ in the unit: higher is better,
v: lower is better), setup(), round() that returns {metric: value}, and
teardown(). It raises Failed when the MTA cannot do it.
"""
import os

from .util import Failed, Sink, disk_flushes, machine_busy, now, run_json

ALL = {}


def workload(cls):
    ALL[cls.name] = cls
    return cls


class Window:
    """What the MTA and the machine used between construction and end()."""

    def __init__(self, inst, sink=None):
        self.inst, self.sink = inst, sink
        self.start = now()
        self.cpu = inst.group.cpu()
        self.disk = disk_flushes(inst.dir)
        self.busy, self.own = machine_busy(), self.own_cpu()

    def own_cpu(self):
        """CPU seconds of the MTA, the load generators and the sink."""
        t = os.times()
        return (self.inst.group.total_cpu() + t.user + t.system + t.children_user
                + t.children_system + (self.sink.cpu() if self.sink else 0))

    def end(self, messages):
        busy, own = machine_busy() - self.busy, self.own_cpu() - self.own
        capacity = (now() - self.start) * os.cpu_count()
        self.inst.wait_idle()
        cpu, disk = self.inst.group.cpu(), disk_flushes(self.inst.dir)
        user, system = cpu[0] - self.cpu[0], cpu[1] - self.cpu[1]
        return {"cpu/1000": (user + system) / messages * 1000,
                "sys-share": system / (user + system) * 100 if user + system else 0,
                "disk-writes/msg": (disk[0] - self.disk[0]) / messages,
                "flushes/msg": (disk[1] - self.disk[1]) / messages,
                "busy": busy / capacity * 100,
                "foreign": max(0, busy - own) / capacity * 100}


# busy: all CPUs of the machine; foreign: the part of it that is neither MTA nor
# harness (kernel threads, and other users of the machine: a high value means
# that the rates are not to be trusted).
USAGE = {"cpu/1000": "s v", "sys-share": "%", "disk-writes/msg": "v", "flushes/msg": "v",
         "busy": "%", "foreign": "%"}


class Base:
    main = ""
    maps = {}
    sinks = 1
    services = ""           # lines for master.cf
    tls = False             # the sink offers STARTTLS
    metrics = {}

    def __init__(self, scale):
        self.scale = scale
        self.sink = None

    def count(self, n):
        return max(1, int(n * self.scale))

    def setup(self, inst):
        inst.create(self.main, self.maps, self.services)
        self.prepare(inst)
        inst.start()
        self.sink = Sink(inst.tools, inst.path("sink.stats"), inst.sink_port, self.sinks,
                         inst.certificate() if self.tls else None)
        self.warm(inst)

    def prepare(self, inst):
        pass

    def warm(self, inst):
        """Let the MTA start its processes and fill its caches."""
        self.load(inst, "-s", 50, "-m", 200)
        inst.wait_empty()

    def teardown(self, inst):
        inst.stop()
        inst.group.remove()
        if self.sink:
            self.sink.close()
            self.sink = None

    def load(self, inst, *args, port=None, timeout=120, expect_all=True):
        """Run the load generator; ARGS override the defaults."""
        argv = [inst.tool("load"), "-t", self.template, "-u", str(self.users)]
        argv += [str(a) for a in args]
        got = run_json(argv + [str(port or inst.port)], timeout)
        if expect_all and got["failed"]:
            raise Failed("%d of %d messages refused: %s"
                         % (got["failed"], got["failed"] + got["sent"], got["error"]))
        return got

    template, users = "user%u@remote.example", 100

"""Workloads about everything else: idle sessions, a backlog, slow destinations, maps, TLS."""
import socket
import subprocess
import threading
import time

from .util import Failed, Sink, median, now, percentile, run_json
from .workload import Base, workload


@workload
class Sessions(Base):
    """Idle SMTP sessions: memory per session; connection accept rate."""
    name = "sessions"
    main = "default_process_limit = 1200\nsmtpd_client_connection_count_limit = 0\n"
    metrics = {"conn-rate": "conn/s ^", "pss/session-200": "kB v", "pss/session-1000": "kB v",
               "pss-total-1000": "MB v", "open-1000": "s v", "cpu/1000-conn": "s v"}

    def round(self, inst):
        out = {}
        n = self.count(3000)
        cpu = inst.group.total_cpu()
        got = self.load(inst, "-M", "conn", "-s", 20, "-m", n)
        inst.wait_idle()
        out["conn-rate"] = n / got["secs"]
        out["cpu/1000-conn"] = (inst.group.total_cpu() - cpu) / n * 1000
        for held in (200, 1000):
            idle = inst.group.pss_kb()
            proc = subprocess.Popen([inst.tool("load"), "-M", "hold", "-s", str(held), str(inst.port)],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            killer = threading.Timer(60, proc.kill)
            killer.start()
            try:
                line = proc.stdout.readline()
                if b'"held": %d,' % held not in line:
                    raise Failed("%d sessions: %s" % (held, line.decode() or "no answer in 60 s"))
                took = float(line.split(b'"secs": ')[1].split(b",")[0])
                inst.wait_idle()
                pss = inst.group.pss_kb()
            finally:
                killer.cancel()
                proc.stdin.close()
                proc.wait()
                proc.stdout.close()
            # The first idle figure is the cleanest: later ones have idle daemons.
            out.setdefault("idle", idle)
            out["pss/session-%d" % held] = (pss - out["idle"]) / held
            if held == 1000:
                out["open-1000"] = took
                out["pss-total-1000"] = pss / 1024
        inst.stop()                     # idle daemons would help the next round
        inst.start()
        return out

    def warm(self, inst):
        pass


@workload
class Backlog(Base):
    """10 000 deferred messages: listing, new mail meanwhile, flush."""
    name = "backlog"
    template, sinks = "user%u@ok.example", 1
    metrics = {"mailq": "s v", "mailq-cpu": "s v", "relay-rate": "msg/s ^", "relay-cpu/1000": "s v",
               "flush-rate": "msg/s ^", "flush-cpu/1000": "s v"}
    main = "transport_maps = hash:{etc}/transport\nin_flow_delay = 0\n"

    def setup(self, inst):
        self.maps = {"transport": "ok.example smtp:[127.0.0.1]:%d\ndead.example smtp:[127.0.0.1]:%d\n"
                                  % (inst.sink_port, inst.sink_port + 1)}
        super().setup(inst)

    def round(self, inst):
        n = self.count(10000)
        self.load(inst, "-s", 50, "-m", n, "-k", 0, "-t", "user%u@dead.example", timeout=200)
        inst.wait_idle(120, quiet=1.0)
        out = {}
        cpu, start = inst.group.total_cpu(), now()
        listing = inst.call("postqueue", "-c", inst.etc, "-p", timeout=120)
        out["mailq"] = now() - start
        out["mailq-cpu"] = inst.group.total_cpu() - cpu
        if b"in %d Request" % n not in listing:
            raise Failed("mailq lists: %r, want %d requests" % (listing[-60:], n))
        cpu, new, before = inst.group.total_cpu(), self.count(2000), self.sink.msgs
        got = self.load(inst, "-s", 50, "-m", new)
        last = self.sink.wait("msgs", before + new, 120)
        inst.wait_idle()
        out["relay-rate"] = new / (last - got["first_ns"] / 1e9)
        out["relay-cpu/1000"] = (inst.group.total_cpu() - cpu) / new * 1000
        back = Sink(inst.tools, inst.path("back.stats"), inst.sink_port + 1)
        try:
            cpu, start = inst.group.total_cpu(), now()
            inst.call("postqueue", "-c", inst.etc, "-f")
            last = back.wait("msgs", n, 200)
            inst.wait_idle()
            out["flush-rate"] = n / (last - start)
            out["flush-cpu/1000"] = (inst.group.total_cpu() - cpu) / n * 1000
        finally:
            back.close()
        inst.wait_empty()
        return out


@workload
class SlowDest(Base):
    """Latency of healthy mail beside 1 and 30 destinations that are slow."""
    name = "slowdest"
    template, sinks = "user%u@ok.example", 1
    metrics = {"p50-none": "ms v", "p99-none": "ms v", "p50-slow1": "ms v", "p99-slow1": "ms v",
               "p50-slow30": "ms v", "p99-slow30": "ms v"}
    main = "transport_maps = hash:{etc}/transport\nin_flow_delay = 0\n"

    def setup(self, inst):
        lines = ["ok.example smtp:[127.0.0.1]:%d\n" % inst.sink_port]
        lines += ["slow%d.example smtp:[127.0.0.1]:%d\n" % (i, inst.sink_port + 1 + i)
                  for i in range(30)]
        self.maps = {"transport": "".join(lines)}
        super().setup(inst)

    def probe(self, inst):
        """Healthy messages, 25 per second; one lost for 15 s counts as 15 s."""
        n, since = self.count(100), self.sink.nlat
        self.load(inst, "-s", 20, "-m", n, "-i", 40000)
        try:
            self.sink.wait("nlat", since + n, 15)
        except Failed:
            pass
        lat = self.sink.latencies_ms(since)
        return lat + [15000.0] * (n - len(lat))

    def round(self, inst):
        out = {}
        lat = self.probe(inst)
        out["p50-none"], out["p99-none"] = median(lat), percentile(lat, 0.99)
        for slow in (1, 30):
            # The reply to each message takes 8 s.
            sink = Sink(inst.tools, inst.path("slow.stats"), inst.sink_port + 1, 30)
            try:
                sink.set("delay_ms", 8000)
                self.load(inst, "-s", 20, "-k", 0, "-m", self.count(1000), "-d", slow,
                          "-t", "user%u@slow%d.example")
                time.sleep(1)
                lat = self.probe(inst)
                sink.set("delay_ms", 0)
                inst.wait_empty()
            finally:
                sink.close()
            out["p50-slow%d" % slow], out["p99-slow%d" % slow] = median(lat), percentile(lat, 0.99)
        return out


@workload
class DeadDest(SlowDest):
    """Latency of healthy mail beside 20 destinations that accept connections and never say a word."""
    name = "deaddest"
    dead = 20
    metrics = {"p50-none": "ms v", "p99-none": "ms v", "p50-dead20": "ms v", "p99-dead20": "ms v"}
    main = SlowDest.main + "smtp_helo_timeout = 60s\n"

    def round(self, inst):
        lat = self.probe(inst)
        out = {"p50-none": median(lat), "p99-none": percentile(lat, 0.99)}
        mute = [socket.create_server(("127.0.0.1", inst.sink_port + 1 + i), backlog=500) for i in range(self.dead)]
        try:
            self.load(inst, "-s", 20, "-k", 0, "-m", self.count(1000), "-d", self.dead, "-t", "user%u@slow%d.example")
            time.sleep(1)
            lat = self.probe(inst)
        finally:
            for s in mute:
                s.close()
        out["p50-dead20"], out["p99-dead20"] = median(lat), percentile(lat, 0.99)
        inst.call("postsuper", "-c", inst.etc, "-d", "ALL")
        inst.stop()                     # nothing of the dead ones stays for the next round
        inst.start()
        return out


@workload
class Postmap(Base):
    """Build a map of 200 000 entries; 20 000 look-ups by postmap -q -."""
    name = "postmap"
    metrics = {"hash-build": "s v", "hash-query": "key/s ^", "lmdb-build": "s v",
               "lmdb-query": "key/s ^", "build-cpu": "s v", "query-cpu": "s v"}

    def setup(self, inst):
        inst.create()
        n = self.count(200000)
        for kind in ("hash", "lmdb"):
            with open(inst.path("etc", "map-" + kind), "w") as f:
                for i in range(n):
                    f.write("user%d@example%d.com  value-of-user%d\n" % (i, i % 97, i))
        with open(inst.path("keys"), "w") as f:
            for i in range(self.count(20000)):
                k = i * 7919 % n
                f.write("user%d@example%d.com\n" % (k, k % 97))

    def round(self, inst):
        out = {}
        types = inst.call("postconf", "-c", inst.etc, "-m").split()
        for kind in ("hash", "lmdb"):
            if kind.encode() not in types and kind != "hash":
                continue
            name = kind + ":" + inst.path("etc", "map-" + kind)
            cpu, start = inst.group.total_cpu(), now()
            inst.call("postmap", "-c", inst.etc, name, timeout=120)
            out[kind + "-build"], built = now() - start, inst.group.total_cpu()
            start = now()
            with open(inst.path("keys"), "rb") as keys:
                found = inst.call("postmap", "-c", inst.etc, "-q", "-", name, stdin=keys)
            if found.count(b"\n") != self.count(20000):
                raise Failed("%s: %d of %d keys found" % (name, found.count(b"\n"), self.count(20000)))
            out[kind + "-query"] = self.count(20000) / (now() - start)
            if kind == "hash":
                out["build-cpu"], out["query-cpu"] = built - cpu, inst.group.total_cpu() - built
        return out


@workload
class Tls(Base):
    """STARTTLS sessions, full and resumed handshakes, 8 in parallel."""
    name = "tls"
    metrics = {"full-rate": "sess/s ^", "resumed-rate": "sess/s ^", "full-cpu/1000": "s v",
               "resumed-cpu/1000": "s v", "client-share": "%"}
    main = """\
smtpd_tls_security_level = may
smtpd_tls_cert_file = {etc}/cert.pem
smtpd_tls_key_file = {etc}/cert.pem
"""

    def prepare(self, inst):
        inst.certificate()

    def warm(self, inst):
        self.client(inst, 40, "full")

    def client(self, inst, n, how):
        got = run_json([inst.tool("tlsload"), how, "8", str(n), str(inst.port)], 60)
        if got["failed"]:
            raise Failed("%d of %d TLS sessions failed: %s" % (got["failed"], n, got["error"]))
        if how == "resume" and got["resumed"] < n - 8:
            raise Failed("only %d of %d sessions were resumed" % (got["resumed"], n))
        return got

    def round(self, inst):
        out, n = {}, self.count(1500)
        for how, name in (("full", "full"), ("resume", "resumed")):
            cpu = inst.group.total_cpu()
            got = self.client(inst, n, how)
            inst.wait_idle()
            used = inst.group.total_cpu() - cpu
            out[name + "-rate"] = n / got["secs"]
            out[name + "-cpu/1000"] = used / n * 1000
            if how == "full":
                out["client-share"] = got["cpu_s"] / (got["cpu_s"] + used) * 100
        return out

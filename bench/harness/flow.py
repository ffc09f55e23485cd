"""Workloads that move messages: acceptance, relaying, delivery."""
import os
import time

from .util import Failed, median, now, percentile, run_json
from .workload import USAGE, Base, Window, workload


@workload
class Relay(Base):
    """smtpd to queue to smtp client, one message per session, 50 sessions."""
    name = "relay"
    metrics = dict({"rate": "msg/s ^", "accept-rate": "msg/s ^", "reply-p50": "ms v",
                    "reply-p99": "ms v"}, **USAGE)
    messages, sessions, per_session = 4000, 50, 1

    def round(self, inst):
        n = self.count(self.messages)
        before = self.sink.msgs
        window = Window(inst, self.sink)
        got = self.load(inst, "-s", self.sessions, "-m", n, "-k", self.per_session)
        last = self.sink.wait("msgs", before + n, 120)
        first = got["first_ns"] / 1e9
        out = window.end(n)
        out.update({"rate": n / (last - first), "accept-rate": n / got["secs"],
                    "reply-p50": got["p50_ms"], "reply-p99": got["p99_ms"]})
        inst.wait_empty()
        return out


@workload
class RelayKeep(Relay):
    """The same with many messages per session and no in_flow_delay."""
    name = "relay-keep"
    main = "in_flow_delay = 0\n"
    per_session = 0


@workload
class RelayTls(RelayKeep):
    """The same over TLS to the next hop, connections reused."""
    name = "relay-tls"
    tls = True
    main = RelayKeep.main + "smtp_tls_security_level = encrypt\nsmtp_tls_connection_reuse = yes\n"
    services = "tlsproxy unix - - n - 0 tlsproxy\n"
    metrics = dict({"messages/conn": "^"}, **Relay.metrics)

    def round(self, inst):
        before = self.sink.conns
        out = super().round(inst)
        out["messages/conn"] = self.count(self.messages) / max(1, self.sink.conns - before)
        return out


@workload
class Lmtp(RelayKeep):
    """Delivery by LMTP."""
    name = "lmtp"
    main = RelayKeep.main + "relayhost =\ndefault_transport = lmtp:inet:127.0.0.1:{sink}\n"


@workload
class FilterLoop(RelayKeep):
    """After-queue filter: out to a filter that hands each message back at once, in again, out to the next hop."""
    name = "filter"
    main = RelayKeep.main + "content_filter = loop:[127.0.0.1]:{port2}\n"
    services = ("127.0.0.1:{port2} inet n - n - - smtpd -o content_filter= -o receive_override_options=no_unknown_recipient_checks\n"
                "loop unix - - n - - smtp\n")


@workload
class Accept(Base):
    """smtpd to queue to discard: acceptance rate, 50 sessions."""
    name = "accept"
    messages, sessions = 5000, 50
    main = "default_transport = discard\nrelayhost =\nin_flow_delay = 0\n"
    metrics = dict({"rate": "msg/s ^", "drained-rate": "msg/s ^", "reply-p50": "ms v",
                    "reply-p99": "ms v"}, **USAGE)

    def round(self, inst):
        n = self.count(self.messages)
        window = Window(inst, self.sink)
        got = self.load(inst, "-s", self.sessions, "-m", n)
        empty = inst.wait_empty()
        out = window.end(n)
        out.update({"rate": n / got["secs"], "drained-rate": n / (empty - got["first_ns"] / 1e9),
                    "reply-p50": got["p50_ms"], "reply-p99": got["p99_ms"]})
        return out


@workload
class AcceptHold(Base):
    """smtpd to the hold queue: pure acceptance, 50 sessions."""
    name = "accept-hold"
    main = "smtpd_client_restrictions = static:HOLD\nin_flow_delay = 0\n"
    metrics = dict({"rate": "msg/s ^", "reply-p50": "ms v", "reply-p99": "ms v"}, **USAGE)

    def warm(self, inst):
        self.load(inst, "-s", 50, "-m", 200)

    def round(self, inst):
        n = self.count(5000)
        window = Window(inst, self.sink)
        got = self.load(inst, "-s", 50, "-m", n)
        out = window.end(n)
        out.update({"rate": n / got["secs"], "reply-p50": got["p50_ms"],
                    "reply-p99": got["p99_ms"]})
        if self.sink.msgs:
            raise Failed("mail was not held but sent")
        inst.call("postsuper", "-c", inst.etc, "-d", "ALL")
        return out


@workload
class Crowd(Accept):
    """1000 clients at once, each with one message; to discard."""
    name = "crowd"
    main = Accept.main + "default_process_limit = 1200\nsmtpd_client_connection_count_limit = 0\n"
    clients = 1000

    def warm(self, inst):
        self.load(inst, "-s", self.clients, "-m", self.clients)
        inst.wait_empty()

    def round(self, inst):
        window = Window(inst, self.sink)
        got = self.load(inst, "-s", self.clients, "-m", self.clients)
        empty = inst.wait_empty()
        out = window.end(self.clients)
        out.update({"rate": self.clients / got["secs"], "drained-rate": self.clients / (empty - got["first_ns"] / 1e9),
                    "reply-p50": got["p50_ms"], "reply-p99": got["p99_ms"]})
        return out


@workload
class LookUps(Base):
    """Recipients that 20 tables of 1000 entries are asked about, 10 a message; to discard."""
    name = "lookups"
    tables, recipients = 20, 10
    metrics = dict({"rcpt-rate": "rcpt/s ^", "reply-p50": "ms v", "reply-p99": "ms v"}, **USAGE)
    main = (Accept.main + "smtpd_recipient_restrictions = permit_sasl_authenticated"
            + "".join(", check_recipient_access hash:{etc}/table%d" % i for i in range(tables)) + "\n")
    maps = {"table%d" % i: "".join("nobody%d@elsewhere%d.example REJECT\n" % (k, i) for k in range(1000))
            for i in range(tables)}

    def round(self, inst):
        n = self.count(1000)
        window = Window(inst, self.sink)
        got = self.load(inst, "-s", 20, "-m", n, "-r", self.recipients, "-k", 0)
        out = window.end(n)
        out.update({"rcpt-rate": n * self.recipients / got["secs"], "reply-p50": got["p50_ms"],
                    "reply-p99": got["p99_ms"]})
        inst.wait_empty()
        return out


class Delivery(Base):
    """Common part of the workloads that deliver to local files."""
    metrics = dict({"rate": "msg/s ^", "accept-rate": "msg/s ^"}, **USAGE)
    messages, users = 4000, 20

    def round(self, inst):
        n = self.count(self.messages)
        before, window = self.delivered(inst), Window(inst, self.sink)
        got = self.load(inst, "-s", 50, "-m", n)
        end, last, changed = now() + 120, -1, now()
        while True:
            size = self.progress(inst)
            if size != last:
                last, changed = size, now()
            elif now() - changed > 1.0:
                break
            if now() > end:
                raise Failed("delivery does not end")
            time.sleep(0.05)
        arrived = self.delivered(inst) - before
        if arrived != n:
            raise Failed("%d of %d messages arrived: %s" % (arrived, n, inst.log_tail()))
        out = window.end(n)
        out.update({"rate": n / (changed - got["first_ns"] / 1e9), "accept-rate": n / got["secs"]})
        inst.wait_empty()
        return out


@workload
class Maildir(Delivery):
    """Delivery to 20 virtual mailbox maildirs, 50 sessions."""
    name = "maildir"
    template = "user%u@virt.example"
    main = """\
virtual_mailbox_domains = virt.example
virtual_mailbox_base = {dir}/vmail
virtual_mailbox_maps = hash:{etc}/vmailbox
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
in_flow_delay = 0
"""
    maps = {"vmailbox": "".join("user%d@virt.example user%d/\n" % (i, i) for i in range(20))}

    def prepare(self, inst):
        os.mkdir(inst.path("vmail"))
        os.chown(inst.path("vmail"), 65534, 65534)

    def delivered(self, inst):
        total = 0
        for i in range(self.users):
            try:
                total += len(os.listdir(inst.path("vmail", "user%d" % i, "new")))
            except FileNotFoundError:
                pass
        return total

    progress = delivered


@workload
class Mbox(Delivery):
    """Delivery by local(8) to eight mbox files, 50 sessions."""
    name = "mbox"
    names = "bin sys games man lp mail news uucp".split()
    template = "mbox%u@local.example"
    users = len(names)
    main = """\
mydestination = local.example, mx.bench.example
mail_spool_directory = {dir}/mbox
alias_maps = hash:{etc}/aliases
in_flow_delay = 0
"""
    maps = {"aliases": "".join("mbox%d: %s\n" % pair for pair in enumerate(names))}

    def prepare(self, inst):
        os.mkdir(inst.path("mbox"))
        os.chmod(inst.path("mbox"), 0o1777)

    def files(self, inst):
        return [inst.path("mbox", n) for n in self.names if os.path.exists(inst.path("mbox", n))]

    def progress(self, inst):
        return sum(os.path.getsize(f) for f in self.files(inst))

    def delivered(self, inst):
        total = 0
        for name in self.files(inst):
            with open(name, "rb") as f:
                total += f.read().count(b"\nX-Bench: ")
        return total


@workload
class Pipe(Accept):
    """Delivery to a command that reads the message and throws it away."""
    name = "pipe"
    main = "default_transport = drop\nrelayhost =\nin_flow_delay = 0\n"
    services = "drop unix - n n - - pipe flags=DRhu user=nobody argv=/bin/dd of=/dev/null status=none\n"
    messages, sessions = 1500, 20


@workload
class SendmailCli(Base):
    """The sendmail command, sequential and 8-way parallel, to queued."""
    name = "sendmail-cli"
    main = "default_transport = discard\nrelayhost =\n"
    metrics = dict({"seq-rate": "cmd/s ^", "par8-rate": "cmd/s ^", "drained-rate": "msg/s ^"},
                   **USAGE)

    def prepare(self, inst):
        with open(inst.path("message"), "w") as f:
            f.write("From: sender@bench.example\nTo: user@remote.example\nSubject: x\n\n")
            f.write(("x" * 79 + "\n") * 51)

    def warm(self, inst):
        self.spawn(inst, 20, 8)
        inst.wait_empty()

    def spawn(self, inst, n, parallel):
        got = run_json([inst.tool("spawn"), str(n), str(parallel), inst.path("message"),
                        inst.product.command("sendmail"), "-f", "sender@bench.example",
                        "user@remote.example"], env=inst.env, preexec_fn=inst.group.enter)
        if got["failed"]:
            raise Failed("%d of %d sendmail runs failed" % (got["failed"], n))
        return got

    def round(self, inst):
        n = self.count(400)
        window = Window(inst, self.sink)
        seq = self.spawn(inst, n, 1)
        inst.wait_empty()
        par = self.spawn(inst, 2 * n, 8)
        empty = inst.wait_empty()
        out = window.end(3 * n)
        del out["foreign"]              # spawn's children count twice there
        out.update({"seq-rate": n / seq["secs"], "par8-rate": 2 * n / par["secs"],
                    "drained-rate": 2 * n / (empty - par["first_ns"] / 1e9)})
        return out


@workload
class Latency(Base):
    """One message at a time, from MAIL FROM to arrival in the sink."""
    name = "latency"
    metrics = dict({"p50": "ms v", "p99": "ms v", "reply-p50": "ms v"}, **USAGE)

    def round(self, inst):
        n, since = self.count(500), self.sink.nlat
        window = Window(inst, self.sink)
        got = self.load(inst, "-m", n, "-w", self.sink.path)
        self.sink.wait("nlat", since + n, 30)
        out = window.end(n)
        lat = self.sink.latencies_ms(since)
        out.update({"p50": median(lat), "p99": percentile(lat, 0.99), "reply-p50": got["p50_ms"]})
        return out


@workload
class Fanout(Base):
    """Messages with 1000 recipients each, in ten domains."""
    name = "fanout"
    sinks = 10
    template, users = "user%u@d%d.example", 1000
    main = "transport_maps = hash:{etc}/transport\n"
    metrics = dict({"rate": "rcpt/s ^", "accept-rate": "rcpt/s ^"}, **USAGE)

    def setup(self, inst):
        self.maps = {"transport": "".join("d%d.example smtp:[127.0.0.1]:%d\n" % (i, inst.sink_port + i)
                                          for i in range(10))}
        super().setup(inst)

    def round(self, inst):
        n, before = self.count(10), self.sink.rcpts
        window = Window(inst, self.sink)
        got = self.load(inst, "-m", n, "-r", 1000)
        last = self.sink.wait("rcpts", before + 1000 * n, 120)
        out = window.end(1000 * n)
        out.update({"rate": 1000 * n / (last - got["first_ns"] / 1e9),
                    "accept-rate": 1000 * n / got["secs"]})
        inst.wait_empty()
        return out


@workload
class BigMsg(Base):
    """20 MB messages, two sessions."""
    name = "bigmsg"
    main = "message_size_limit = 64000000\n"
    metrics = dict({"rate": "MB/s ^", "accept-rate": "MB/s ^"}, **USAGE)

    def round(self, inst):
        n, before = self.count(20), self.sink.msgs
        window = Window(inst, self.sink)
        got = self.load(inst, "-s", 2, "-m", n, "-l", 20000000)
        last = self.sink.wait("msgs", before + n, 120)
        out = window.end(n)
        out.update({"rate": 20 * n / (last - got["first_ns"] / 1e9), "accept-rate": 20 * n / got["secs"]})
        inst.wait_empty()
        return out

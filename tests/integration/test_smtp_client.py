"""smtp(8) and lmtp(8) against scripted servers: outcomes, other hosts, name service, content."""
import os
import re
import signal
import threading
import unittest

from support.dns import DnsServer
from support.ports import free_address, free_port
from support.sink import Sink
from support.suite import SuiteTestCase
from support.wait import until

SENDER = "s@mail.example.test"


class ClientTestCase(SuiteTestCase):
    """Destinations are domains of a DNS server of our own; each host is an address of 127/8."""
    settings = {}
    lmtp = False

    @classmethod
    def configure(cls, suite):
        cls.port = free_port()
        cls.dns = DnsServer({}, "127.0.0.1", free_port())
        suite.set(smtp_dns_support_level="enabled", smtp_tcp_port=str(cls.port),
                  valija_dns_servers="127.0.0.1:%d" % cls.dns.port, **cls.settings)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.dns.close()

    def host(self, domain, preference=10, keywords=None, listens=True, **options):
        """A server for DOMAIN; None for one that refuses connections."""
        hosts = self.dns.records.setdefault((domain, "MX"), [])
        name = "mx%d.%s" % (len(hosts), domain)
        address = free_address()
        sink = Sink(address=address, port=self.port, keywords=keywords, **options) if listens else None
        if sink:
            self.addCleanup(sink.close)
        self.dns.records[(name, "A")] = [address]
        hosts.append("%d %s" % (preference, name))
        return sink

    def send(self, *recipients, body="text\n", options=(), headers=""):
        """Submit a message; its queue id."""
        mark = self.suite.log_mark()
        self.suite.sendmail(["-i", "-f", SENDER, *options, *recipients],
                            "From: <%s>\nSubject: test\n%s\n%s" % (SENDER, headers, body))
        return self.suite.wait_for_log(r"pickup\[\d+\]: (\w+): uid=\d+ from=<%s>" % SENDER, since=mark).group(1)

    def outcome(self, queue_id, recipient):
        """(relay, dsn, status, text) of a recipient."""
        return self.suite.wait_for_log(
            r"%s: to=<%s>, relay=([^,]+),.* dsn=([\d.]+), status=(\w+) \((.*)\)$"
            % (queue_id, re.escape(recipient))).groups()

    def assert_outcome(self, queue_id, recipient, dsn, status, text):
        relay, got_dsn, got_status, got_text = self.outcome(queue_id, recipient)
        got_text = re.sub(r"\[127[\d.]*\]", "[]", got_text)
        self.assertEqual((got_dsn, got_status, got_text), (dsn, status, text))
        return relay


class Replies(ClientTestCase):
    settings = {"smtp_%s_timeout" % what: "5s" for what in ("helo", "mail", "rcpt", "data_init", "data_done")}

    def try_replies(self, rows, keywords=None):
        """ROWS: (domain, verb, reply, dsn, status, text). All are tried at a time."""
        ids = []
        for domain, verb, reply, *_ in rows:
            self.host(domain + ".test", keywords=keywords).reply(verb, reply)
            ids.append(self.send("a@%s.test" % domain))
        for queue_id, (domain, _, _, dsn, status, text) in zip(ids, rows):
            with self.subTest(domain):
                self.assert_outcome(queue_id, "a@%s.test" % domain, dsn, status, text.replace("HOST", "mx0.%s.test[]" % domain))

    def test_refusals(self):
        said = "host HOST said: %s (in reply to %s command)"
        rows = [
            ("rcpt5", "RCPT", "550 5.1.1 unknown", "5.1.1", "bounced", said % ("550 5.1.1 unknown", "RCPT TO")),
            ("rcpt4", "RCPT", "450 later", "4.0.0", "deferred", said % ("450 later", "RCPT TO")),
            ("rcptml", "RCPT", "550-5.1.1 a\n550 5.1.2 b", "5.1.2", "bounced",
             said % ("550-5.1.1 a 550 5.1.2 b", "RCPT TO")),
            ("mail5", "MAIL", "550 5.7.1 bad", "5.7.1", "bounced", said % ("550 5.7.1 bad", "MAIL FROM")),
            ("mail4", "MAIL", "451 4.7.1 bad", "4.7.1", "deferred", said % ("451 4.7.1 bad", "MAIL FROM")),
            ("mail3", "MAIL", "354 what", "5.5.0", "bounced", said % ("354 what", "MAIL FROM")),
            ("data5", "DATA", "554 5.3.0 no", "5.3.0", "bounced", said % ("554 5.3.0 no", "DATA")),
            ("dot5", ".", "550 5.6.0 spam", "5.6.0", "bounced", said % ("550 5.6.0 spam", "end of DATA")),
            ("dot4", ".", "452 4.3.1 full", "4.3.1", "deferred", said % ("452 4.3.1 full", "end of DATA")),
            ("conn5", "CONNECT", "554 5.7.1 go", "4.7.1", "deferred", "host HOST refused to talk to me: 554 5.7.1 go"),
            ("conn4", "CONNECT", "421 busy", "4.0.0", "deferred", "host HOST refused to talk to me: 421 busy"),
            ("ehlo421", "EHLO", "421 4.3.0 x", "4.3.0", "deferred", "host HOST refused to talk to me: 421 4.3.0 x"),
        ]
        self.try_replies(rows)
        self.try_replies([(domain + "-slow", *row) for domain, *row in rows[:8]], keywords=["DSN"])     # no pipelining

    def test_broken_connections(self):
        rows = [("CONNECT", "receiving the initial server greeting"), ("EHLO", "performing the EHLO handshake"),
                ("MAIL", "sending MAIL FROM"), ("RCPT", "sending RCPT TO"), ("DATA", "sending DATA command"),
                (".", "sending end of data -- message may be sent more than once")]
        for how, script, text in (("drop", Sink.DROP, "lost connection with HOST while "),
                                  ("hang", Sink.HANG, "conversation with HOST timed out while ")):
            self.try_replies([("%s-%s" % (how, verb.lower().replace(".", "dot")), verb, script, "4.4.2", "deferred", text + doing)
                              for verb, doing in rows])

    def test_each_recipient_has_its_own_outcome(self):
        sink = self.host("mixed.test")
        replies = {"a": None, "b": "550 5.1.1 no", "c": "450 4.2.1 not now"}
        sink.reply("RCPT", lambda s, line: replies[line[len("RCPT TO:<")]])
        queue_id = self.send(*["%s@mixed.test" % u for u in replies])
        found = {u: self.outcome(queue_id, u + "@mixed.test")[1:3] for u in replies}
        self.assertEqual(found, {"a": ("2.0.0", "sent"), "b": ("5.1.1", "bounced"), "c": ("4.2.1", "deferred")})
        self.assertEqual(sink.wait_for(1)[0].recipients, ["a@mixed.test"])

    def test_helo_after_refused_ehlo(self):
        sink = self.host("old.test")
        sink.reply("EHLO", "500 what?")
        self.assertEqual(self.outcome(self.send("a@old.test"), "a@old.test")[2], "sent")
        self.assertEqual([c.split()[0] for c in sink.commands][:3], ["EHLO", "HELO", "MAIL"])
        self.assertNotIn("SIZE", sink.messages[0].mail)


class Hosts(ClientTestCase):
    settings = {"smtp_connect_timeout": "5s", "smtp_dns_reply_filter":
                "regexp:{{/^drop\\.test\\. / IGNORE}, {/^wrong\\.test\\. / DROP}, {/^some\\.test\\. .* MX 10 / ignore}}"}

    def test_next_host_after_refused_connection(self):
        self.host("second.test", 10, listens=False)
        sink = self.host("second.test", 20)
        relay = self.outcome(self.send("a@second.test"), "a@second.test")[0]
        self.assertRegex(relay, r"^mx1\.second\.test\[127[\d.]+\]:%d$" % self.port)
        self.suite.wait_for_log(r"smtp\[\d+\]: connect to mx0\.second\.test\[[\d.]+\]:\d+: Connection refused")
        self.assertEqual(len(sink.wait_for(1)), 1)

    def test_only_temporary_refusals_go_on(self):
        first, second = self.host("rest.test", 10), self.host("rest.test", 20)
        replies = {"a": None, "b": "450 4.2.0 later", "c": "550 5.1.1 never"}
        first.reply("RCPT", lambda s, line: replies[line[len("RCPT TO:<")]])
        queue_id = self.send(*["%s@rest.test" % u for u in replies])
        got = {u: self.outcome(queue_id, u + "@rest.test") for u in replies}
        self.assertEqual([got[u][2] for u in "abc"], ["sent", "sent", "bounced"])
        self.assertEqual([got[u][0].split(".")[0] for u in "abc"], ["mx0", "mx1", "mx0"])
        self.assertEqual(second.messages[0].recipients, ["b@rest.test"])

    def test_session_limit(self):
        sinks = [self.host("many.test", p) for p in (10, 20, 30)]
        for sink in sinks:
            sink.reply("MAIL", "450 4.7.0 no")
        self.assertTrue(self.outcome(self.send("a@many.test"), "a@many.test")[0].startswith("mx1."))
        self.assertEqual([len(s.sessions) for s in sinks], [1, 1, 0])

    def test_best_preference_first(self):
        low, high = self.host("order.test", 50), self.host("order.test", 5)
        for _ in range(4):
            self.outcome(self.send("a@order.test"), "a@order.test")
        self.assertEqual((len(low.messages), len(high.messages)), (0, 4))

    def test_name_service(self):
        missing = "Host or domain name not found. Name service error for name=%s type=%s: %s"
        self.dns.records.update({
            ("null.test", "MX"): ["0 ."], ("broken.test", "*"): DnsServer.SERVFAIL, ("none.test", "TXT"): ["x"],
            ("dangling.test", "MX"): ["10 gone.other.test"], ("odd.test", "MX"): ["10 bad!name.test"]})
        rows = [
            ("null.test", "5.1.0", "bounced", "Domain null.test does not accept mail (nullMX)"),
            ("gone.test", "5.4.4", "bounced", missing % ("gone.test", "A", "Host not found")),
            ("none.test", "5.4.4", "bounced",
             missing % ("none.test", "A", "Host found but no data record of requested type")),
            ("broken.test", "4.4.3", "deferred", missing % ("broken.test", "MX", "Host not found, try again")),
            ("dangling.test", "5.4.4", "bounced", missing % ("gone.other.test", "A", "Host not found")),
            ("odd.test", "5.4.4", "bounced",
             "Name service error for name=odd.test type=MX: Malformed or unexpected name server reply"),
        ]
        for domain, dsn, status, text in rows:
            with self.subTest(domain):
                relay = self.assert_outcome(self.send("a@" + domain), "a@" + domain, dsn, status, text)
                self.assertEqual(relay, "none")

    def test_filtered_answers(self):
        rows = [("drop.test", "4.7.0", "Error looking up name=drop.test type=MX: DNS reply filter drops all results"),
                ("wrong.test", "4.4.3", "Error looking up name=wrong.test type=MX: Invalid DNS reply filter syntax")]
        for domain, dsn, text in rows:
            self.host(domain)
            with self.subTest(domain):
                self.assert_outcome(self.send("a@" + domain), "a@" + domain, dsn, "deferred", text)
        left_out, used = self.host("some.test", 10), self.host("some.test", 20)
        self.assertEqual(self.outcome(self.send("a@some.test"), "a@some.test")[2], "sent")
        self.assertEqual((len(left_out.messages), len(used.messages)), (0, 1))
        self.suite.wait_for_log(r"ignoring DNS RR: some\.test\. \d+ IN MX 10 mx0\.some\.test\.$")

    def test_answer_that_needs_tcp(self):
        address = free_address()
        sink = Sink(address=address, port=self.port)
        self.addCleanup(sink.close)
        names = ["a-rather-long-name-of-a-mail-exchanger-%d.wide.test" % i for i in range(40)]
        self.dns.records.update({(name, "A"): [address] for name in names})
        self.dns.records[("wide.test", "MX")] = ["10 " + name for name in names]
        self.assertEqual(self.outcome(self.send("a@wide.test"), "a@wide.test")[2], "sent")

    def test_name_server_that_is_silent(self):
        self.dns.records[("silent.test", "*")] = DnsServer.SILENCE
        self.assert_outcome(self.send("a@silent.test"), "a@silent.test", "4.4.3", "deferred",
                            "Host or domain name not found. Name service error for name=silent.test type=MX: "
                            "Host not found, try again")

    def test_domain_without_mx_and_alias(self):
        address = free_address()
        sink = Sink(address=address, port=self.port)
        self.addCleanup(sink.close)
        self.dns.records.update({("plain.test", "A"): [address], ("alias.test", "CNAME"): ["plain.test"]})
        for domain in ("plain.test", "alias.test"):
            with self.subTest(domain):
                self.assertEqual(self.outcome(self.send("a@" + domain), "a@" + domain)[2], "sent")


class Services(ClientTestCase):
    """use_srv_lookup: hosts and ports from SRV records. The services differ in what they may do without."""

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        options = {"strict": {}, "absent": {"allow_srv_lookup_fallback": "yes"}, "failed": {"ignore_srv_lookup_error": "yes"}}
        suite.master_cf = "".join("%s unix - - n - - smtp -o use_srv_lookup=submission%s\n" % (
            name, "".join(" -o %s=%s" % item for item in o.items())) for name, o in options.items())
        domains = ("two.test", "none.test", "bad.test", "null.test", "nohost.test")
        suite.write("etc/transport", "".join("/^%s@%s$/ %s:%s:submission\n" % (name, domain, name, domain)
                                             for name in options for domain in domains))
        suite.set(transport_maps="regexp:@etc@/transport", known_tcp_ports="submission=%d" % cls.port)

    def setUp(self):
        self.addresses = [free_address() for _ in range(2)]
        self.servers = [Sink(address=address) for address in self.addresses]
        for sink in self.servers:
            self.addCleanup(sink.close)
        first, second = self.servers
        service = "_submission._tcp."
        self.dns.records.update({
            (service + "two.test", "SRV"): ["20 9 %d b.two.test" % second.port, "10 1 %d a.two.test" % first.port],
            ("a.two.test", "A"): self.addresses[:1], ("b.two.test", "A"): self.addresses[1:],
            (service + "bad.test", "*"): DnsServer.SERVFAIL, (service + "null.test", "SRV"): ["0 0 0 ."],
            (service + "nohost.test", "SRV"): ["0 0 25 gone.nohost.test"]})

    def test_priority_and_port(self):
        relay = self.outcome(self.send("strict@two.test"), "strict@two.test")[0]
        self.assertEqual(relay, "a.two.test[%s]:%d" % (self.addresses[0], self.servers[0].port))
        self.servers[0].reply("CONNECT", "421 4.3.2 busy")
        self.outcome(self.send("strict@two.test"), "strict@two.test")
        self.assertEqual(len(self.servers[1].wait_for(1)), 1)

    def test_what_is_not_there(self):
        missing = "Host or domain name not found. Name service error for name=%s type=%s: %s"
        name = "_submission._tcp.%s.test"
        rows = [("strict", "none", "5.4.4", "bounced", missing % (name % "none", "SRV", "Host not found")),
                ("failed", "none", "5.4.4", "bounced", missing % (name % "none", "SRV", "Host not found")),
                ("strict", "bad", "4.4.3", "deferred", missing % (name % "bad", "SRV", "Host not found, try again")),
                ("absent", "bad", "4.4.3", "deferred", missing % (name % "bad", "SRV", "Host not found, try again")),
                ("absent", "null", "5.1.0", "bounced", "Domain null.test does not provide service submission"),
                ("absent", "nohost", "5.4.4", "bounced", missing % ("gone.nohost.test", "A", "Host not found"))]
        for user, domain, dsn, status, text in rows:
            with self.subTest(user=user, domain=domain):
                address = "%s@%s.test" % (user, domain)
                self.assert_outcome(self.send(address), address, dsn, status, text)

    def test_what_can_be_done_without(self):
        for user, domain in (("absent", "none.test"), ("failed", "bad.test")):
            with self.subTest(user):
                self.host(domain)
                address = "%s@%s" % (user, domain)
                self.assertEqual(self.outcome(self.send(address), address)[2], "sent")


class Probes(ClientTestCase):
    def test_probe_ends_before_the_content(self):
        sink = self.host("probe.test")
        sink.reply("RCPT", lambda s, line: "550 5.1.1 no" if "<b@" in line else None)
        queue_id = self.send("a@probe.test", "b@probe.test", options=["-bv"])
        got = {u: self.outcome(queue_id, u + "@probe.test")[1:3] for u in "ab"}
        self.assertEqual(got, {"a": ("2.1.5", "deliverable"), "b": ("5.1.1", "undeliverable")})
        self.assertEqual(sink.messages, [])
        self.assertNotIn("DATA", sink.commands)


class Loops(ClientTestCase):
    """Mail exchangers at port 25 that are ourselves; nothing ever connects."""
    settings = {}

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(smtp_tcp_port="25")

    def test_we_are_the_best_mx(self):
        self.dns.records.update({("me.test", "A"): ["127.0.0.1"], ("other.test", "A"): ["127.9.9.9"],
                                 ("loop.test", "MX"): ["10 me.test", "20 other.test"]})
        self.assert_outcome(self.send("a@loop.test"), "a@loop.test", "5.4.6", "bounced",
                            "mail for loop.test loops back to myself")


    def test_a_better_one_without_an_address(self):
        """The mail waits: who is the primary is known, where it is is not."""
        self.dns.records.update({("me.test", "A"): ["127.0.0.1"],
                                 ("second.test", "MX"): ["10 primary.second.test", "20 me.test"]})
        self.assert_outcome(self.send("a@second.test"), "a@second.test", "4.4.4", "deferred",
                            "unable to find primary relay for second.test")


WAIT = '#!/bin/sh\ncat >>"$1/taken"; while [ -e "$1/wait" ]; do sleep 0.05; done\n'


class BestMx(ClientTestCase):
    """best_mx_transport: what would come back to us is another program's."""
    settings = {"best_mx_transport": "own:hop", "queue_run_delay": "1s", "minimal_backoff_time": "1s",
                "maximal_backoff_time": "2s", "own_destination_recipient_limit": "1"}

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(smtp_tcp_port="25")
        os.chmod(suite.write("etc/own", WAIT), 0o755)
        suite.master_cf = "own unix - n n - - pipe user=nobody argv=@etc@/own @dir@/mail $nexthop\n"
        suite.write_config()
        cls.dns.records.update({("me.test", "A"): ["127.0.0.1"], ("own.test", "MX"): ["10 me.test"]})

    def test_every_recipient_is_passed_on(self):
        queue_id = self.send("a@own.test", "b@own.test")
        for user in "ab":
            self.suite.wait_for_log(r"smtp\[\d+\]: %s: passing <%s@own.test> to transport=own" % (queue_id, user))
            self.assertEqual(self.outcome(queue_id, user + "@own.test")[0::2], ("own", "sent"))
        self.suite.wait_queue_empty()

    def test_death_while_the_other_program_works(self):
        gate, taken = self.suite.write("mail/wait", ""), self.suite.path("mail", "taken")
        queue_id = self.send("c@own.test", body="mark of the killed\n")
        until(lambda: os.path.exists(taken) and "mark of the killed" in self.suite._read("mail/taken"), 30, "start")
        for pid in self.suite.processes()["smtp"]:
            os.kill(pid, signal.SIGKILL)
        os.unlink(gate)
        self.suite.wait_for_log(queue_id + r": to=<c@own.test>, relay=own, .* status=sent")
        self.suite.wait_queue_empty()

    def test_service_that_is_not_there(self):
        self.suite.set(best_mx_transport="nosuch")
        self.suite.reload()
        try:
            self.assert_outcome(self.send("d@own.test"), "d@own.test", "4.3.0", "deferred", "mail transport unavailable")
        finally:
            self.suite.set(best_mx_transport="own:hop")
            self.suite.reload()
            self.suite.wait_queue_empty()


class Content(ClientTestCase):
    def deliver(self, domain, keywords=None, **message):
        sink = self.host(domain, keywords=keywords)
        queue_id = self.send("a@" + domain, **message)
        self.assertEqual(self.outcome(queue_id, "a@" + domain)[2], "sent")
        return sink.wait_for(1)[0]

    def test_international_domain(self):
        """DNS is asked for its xn-- form; the server hears the name as it was given."""
        sink = self.host("xn--bcher-kva.test", keywords=["8BITMIME", "SMTPUTF8"])
        self.send("a@b\u00fccher.test")
        self.assertEqual(sink.wait_for(1)[0].recipients[0].encode("latin-1").decode(), "a@b\u00fccher.test")

    def test_dots_and_long_lines(self):
        message = self.deliver("dots.test", body=".\n..two\n.x\n%s\nend\n" % ("y" * 2500))
        body = message.text.split("\n\n", 1)[1]
        self.assertEqual(body, ".\n..two\n.x\n%s\n %s\n %s\nend\n" % ("y" * 998, "y" * 997, "y" * 505))
        self.suite.wait_for_log(r"breaking line > 998 bytes with <CR><LF>SPACE")

    def test_large_message(self):
        """More than any buffer holds, to a server that reads it in its own time."""
        line = "0123456789" * 7
        body = "".join("%08d %s\n" % (i, line) for i in range(40000))
        message = self.deliver("large.test", body=body)
        self.assertEqual(message.text.split("\n\n", 1)[1], body)

    EIGHT_BIT = ("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                 "Content-Transfer-Encoding: 8bit\n")

    def test_8bit_to_a_7bit_server(self):
        message = self.deliver("seven.test", ["PIPELINING"], headers=self.EIGHT_BIT, body="f\u00fcr = all\n")
        self.assertIn("Content-Transfer-Encoding: quoted-printable", message.text)
        self.assertTrue(message.text.endswith("\n\nf=C3=BCr =3D all\n"), message.text)

    def test_8bit_to_an_8bit_server(self):
        message = self.deliver("eight.test", headers=self.EIGHT_BIT, body="f\u00fcr = all\n")
        self.assertIn(" BODY=8BITMIME", message.mail)
        self.assertTrue(message.data.endswith(b"\n\nf\xc3\xbcr = all\n"))

    def test_size_limit_of_the_server(self):
        sink = self.host("small.test", keywords=["SIZE 100"])
        queue_id = self.send("a@small.test")
        text = self.outcome(queue_id, "a@small.test")[3]
        self.assertRegex(text, r"^message size \d+ exceeds size limit 100 of server mx0\.small\.test\[[\d.]+\]$")
        self.assertNotIn("MAIL", [c.split()[0] for c in sink.commands])

    def test_dsn_parameters(self):
        message = self.deliver("dsn.test", options=["-N", "success,delay", "-V", "env+id", "-R", "hdrs"])
        self.assertIn(" ENVID=env+2Bid RET=HDRS", message.mail)
        self.assertEqual(message.rcpts, ["<a@dsn.test> ORCPT=rfc822;a@dsn.test NOTIFY=SUCCESS,DELAY"])


class Reuse(ClientTestCase):
    settings = {"smtp_connection_cache_destinations": "again.test gone.test once.test",
                "smtp_connection_cache_time_limit": "100s"}

    def test_second_message_takes_the_open_session(self):
        sink = self.host("again.test")
        for expected in ("", "conn_use=2, ", "conn_use=3, "):
            queue_id = self.send("a@again.test")
            line = self.suite.wait_for_log(r"%s: to=.*, relay=[^,]+, (.*)delay=.*status=sent" % queue_id)
            self.assertEqual(line.group(1), expected)
        self.assertEqual(len(sink.sessions), 1)
        self.assertEqual([c for c in sink.commands if c in ("RSET", "QUIT")], ["RSET", "RSET"])

    def test_session_that_the_server_closed(self):
        sink = self.host("gone.test")
        self.outcome(self.send("a@gone.test"), "a@gone.test")
        sink.sessions[0].cut()
        until(lambda: sink.sessions[0].ended, 30, lambda: "the session's end")
        queue_id = self.send("a@gone.test")
        self.assertEqual(self.outcome(queue_id, "a@gone.test")[2], "sent")
        self.assertEqual((len(sink.sessions), len(sink.messages)), (2, 2))

    def test_session_that_refuses_to_go_on(self):
        sink = self.host("once.test")
        sink.reply("RSET", "500 no")
        for _ in range(2):
            self.assertEqual(self.outcome(self.send("a@once.test"), "a@once.test")[2], "sent")
        self.assertEqual((len(sink.sessions), len(sink.messages)), (2, 2))


class Lmtp(SuiteTestCase):
    main_cf = {"transport_maps": "inline:{lmtp.test=lmtp:unix:lmtp.sock}", "lmtp_dns_support_level": "disabled"}

    @classmethod
    def configure(cls, suite):
        path = os.path.join(suite.queue_directory, "lmtp.sock")
        cls.sink = Sink(lmtp=True, path=path)
        os.chmod(path, 0o666)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.sink.close()

    def test_a_reply_for_each_recipient(self):
        replies = {"a": None, "b": "552 5.2.2 full", "c": "451 4.2.2 almost full"}
        self.sink.reply(".", lambda s, rcpt: replies[rcpt[1]])
        self.suite.sendmail(["-f", SENDER] + ["%s@lmtp.test" % u for u in replies], "Subject: x\n\nx\n")
        for user, dsn, status in (("a", "2.0.0", "sent"), ("b", "5.2.2", "bounced"), ("c", "4.2.2", "deferred")):
            self.suite.wait_for_log(
                r"lmtp\[\d+\]: \w+: to=<%s@lmtp\.test>, relay=mail\.example\.test\[lmtp\.sock\], "
                r".*dsn=%s, status=%s" % (user, dsn, status))
        self.assertTrue(self.sink.commands[0].startswith("LHLO mail.example.test"))
        self.assertEqual(self.sink.wait_for(1)[0].recipients, ["a@lmtp.test"])


class Many(ClientTestCase):
    settings = {"default_destination_concurrency_limit": "50", "initial_destination_concurrency": "50"}

    def test_slow_servers_wait_side_by_side(self):
        """Twenty destinations, none of which goes on before all have come so far."""
        together = threading.Barrier(20)
        for i in range(20):
            self.host("slow%d.test" % i).reply("DATA", lambda s, line: (together.wait(100), None)[1])
        ids = [self.send("a@slow%d.test" % i) for i in range(20)]
        for i, queue_id in enumerate(ids):
            self.assertEqual(self.outcome(queue_id, "a@slow%d.test" % i)[2], "sent")
        self.assertLessEqual(len(self.suite.processes().get("smtp", [])), 4)


if __name__ == "__main__":
    unittest.main()

"""How the SMTP client finds its way, beside Postfix: filters on DNS replies, resolver options, destinations that are ours."""
import os
import re
import unittest

from support import oracle
from support.compare import ComparisonTestCase, at_once
from support.dns import DnsServer
from support.mask import mask_lines
from support.ports import free_address, free_port
from support.sink import Sink

SENDER = "me@mail.example.test"

# name of a service, its options; mail to USER@anything goes by the service of that name
SERVICES = {
    "plain": {},
    "mx": {"smtp_dns_reply_filter": "regexp:{{/ IN MX / IGNORE}}"},
    "one": {"smtp_dns_reply_filter": "regexp:{{/^two.test. +[0-9]+ IN MX 10 / ignore}}"},
    "aaaa": {"smtp_dns_reply_filter": "regexp:{{/ AAAA / IGNORE}}"},
    "a": {"smtp_dns_reply_filter": "regexp:{{/ IN A / IGNORE}}"},
    "odd": {"smtp_dns_reply_filter": "regexp:{{/ IN MX / REJECT no}}"},
    "words": {"smtp_dns_reply_filter": "regexp:{{/ IN MX / IGNORE it}}"},
    "oddaddr": {"smtp_dns_reply_filter": "regexp:{{/ IN A / FOO}}"},
    "broken": {"smtp_dns_reply_filter": "fail:broken"},
    "cname": {"smtp_dns_reply_filter": "regexp:{{/ IN CNAME / IGNORE}}"},
    "null": {"smtp_dns_reply_filter": "regexp:{{/ IN MX 0 \\.$$/ IGNORE}}"},
    "expand": {"smtp_cname_overrides_servername": "yes"},
    "loop": {"smtp_tcp_port": "25"},
    "best": {"smtp_tcp_port": "25", "best_mx_transport": "error:5.1.1 passed on"},
    "drop": {"smtp_tcp_port": "25", "best_mx_transport": "discard"},
    "relay": {"smtp_tcp_port": "25", "best_mx_transport": "discard", "smtp_fallback_relay": "[127.0.0.1]:1"},
    "defnames": {"smtp_dns_resolver_options": "res_defnames"},
    "dnsrch": {"smtp_dns_resolver_options": "res_dnsrch"},
    "both": {"smtp_dns_resolver_options": "res_defnames, res_dnsrch"},
}
DOMAINS = ["two.test", "other.test", "plain.test", "alias.test", "null.test", "gone.test", "dangling.test", "v6.test", "both.test"]


def entry(name, options):
    return "%s unix - - n - - smtp%s\n" % (name, "".join("\n  -o { %s = %s }" % item for item in options.items()))


@oracle.needed
@unittest.skipUnless(os.geteuid() == 0, "only root may answer on the DNS port")
class Routes(ComparisonTestCase):
    master_cf = "".join(entry(*item) for item in SERVICES.items())

    @classmethod
    def setUpClass(cls):
        cls.address, cls.port = free_address(), free_port()
        a = cls.address
        cls.dns = DnsServer({
            ("two.test", "MX"): ["10 one.two.test", "20 two.two.test"],
            ("mx-alias.test", "MX"): ["10 alias.test"],
            ("one.two.test", "A"): [a], ("two.two.test", "A"): [a],
            ("plain.test", "A"): [a], ("alias.test", "CNAME"): ["plain.test"], ("other.test", "CNAME"): ["two.test"],
            ("null.test", "MX"): ["0 ."], ("null.test", "A"): [a],
            ("dangling.test", "MX"): ["10 nowhere.dangling.test"],
            ("v6.test", "MX"): ["10 mx.v6.test"], ("mx.v6.test", "AAAA"): ["::1"],
            ("both.test", "MX"): ["10 mx.both.test"], ("mx.both.test", "AAAA"): ["::1"], ("mx.both.test", "A"): [a],
            ("self.test", "MX"): ["10 localhost.self.test"], ("localhost.self.test", "A"): ["127.0.0.1"],
            ("second.test", "MX"): ["10 nobody.test", "20 localhost.self.test"],
            (a, "*"): DnsServer.SERVFAIL, ("short.example.test", "A"): [a], ("short.other.test", "A"): [a], ("dot.ted.example.test", "A"): [a],
        })
        cls.sink = Sink(address=a, port=cls.port)
        try:
            super().setUpClass()
        except BaseException:
            cls.sink.close()
            cls.dns.close()
            raise

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.sink.close()
        cls.dns.close()

    @classmethod
    def configure(cls, suite):
        suite.resolver, suite.search = cls.dns.address, "example.test other.test"
        suite.write("etc/services", "".join("/^%s@/ %s:\n" % (name, name) for name in SERVICES) + "/^bare@/ plain:%s\n" % cls.address)
        suite.set(transport_maps="regexp:@etc@/services", smtp_tcp_port=str(cls.port),
                  smtp_dns_support_level="enabled", smtp_host_lookup="dns", queue_run_delay="1h", soft_bounce="yes",
                  smtp_connection_cache_on_demand="no", smtp_connect_timeout="2s", inet_protocols="all",
                  smtp_destination_concurrency_failed_cohort_limit="0", relayhost="", disable_dns_lookups="no",
                  smtp_address_preference="ipv4", smtp_randomize_addresses="no", transport_retry_time="1h")

    def result(self, suite, recipient):
        mark = suite.log_mark()
        suite.sendmail(["-i", "-f", SENDER, recipient], "Subject: x\n\nx\n")
        queue_id = suite.wait_for_log(r"pickup\[\d+\]: (\w+): uid", since=mark).group(1)
        suite.wait_for_log(queue_id + ": to=", since=mark)
        lines = [re.sub(r"^.*?/(\w+)\[\d+\]: (\w{9,}: )?", r"\1: ", line) for line in suite.log_lines(mark)
                 if re.search(r"postfix/(%s)/" % recipient.partition("@")[0], line) or re.search(r"/(smtp|error|discard|best|drop|relay)\[", line)]
        # in the tables' own words
        lines = [re.sub(r"warning: .*(lookup error|lookup of).*", "warning: table error", line) for line in lines]
        # questions that run side by side are answered in any order
        lines = [line.replace(str(self.port), "PORT").replace(self.address, "ADDRESS") for line in sorted(lines)]
        suite.run("postsuper", "-d", "ALL", check=False)
        return mask_lines([re.sub(r"queued as \w+|Ok: \d+", "queued", line) for line in lines], suite)

    def compare(self, recipient):
        got = at_once(lambda suite: self.result(suite, recipient), (self.ours, self.theirs))
        if os.environ.get("SHOW"):
            print(recipient, *got[1], "", sep="\n   ")
        self.assert_same(got[0], got[1], recipient)

    def test_filters(self):
        for service in SERVICES:
            if "reply_filter" not in str(SERVICES[service]) and service != "plain":
                continue
            few = service in ("odd", "words", "cname", "null")
            for domain in ("two.test", "null.test") if few else DOMAINS:
                with self.subTest(service=service, domain=domain):
                    self.compare("%s@%s" % (service, domain))

    def test_aliases(self):
        for domain in ("alias.test", "other.test", "mx-alias.test", "both.test"):
            with self.subTest(domain=domain):
                self.compare("expand@" + domain)

    def test_mail_that_loops(self):
        for service in ("loop", "best", "drop", "relay"):
            for domain in ("self.test", "second.test"):
                with self.subTest(service=service, domain=domain):
                    self.compare("%s@%s" % (service, domain))

    def test_address_without_brackets(self):
        """Nobody is asked for the exchangers of an address: the name server would fail."""
        self.compare("bare@two.test")

    def test_names_without_dots(self):
        for service in ("plain", "defnames", "dnsrch", "both"):
            for domain in ("short", "dot.ted", "[short]"):
                with self.subTest(service=service, domain=domain):
                    self.compare("%s@%s" % (service, domain))


if __name__ == "__main__":
    unittest.main()

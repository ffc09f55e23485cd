"""SASL in the SMTP client beside Postfix: what is said to servers good and bad, status, log lines, the table of refused logins."""
import os
import re
import unittest

from support import certificates, oracle
from support.compare import ComparisonTestCase, at_once
from support.mask import mask, mask_lines
from support.sink import KEYWORDS, Sink

BASE = {"smtp_sasl_auth_enable": "yes", "smtp_sasl_password_maps": "regexp:@etc@/passwd",
        "smtp_sasl_security_options": "noanonymous", "inet_protocols": "ipv4", "smtp_host_lookup": "native",
        "smtp_helo_timeout": "2s", "queue_run_delay": "1h", "smtp_destination_concurrency_failed_cohort_limit": "0",
        "smtp_tls_security_level": "none", "smtp_connection_cache_on_demand": "no", "smtp_address_preference": "ipv4",
        "max_use": "1"}     # in Postfix each message has a process of its own, which reads settings and tables anew
SECRET = "/^127\\.0\\.0\\.1$/ user:secret\n"
EVERY = "AUTH PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 NTLM"


class SaslTestCase(ComparisonTestCase):
    maxDiff = None
    main_cf = BASE
    maps = {"passwd": SECRET}
    offer = ["AUTH PLAIN"]
    service = "smtp"

    @classmethod
    def configure(cls, suite):
        suite.sink = Sink()
        suite.sink.passwords = {"user": "secret"}
        suite.set(relayhost=suite.sink.nexthop)

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.ours.sink.close()
            cls.theirs.sink.close()

    def setUp(self):
        for suite in (self.ours, self.theirs):
            suite.sink.keywords = KEYWORDS + self.offer
            suite.sink.passwords = {"user": "secret"}

    def deliver(self, suite, sender="me@x.test"):
        """One message: what was logged of it, and what the server was told."""
        sink, mark = suite.sink, suite.log_mark()
        told = len(sink.commands)
        suite.sendmail(["-i", "-f", sender, "you@far.test"], "Subject: x\n\nx\n")
        queue_id = suite.wait_for_log(r"pickup\[\d+\]: (\w+): uid", since=mark).group(1)
        suite.wait_for_log(queue_id + ": to=", since=mark)
        lines = [line for line in suite.log_lines(mark) if "/%s[" % self.service in line]
        lines = [re.sub(r"^.*?/%s\[\d+\]: " % self.service, "", line) for line in lines]
        commands = [re.sub(r" SIZE=\d+", "", command) for command in sink.commands[told:]]
        if "status=sent" in lines[-1]:
            lines.append("as " + str(sink.messages[-1].user))
        # the client does not wait for the server to see its last word
        return mask_lines([line.replace(str(sink.port), "PORT") for line in lines], suite) + \
            [re.sub(r"^(AUTH SCRAM\S*) .*", r"\1 NONCE", c) for c in commands if c != "QUIT"]

    def both(self, what, **options):
        def one(suite):
            lines = self.deliver(suite, **options)
            suite.run("postsuper", "-d", "ALL", check=False)
            return lines
        got = at_once(one, (self.ours, self.theirs))
        self.assert_same(got[0], got[1], what)
        return got[1]

    def refresh(self, suite):
        """Let the client read settings and tables. Ours reads them no sooner, and theirs takes long to reload."""
        if suite is self.ours:
            suite.reload()

    def configured(self, **settings):
        for suite in (self.ours, self.theirs):
            before = {key: self.main_cf.get(key) for key in settings}
            suite.set(**settings)
            self.refresh(suite)
            self.addCleanup(suite.set, **before)

    def each(self, fn):
        for suite in (self.ours, self.theirs):
            fn(suite.sink)

    def write(self, text):
        for suite in (self.ours, self.theirs):
            suite.write("etc/passwd", text.replace("PORT", str(suite.sink.port)))
            self.refresh(suite)


@oracle.needed
class Server(SaslTestCase):
    """What servers say."""

    def test_offers(self):
        for lines in (["AUTH PLAIN"], ["AUTH=LOGIN"], ["AUTH CRAM-MD5 PLAIN"], ["AUTH FOO"], ["AUTH"], ["AUTH "],
                      ["AUTH="], ["AUTH=PLAIN LOGIN"], ["AUTH PLAIN/LOGIN,CRAM-MD5"], [], ["AUTH ANONYMOUS"], ["auth plain"],
                      ["AUTH EXTERNAL PLAIN"], ["AUTH LOGIN", "AUTH PLAIN"], ["AUTH PLAIN", "AUTH LOGIN"],
                      ["AUTH=LOGIN", "AUTH CRAM-MD5"], ["AUTH PLAIN", "AUTH"], ["AUTH", "AUTH PLAIN"], ["AUTH DIGEST-MD5"],
                      ["AUTH SCRAM-SHA-256"], [EVERY], ["AUTH " + "X" * 1500 + " PLAIN"], ["AUTH   LOGIN   FOO"]):
            with self.subTest(lines):
                def offer(sink):
                    sink.keywords = KEYWORDS + lines
                self.each(offer)
                self.both(str(lines))

    def replies(self, verb, rows):
        for reply in rows:
            with self.subTest(reply):
                self.each(lambda sink: sink.reply(verb, list(reply) if isinstance(reply, list) else reply))
                self.both("%s -> %r" % (verb, reply))
        self.each(lambda sink: sink.reply(verb, None))

    def test_replies_to_auth(self):
        self.replies("AUTH", ["535 5.7.8 no", "535 no", "454 4.7.0 later", "454 later", "534 5.7.9 weak", "504 5.5.4 no",
                              "500 what", "421 4.3.2 closing", "250 ok", "354 go", "334 ", "334", "334 YWJj", "334 !!!",
                              "334 a b", "235-a\n235 b", "334-a\n334 YWJj", "550-a\n550 b", "553 x\x01y", Sink.DROP, Sink.HANG])

    def test_replies_to_responses(self):
        def offer(sink):
            sink.keywords = KEYWORDS + ["AUTH LOGIN"]
        self.each(offer)
        self.replies("RESPONSE", ["535 5.7.8 no", "454 4.7.0 later", "235 ok", "334 foo", "334 UGFzc3dvcmQ6", ["334 =", None],
                                  Sink.DROP, Sink.HANG, "334 " + "QUJD" * 500])

    def test_challenges(self):
        def offer(sink):
            sink.keywords = KEYWORDS + ["AUTH CRAM-MD5"]
        self.each(offer)
        self.replies("AUTH", ["334 !!!", "334 ", "334 YWJj ZGVm", "334 YWJ", "334 YWJjAA==", "334 YQ", "334 YQ==YQ==",
                              "334 " + "QUJD" * 400])
        self.replies("RESPONSE", ["334 YWJj", "334 "])

    def test_wrong_password(self):
        def forget(sink):
            sink.passwords = {}
        self.each(forget)
        for offer in ("AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5"):
            with self.subTest(offer):
                for suite in (self.ours, self.theirs):
                    suite.sink.keywords = KEYWORDS + [offer]
                self.both(offer)


@oracle.needed
class Passwords(SaslTestCase):
    main_cf = dict(BASE, smtp_sasl_password_maps="texthash:@etc@/passwd")
    maps = {}

    def rows(self, rows, **options):
        for text in rows:
            with self.subTest(text):
                self.write(text)
                self.both(text, **options)

    def test_keys(self):
        self.rows(["[127.0.0.1]:PORT user:secret\n", "[127.0.0.1] user:secret\n", "127.0.0.1 user:secret\n",
                   "[127.0.0.1]:PORT nexthop:a\n127.0.0.1 host:b\n"])
        self.write("LOCALHOST user:secret\n")
        for suite in (self.ours, self.theirs):
            suite.set(relayhost="[localhost]:%d" % suite.sink.port)
            suite.reload()
        self.both("LOCALHOST")
        for suite in (self.ours, self.theirs):
            suite.set(relayhost=suite.sink.nexthop)
            suite.reload()

    def test_values(self):
        self.rows(["127.0.0.1 %s\n" % value for value in ("user", "user:", ":secret", "user:sec:ret", "user: secret", "a b:c d")])

    def test_senders(self):
        self.configured(smtp_sender_dependent_authentication="yes", recipient_delimiter="+")
        for key, sender in (("me@x.test", "Me@X.test"), ("me@x.test", "me+ext@x.test"), ("@x.test", "me@x.test"),
                            ("x.test", "me@x.test"), ("me", "me@x.test"), ("me", "me@mail.example.test"), ("me", "<>"),
                            ("me+ext@x.test", "me+ext@x.test")):
            with self.subTest(key, sender=sender):
                self.rows(["%s sender:s\n127.0.0.1 host:h\n" % key], sender=sender)

    def test_strangers(self):
        """No password: what the server offers does not count."""
        self.write("elsewhere.test user:secret\n")
        for offer in ("AUTH", "AUTH FOO", "AUTH PLAIN"):
            with self.subTest(offer):
                for suite in (self.ours, self.theirs):
                    suite.sink.keywords = KEYWORDS + [offer]
                self.both(offer)

    def test_sender_of_the_envelope(self):
        """Not the one that generic(5) tables make of it."""
        self.configured(smtp_sender_dependent_authentication="yes", smtp_generic_maps="inline:{me@x.test=other@x.test}")
        self.rows(["me@x.test user:secret\n", "other@x.test user:secret\n"])

    def test_tables(self):
        for maps in ("fail:x", "hash:/nonexistent", "static:user:secret", "texthash:/nonexistent"):
            with self.subTest(maps):
                self.configured(smtp_sasl_password_maps=maps)
                got = [[line for line in self.deliver(suite) if "nonexistent" not in line and "fail:x" not in line]
                       for suite in (self.ours, self.theirs)]
                self.assert_same(got[0], got[1], maps)      # but for what tables say of themselves


@oracle.needed
class Settings(SaslTestCase):
    def offers(self, lines):
        for suite in (self.ours, self.theirs):
            suite.sink.keywords = KEYWORDS + lines

    def test_mechanisms(self):
        for settings in ({"smtp_sasl_mechanism_filter": "plain"}, {"smtp_sasl_mechanism_filter": "!plain, static:rest"},
                         {"smtp_sasl_mechanism_filter": "!plain"}, {"smtp_sasl_security_options": "noplaintext"},
                         {"smtp_sasl_security_options": "mutual_auth"}, {"smtp_sasl_security_options": "nodictionary"},
                         {"smtp_sasl_security_options": "forward_secrecy"}, {"smtp_sasl_security_options": ""},
                         {"send_cyrus_sasl_authzid": "yes"}, {"smtp_send_dummy_mail_auth": "yes"}, {"smtp_sasl_path": "foo"}):
            self.configured(**settings)
            for offer in ("AUTH PLAIN LOGIN", "AUTH FOO", EVERY, "AUTH ANONYMOUS"):
                with self.subTest(settings, offer=offer):
                    self.offers([offer])
                    self.both("%s, %s" % (settings, offer))
            for suite in (self.ours, self.theirs):
                suite.set(**{key: self.main_cf.get(key) for key in settings})

    def test_hard_and_soft(self):
        for settings in ({"smtp_sasl_auth_soft_bounce": "no"}, {"smtp_sasl_auth_soft_bounce": "no", "soft_bounce": "yes"},
                         {"soft_bounce": "yes"}):
            self.configured(**settings)
            for reply in ("535 5.7.8 no", "535-5.7.8 no\n535 5.7.9 more", "550 nothing", "454 4.7.0 later", "334 !!!"):
                with self.subTest(settings, reply=reply):
                    self.each(lambda sink: sink.reply("AUTH", reply))
                    self.both("%s, %s" % (settings, reply), sender="<>")
            self.each(lambda sink: sink.reply("AUTH", None))
            for suite in (self.ours, self.theirs):
                suite.set(**{key: self.main_cf.get(key) for key in settings})

    def test_off(self):
        self.configured(smtp_sasl_auth_enable="no", smtp_send_dummy_mail_auth="yes")
        self.both("off")

    def test_next_host(self):
        """A second server, for those whom the first one refuses."""
        with Sink() as other:
            other.keywords, other.passwords = KEYWORDS + ["AUTH PLAIN"], {"user": "secret"}
            for settings in ({}, {"smtp_sasl_auth_soft_bounce": "no"}):
                self.configured(smtp_fallback_relay=other.nexthop, **settings)
                for reply in ("535 5.7.8 no", "454 4.7.0 later", "334 !!!", Sink.DROP):
                    with self.subTest(settings, reply=reply):
                        self.each(lambda sink: sink.reply("AUTH", reply))
                        lines = [[line.replace(str(other.port), "OTHER") for line in self.deliver(suite, sender="<>")
                                  if not line.startswith("as ")] for suite in (self.ours, self.theirs)]
                        self.assert_same(lines[0], lines[1], str(reply))
                self.each(lambda sink: sink.reply("AUTH", None))

    def test_report(self):
        """What the sender is told."""
        self.configured(smtp_sasl_auth_soft_bounce="no", mydestination="$myhostname", alias_maps="", mail_spool_directory="@dir@/mail")
        self.each(lambda sink: sink.reply("AUTH", "535-5.7.8 no\n535 5.7.9 more"))
        told = []
        for suite in (self.ours, self.theirs):
            mark = suite.log_mark()
            suite.sendmail(["-i", "-f", "root@mail.example.test", "you@far.test"], "Subject: x\n\nx\n")
            suite.wait_for_log(r"status=sent \(delivered", since=mark)
            with open(suite.path("mail/root")) as file:
                text = mask(file.read(), suite)
            told.append(text[text.index("Reporting-MTA"):text.index("Arrival-Date")]
                        + text[text.index("Final-Recipient"):text.index("Content-Description: Undelivered")])
        self.each(lambda sink: sink.reply("AUTH", None))
        told = [re.sub(r"--QID\.\d+", "--QID.N", text).splitlines() for text in told]
        self.assert_same(told[0], told[1], "report")


@oracle.needed
class Refused(SaslTestCase):
    """smtp_sasl_auth_cache_name: a table that both read and write."""
    main_cf = dict(BASE, smtp_sasl_auth_cache_name="proxy:btree:@dir@/data/cache")

    def table(self, suite):
        shown = suite.run("postmap", "-s", "btree:" + suite.path("data/cache"), check=False).stdout
        return re.sub(r"\t\d{10};", "\tTIME;", shown)

    def both(self, what, **options):
        super().both(what, **options)
        tables = [self.table(suite).splitlines() for suite in (self.ours, self.theirs)]
        self.assert_same(tables[0], tables[1], what + ", table")

    def test_refused(self):
        def change(sink, **passwords):
            sink.passwords = passwords
        self.each(lambda sink: change(sink, user="other"))
        self.both("refused")
        self.both("not tried again")
        self.write(SECRET.replace("secret", "third"))
        self.both("other password")
        self.write(SECRET.replace("user", "bob"))
        self.both("other user")
        self.write(SECRET.replace("user", "eve"))
        for reply in ("534 5.7.9 weak", "454 4.7.0 later", "535 gone"):
            self.each(lambda sink: sink.reply("AUTH", reply))
            self.both(reply)
            self.both(reply + ", again")
        self.each(lambda sink: sink.reply("AUTH", None))
        self.configured(smtp_sasl_auth_soft_bounce="no")
        self.both("cached and hard", sender="<>")
        self.each(lambda sink: change(sink, eve="secret"))
        self.both("cached though right by now", sender="<>")
        self.configured(smtp_sasl_auth_cache_time="0")
        self.both("expired")


@oracle.needed
class Tls(SaslTestCase):
    """Options for sessions in the clear, with TLS, and with a server that was verified."""
    main_cf = dict(BASE, smtp_sasl_security_options="noplaintext", smtp_sasl_tls_security_options="noactive",
                   smtp_sasl_tls_verified_security_options="", smtp_sasl_password_maps="static:user:secret")
    maps = {}

    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "ca", "rsa", "/CN=Test Authority")
        certificates.sign(suite.etc, "good", "ca", "/CN=localhost", "DNS:localhost")
        suite.sink = Sink(tls=certificates.server(suite.path("etc/good.pem")))
        suite.set(relayhost="[localhost]:%d" % suite.sink.port, smtp_tls_CAfile="@etc@/ca.crt")

    def test_options(self):
        for level in ("none", "may", "encrypt", "secure"):
            self.configured(smtp_tls_security_level=level)
            for offer in ("AUTH PLAIN", "AUTH CRAM-MD5", EVERY):
                with self.subTest(level, offer=offer):
                    for suite in (self.ours, self.theirs):
                        suite.sink.keywords = KEYWORDS + ["STARTTLS", offer]
                    self.both("%s, %s" % (level, offer))


@oracle.needed
class Wrapped(SaslTestCase):
    """TLS from the first byte on."""
    main_cf = dict(BASE, smtp_tls_wrappermode="yes", smtp_tls_security_level="encrypt", smtp_sasl_password_maps="static:user:secret")
    maps = {}

    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "rsa", "/CN=server")
        suite.sink = Sink(tls=certificates.server(suite.path("etc/server.pem")), wrapped=True)
        suite.set(relayhost=suite.sink.nexthop)

    def test_login(self):
        self.both("login")
        self.each(lambda sink: sink.reply("AUTH", "535 5.7.8 no"))
        self.both("refused")
        self.each(lambda sink: sink.reply("AUTH", None))


@oracle.needed
class Lmtp(SaslTestCase):
    """A Unix socket, which has no name, and a port."""
    main_cf = {re.sub("^smtp_", "lmtp_", key): value for key, value in BASE.items() if key != "smtp_helo_timeout"}
    main_cf.update(lmtp_sasl_password_maps="texthash:@etc@/passwd", lmtp_lhlo_timeout="2s")
    maps = {}
    service = "lmtp"

    @classmethod
    def configure(cls, suite):
        os.chmod(suite.dir, 0o755)
        suite.sink = Sink(lmtp=True, path=suite.path("socket"))
        os.chmod(suite.path("socket"), 0o777)
        suite.set(default_transport="lmtp:unix:" + suite.path("socket"))

    def test_keys(self):
        for key in ("mail.example.test", "unix:SOCKET", "SOCKET", "localhost"):
            with self.subTest(key):
                for suite in (self.ours, self.theirs):
                    suite.write("etc/passwd", "%s user:secret\n" % key.replace("SOCKET", suite.path("socket")))
                    self.refresh(suite)
                self.both(key)

    def test_keys_of_ports(self):
        for suite in (self.ours, self.theirs):
            suite.usual, suite.sink = suite.sink, Sink(lmtp=True, keywords=KEYWORDS + self.offer)
            suite.sink.passwords = {"user": "secret"}
            suite.set(default_transport="lmtp:inet:127.0.0.1:%d" % suite.sink.port)
            suite.reload()
        for key in ("127.0.0.1", "inet:127.0.0.1:PORT", "127.0.0.1:PORT", "localhost"):
            with self.subTest(key):
                self.write(key + " user:secret\n")
                self.both(key)
        for suite in (self.ours, self.theirs):
            suite.sink.close()
            suite.sink = suite.usual
            suite.set(default_transport="lmtp:unix:" + suite.path("socket"))
            suite.reload()

    def test_failures(self):
        for suite in (self.ours, self.theirs):
            suite.write("etc/passwd", "mail.example.test user:secret\n")
            self.refresh(suite)
        for reply in ("535 5.7.8 no", "334 !!!", Sink.DROP, Sink.HANG):
            with self.subTest(reply):
                self.each(lambda sink: sink.reply("AUTH", reply))
                self.both(str(reply))
        self.each(lambda sink: sink.reply("AUTH", None))
        self.configured(lmtp_sasl_password_maps="fail:x")
        got = [[line for line in self.deliver(suite) if "fail:x" not in line] for suite in (self.ours, self.theirs)]
        self.assert_same(got[0], got[1], "no table")


if __name__ == "__main__":
    unittest.main()

"""Logins of smtp(8) and lmtp(8): whose session is used again, hostile servers, mechanisms against a real server, plug-ins,
the jail."""
import base64
import os
import re
import subprocess
import unittest

from integration import test_smtp_client
from support import cyrus
from support.sink import KEYWORDS, Sink
from support.suite import Suite, SuiteTestCase
from support.wait import until

LOGIN = {"smtp_sasl_auth_enable": "yes", "smtp_sasl_security_options": "noanonymous", "smtp_helo_timeout": "5s"}
TEXT = "Subject: x\n\nx\n"


class LoginTestCase(test_smtp_client.ClientTestCase):
    settings = LOGIN
    maps = {"passwd": "/./ user:secret\n"}

    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        suite.set(smtp_sasl_password_maps="regexp:@etc@/passwd")

    def login_host(self, domain, offer="AUTH PLAIN", **options):
        sink = self.host(domain, keywords=KEYWORDS + [offer], **options)
        sink.passwords = {"user": "secret", "bob": "builder"}
        return sink

    def mail(self, sender, recipient):
        """One message, delivered."""
        mark = self.suite.log_mark()
        self.suite.sendmail(["-i", "-f", sender, recipient], TEXT)
        self.suite.wait_for_log(r"to=<%s>.* status=" % re.escape(recipient), since=mark)


class Reuse(LoginTestCase):
    """A session is used again for the same login only."""
    settings = dict(LOGIN, smtp_sender_dependent_authentication="yes", smtp_connection_cache_destinations="static:all",
                    smtp_connection_cache_time_limit="60s", default_process_limit="1")
    maps = {"passwd": "/^(a|a2)@x\\.test$/ user:secret\n/^b@x\\.test$/ bob:builder\n"}

    def test_by_sender(self):
        sink = self.login_host("reuse.test")
        for sender in "abcacab":
            self.mail(sender + "@x.test", "to@reuse.test")
        self.mail("a2@x.test", "to@reuse.test")
        self.mail("d@x.test", "to@reuse.test")
        wanted = {"a": "user", "a2": "user", "b": "bob", "c": None, "d": None}
        for message in sink.messages:
            self.assertEqual(message.user, wanted[message.sender.split("@")[0]])
        self.assertEqual(len(sink.messages), 9)
        # one session for each login, and none that changes it
        self.assertEqual(len({id(m.session) for m in sink.messages}), 3)
        self.assertEqual(sum(c.startswith("AUTH") for c in sink.commands), 2)

    def test_a_server_without_auth_knows_nobody(self):
        sink = self.host("stranger.test")
        for sender in "abc":
            self.mail(sender + "@x.test", "to@stranger.test")
        self.assertEqual(len({id(m.session) for m in sink.messages}), 1)

    def test_a_session_whose_login_failed_is_not_kept(self):
        sink = self.login_host("fails.test")
        sink.passwords = {}
        self.mail("a@x.test", "to@fails.test")
        self.mail("c@x.test", "to@fails.test")
        self.assertEqual([m.user for m in sink.messages], [None])
        self.assertEqual(len(sink.sessions), 2)


def endless(session, line):
    return "334 YWJj"


def lines(session, line):
    """A challenge of more lines than a reply may have."""
    return "\n".join(["334-YWJj"] * 2000 + ["334 YWJj"])


def long_line(session, line):
    session.conn.sendall(b"334 " + b"A" * 3000000 + b"\r\n")
    return Sink.DROP


def rounds(session, line):
    """SCRAM, as if there were no end to it."""
    text = base64.b64decode(line.split()[-1]).decode()
    return "334 " + base64.b64encode(("r=%sx,s=c2FsdHNhbHQ=,i=4294967295" % text.split("r=")[1]).encode()).decode()


def early(session, line):
    """More replies than were asked for."""
    return "334 YWJj\n334 YWJj\n235 ok"


def dropped_later(session, line):
    session.say("334 YWJj")
    return Sink.DROP


class Hostile(LoginTestCase):
    settings = dict(LOGIN, smtp_helo_timeout="2s", smtp_destination_concurrency_failed_cohort_limit="0")
    OFFERS = ("LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-256", "PLAIN", "NTLM")

    def test_challenges(self):
        """The mail is not sent, whatever is said; the process goes on, and there is an end to it."""
        mark = self.suite.log_mark()
        for i, offer in enumerate(self.OFFERS):
            for j, script in enumerate((endless, lines, long_line, early, dropped_later, "334 " + "QUJD" * 1000, "334 !!!!",
                                        Sink.DROP, Sink.HANG, "334 cj14LHM9eSxpPTQyOTQ5NjcyOTU=")):
                with self.subTest(offer, script=script):
                    domain = "h%d-%d.test" % (i, j)
                    sink = self.login_host(domain, "AUTH " + offer)
                    sink.reply("AUTH", script)
                    sink.reply("RESPONSE", script)
                    queue_id = self.send("a@" + domain)
                    _, dsn, status, text = self.outcome(queue_id, "a@" + domain)
                    # a reply too many is the reply to MAIL, where it is a breach of protocol
                    wanted = ("bounced", "5.5.0") if script == early and status == "bounced" else ("deferred", "4" + dsn[1:])
                    self.assertEqual((status, dsn), wanted, text)
                    self.assertLess(len(sink.commands), 10)
                    self.assertFalse(sink.messages)
        for line in self.suite.log_lines(mark):
            self.assertNotRegex(line, r"exit status|killed by signal|panic|fatal")

    def test_rounds(self):
        sink = self.login_host("rounds.test", "AUTH SCRAM-SHA-1")
        sink.reply("AUTH", rounds)
        self.assert_outcome(self.send("a@rounds.test"), "a@rounds.test", "4.7.0", "deferred",
                            "SASL authentication failed; cannot authenticate to server mx0.rounds.test[]: "
                            "bad number of rounds in the challenge")

    def test_others_go_on(self):
        """While one server says nothing, mail to others leaves."""
        slow, quick = self.login_host("slow.test"), self.login_host("quick.test")
        slow.reply("AUTH", Sink.HANG)
        self.suite.set(smtp_helo_timeout="600s")
        self.suite.reload()
        waiting = self.send("a@slow.test")
        until(lambda: any(c.startswith("AUTH") for c in slow.commands), 30, "a login that hangs")
        self.assertEqual(self.outcome(self.send("a@quick.test"), "a@quick.test")[2], "sent")
        self.assertIn(waiting, [m["queue_id"] for m in self.suite.queue()])
        self.suite.set(smtp_helo_timeout="2s")
        self.suite.reload()

    def test_no_proof(self):
        """235 before the server has shown that it knows the password, where that is wanted."""
        self.suite.set(smtp_sasl_security_options="mutual_auth")
        self.suite.reload()
        sink = self.login_host("proof.test", "AUTH SCRAM-SHA-1")
        sink.reply("AUTH", "235 2.7.0 trust me")
        self.assert_outcome(self.send("a@proof.test"), "a@proof.test", "4.7.0", "deferred",
                            "SASL authentication failed; cannot authenticate to server mx0.proof.test[]: "
                            "the server did not prove who it is")
        self.suite.set(smtp_sasl_security_options="noanonymous")
        self.suite.reload()


class Settings(LoginTestCase):
    def test_delimiter(self):
        self.suite.write("etc/passwd", "/^mx0\\.delimiter\\.test$/ us:er@x|sec:ret\n/./ user:secret\n")
        self.suite.set(smtp_sasl_password_result_delimiter="|")
        self.suite.reload()
        sink = self.login_host("delimiter.test")
        sink.passwords = {"us:er@x": "sec:ret"}
        self.assertEqual(self.outcome(self.send("a@delimiter.test"), "a@delimiter.test")[2], "sent")
        self.assertEqual(sink.messages[0].user, "us:er@x")
        self.suite.set(smtp_sasl_password_result_delimiter=None)
        self.suite.reload()

    def test_what_stops_it(self):
        for settings, text in (({"smtp_sasl_password_maps": ""},
                                "specify a password table via the `smtp_sasl_password_maps' configuration parameter"),
                               ({"smtp_sasl_type": "dovecot"}, "unsupported SASL client implementation: dovecot"),
                               ({"smtp_sasl_security_options": "noplain"},
                                'unknown SASL security options value "noplain" in "noplain"'),
                               ({"smtp_sasl_auth_cache_name": "btree:/x"},
                                'SASL authentication cache name "btree:/x" must start with "proxy:"'),
                               ({"smtp_sasl_auth_cache_name": "proxy:btree:/x, y:z"},
                                'SASL authentication cache name "proxy:btree:/x, y:z" contains multiple values')):
            main_cf = dict(LOGIN, relayhost="[127.0.0.1]", smtp_sasl_password_maps="static:a:b")
            main_cf.update(settings)
            with self.subTest(settings), Suite(main_cf) as suite:
                suite.sendmail(["-i", "a@x.test"], TEXT)
                suite.wait_for_log(r"smtp\[\d+\]: fatal: " + re.escape(text))


class Lmtp(SuiteTestCase):
    """The same under the names of lmtp."""
    main_cf = {"lmtp_sasl_auth_enable": "yes", "lmtp_sasl_password_maps": "inline:{localhost=user:secret}",
               "lmtp_sasl_security_options": "noanonymous", "lmtp_host_lookup": "native", "inet_protocols": "ipv4",
               "lmtp_sasl_auth_soft_bounce": "no", "smtp_sasl_auth_enable": "no"}

    def test_login(self):
        with Sink(lmtp=True, keywords=KEYWORDS + ["AUTH PLAIN"]) as sink:
            sink.passwords = {"user": "secret"}
            self.suite.set(default_transport="lmtp:inet:localhost:%d" % sink.port)
            self.suite.reload()
            mark = self.suite.log_mark()
            self.suite.sendmail(["-i", "a@x.test"], TEXT)
            self.suite.wait_for_log(r"lmtp\[\d+\]: .*status=sent", since=mark)
            self.assertEqual(sink.messages[0].user, "user")
            for script, wanted in (("535 5.7.8 no", "bounced .SASL authentication failed; server localhost.* said: 535 5.7.8 no"),
                                   (Sink.DROP, "deferred .lost connection with .* while performing the LHLO handshake")):
                sink.reply("AUTH", script)
                self.suite.sendmail(["-i", "-f", "<>", "a@x.test"], TEXT)
                self.suite.wait_for_log(r"lmtp\[\d+\]: .*status=" + wanted, since=mark)


@cyrus.needed
class Mechanisms(SuiteTestCase):
    """Against smtpd with a database of passwords, in another instance; ours is in the jail where there is root."""
    main_cf = dict(LOGIN, smtp_host_lookup="native", inet_protocols="ipv4",
                   smtp_sasl_password_maps="inline:{localhost=user@mail.example.test:secret}", default_process_limit="1")

    @classmethod
    def configure(cls, suite):
        if os.geteuid() == 0:
            suite.master_cf = "smtp unix - - y - - smtp\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Suite({"smtpd_sasl_auth_enable": "yes", "mynetworks": "192.0.2.0/24", "myhostname": "localhost",
                            "smtpd_sasl_local_domain": "mail.example.test",
                            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject", "default_transport": "discard:"})
        cls.addClassCleanup(cls.server.close)
        database = cyrus.make_sasldb(cls.server.etc, [("user", "mail.example.test", "secret")])
        cls.server.write("etc/sasl/smtpd.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: %s\n" % database)
        cls.server.start()

    def test_each(self):
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"):
            for options in ("noanonymous", "mutual_auth"):
                if options == "mutual_auth" and not mechanism.startswith(("SCRAM", "DIGEST")):
                    continue
                with self.subTest(mechanism, options=options):
                    self.suite.set(smtp_sasl_mechanism_filter=mechanism, smtp_sasl_security_options=options,
                                   relayhost="[localhost]:%d" % self.server.port)
                    self.suite.reload()
                    mark, other = self.suite.log_mark(), self.server.log_mark()
                    self.suite.sendmail(["-i", "a@x.test"], TEXT)
                    self.suite.wait_for_log("status=sent", since=mark)
                    self.server.wait_for_log(r"sasl_method=%s, sasl_username=user@mail\.example\.test" % mechanism, since=other)

    def test_wrong(self):
        self.suite.set(smtp_sasl_password_maps="inline:{localhost=user@mail.example.test:wrong}",
                       relayhost="[localhost]:%d" % self.server.port, smtp_sasl_mechanism_filter="SCRAM-SHA-256, DIGEST-MD5")
        self.suite.reload()
        mark = self.suite.log_mark()
        self.suite.sendmail(["-i", "a@x.test"], TEXT)
        self.suite.wait_for_log(r"dsn=4\.7\.8, status=deferred \(SASL authentication failed; server localhost\[127\.0\.0\.1\] "
                                r"said: 535 5\.7\.8 Error: authentication failed", since=mark)


class Plugin(SuiteTestCase):
    """A mechanism that libsasl2 gets from a plug-in."""
    main_cf = dict(LOGIN, smtp_host_lookup="native", inet_protocols="ipv4", smtp_sasl_password_maps="static:user:token.of-mine",
                   smtp_sasl_mechanism_filter="xoauth2")

    @classmethod
    def configure(cls, suite):
        folder = suite.path("plugins")
        os.mkdir(folder)
        source = os.path.join(os.path.dirname(__file__), "../support/xoauth2.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", os.path.join(folder, "libxoauth2.so"), source], check=True)
        suite.env["SASL_PATH"] = folder
        suite.set(import_environment="MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C SASL_PATH=" + folder)

    def test_xoauth2(self):
        with Sink() as sink:
            sink.keywords = KEYWORDS + ["AUTH LOGIN PLAIN XOAUTH2"]
            sink.passwords = {"user": "token.of-mine"}
            self.suite.set(relayhost=sink.nexthop)
            self.suite.reload()
            self.suite.sendmail(["-i", "a@x.test"], TEXT)
            self.assertEqual(sink.wait_for(1)[0].user, "user")
            sink.passwords = {"user": "another"}
            mark = self.suite.log_mark()
            self.suite.sendmail(["-i", "a@x.test"], TEXT)
            self.suite.wait_for_log(r"status=deferred \(SASL authentication failed; server .* said: 535 5\.7\.8", since=mark)
            self.assertEqual([c for c in sink.commands if c != "QUIT"][-1], "")     # to the challenge that says why


if __name__ == "__main__":
    unittest.main()

"""SMTP dialogues, reply by reply: the suite against Debian's Postfix."""
import unittest

from support import oracle
from support.compare import ComparisonTestCase

HELLO = ["EHLO client.test"]
FROM = HELLO + ["MAIL FROM:<sender@far.test>"]
TO = FROM + ["RCPT TO:<root@mail.example.test>"]
BODY = b"Subject: hello\r\n\r\ntext\r\n.\r\n"

# Defaults that changed after the version Debian has; the integration tests have the new ones, and HELP, which
# Debian's version does not know.
AS_BEFORE = {"smtpd_forbid_bare_newline": "no", "smtpd_forbid_unauth_pipelining": "no"}


def each(before, lines):
    """One session for each line, after the commands of BEFORE."""
    return {line: before + [line] for line in lines}


def chunk(data, last=False):
    return b"BDAT %d%s\r\n" % (len(data), b" LAST" if last else b"") + data


HELO = each([], [
    "HELO", "HELO ", "HELO a", "HELO client.test", "HELO two words", "HELO [127.0.0.1]",
    "HELO under_score.test", "HELO -dash.test", "HELO " + "a" * 300 + ".test", "helo client.test",
    "HELO\tclient.test", "EHLO", "EHLO ", "EHLO client.test", "EHLO two words", "eHlO client.test",
    "EHLO [IPv6:::1]", "LHLO client.test", "HELO <client>", "EHLO client.test.",
])

MAIL = each(HELLO, [
    "MAIL", "MAIL ", "MAIL FROM", "MAIL FROM:", "MAIL FROM: ", "MAIL FROM:<>", "MAIL FROM: <a@far.test>",
    "mail from:<a@far.test>", "MAIL FROM <a@far.test>", "MAIL FROM:a@far.test", "MAIL TO:<a@far.test>",
    "MAIL FROM:<a@far.test", "MAIL FROM:a@far.test>", "MAIL FROM:<<a@far.test>>", "MAIL FROM:<a>",
    "MAIL FROM:<a@>", "MAIL FROM:<@far.test>", "MAIL FROM:<a@far.test> b", "MAIL FROM:<a b@far.test>",
    'MAIL FROM:<"a b"@far.test>', 'MAIL FROM:<"a@b"@far.test>', "MAIL FROM:<@hop.test:a@far.test>",
    "MAIL FROM:<@hop.test,@hop2.test:a@far.test>", "MAIL FROM:<a@[127.0.0.1]>", "MAIL FROM:<a@b@far.test>",
    "MAIL FROM:<a%b@far.test>", "MAIL FROM:<far.test!a>", "MAIL FROM:A User <a@far.test>",
    "MAIL FROM:<a@far..test>", "MAIL FROM:<a@.far.test>", "MAIL FROM:<a@far.test.>", "MAIL FROM:<a..b@far.test>",
    "MAIL FROM:<.a@far.test>", "MAIL FROM:<a.@far.test>", "MAIL FROM:<a@far_x.test>", "MAIL FROM:<a@-far.test>",
    "MAIL FROM:<a\\b@far.test>", "MAIL FROM:<a,b@far.test>", "MAIL FROM:<a;b@far.test>", "MAIL FROM:<a:b@far.test>",
    "MAIL FROM:<(comment)a@far.test>", "MAIL FROM:<" + "a" * 300 + "@far.test>",
    "MAIL FROM:<a@" + "b." * 150 + "test>", "MAIL FROM:<postmaster>", "MAIL FROM:<MAILER-DAEMON>",
])

MAIL_OPTIONS = each(HELLO, ["MAIL FROM:<a@far.test> " + option for option in (
    "SIZE=0", "SIZE=1000", "SIZE=10240000", "SIZE=10240001", "SIZE=99999999999999999999", "SIZE=-1", "SIZE=x",
    "SIZE=", "SIZE", "size=5", "BODY=7BIT", "BODY=8BITMIME", "BODY=8bitmime", "BODY=BINARYMIME", "BODY=", "BODY",
    "SMTPUTF8", "SMTPUTF8=x", "RET=FULL", "RET=HDRS", "RET=full", "RET=NONE", "RET=", "RET=FULL RET=HDRS",
    "ENVID=abc", "ENVID=a+2Bb", "ENVID=a+2", "ENVID=a+zz", "ENVID=", "ENVID=" + "x" * 120,
    "ENVID=a ENVID=b", "AUTH=<>", "AUTH=a@b", "FOO=BAR", "SIZE=1 SIZE=2", "SIZE=1 BODY=8BITMIME RET=HDRS ENVID=q",
    "NOTIFY=NEVER", "XYZZY", "=x", "SIZE =1", "HOLDFOR=10", "BY=120;R", "MT-PRIORITY=3", "REQUIRETLS",
)])

RCPT = each(FROM, [
    "RCPT", "RCPT ", "RCPT TO", "RCPT TO:", "RCPT TO: ", "RCPT TO:<>", "RCPT TO: <root@mail.example.test>",
    "rcpt to:<root@mail.example.test>", "RCPT TO:root@mail.example.test", "RCPT TO:<root>", "RCPT TO:<root@>",
    "RCPT TO:<ROOT@MAIL.EXAMPLE.TEST>", "RCPT TO:<postmaster>", "RCPT TO:<Postmaster>", "RCPT FROM:<root@localhost>",
    "RCPT TO:<root@localhost", "RCPT TO:<nobody-here@mail.example.test>", "RCPT TO:<@hop.test:root@localhost>",
    "RCPT TO:<root@[127.0.0.1]>", "RCPT TO:<root@[10.9.8.7]>", "RCPT TO:<root@[not-an-address]>",
    "RCPT TO:<root@127.0.0.1>", "RCPT TO:<a@b@localhost>", "RCPT TO:<a%b@localhost>", "RCPT TO:<localhost!root>",
    "RCPT TO:<root@localhost> x", 'RCPT TO:<"root"@localhost>', 'RCPT TO:<"ro ot"@localhost>',
    "RCPT TO:<root+ext@localhost>", "RCPT TO:<root@localhost.>", "RCPT TO:<root@local..host>",
    "RCPT TO:<user@elsewhere.test>", "RCPT TO:<" + "r" * 300 + "@localhost>",
])

RCPT_OPTIONS = each(FROM, ["RCPT TO:<root@localhost> " + option for option in (
    "NOTIFY=NEVER", "NOTIFY=SUCCESS", "NOTIFY=SUCCESS,FAILURE,DELAY", "NOTIFY=success", "NOTIFY=NEVER,SUCCESS",
    "NOTIFY=", "NOTIFY", "NOTIFY=X", "NOTIFY=SUCCESS,", "NOTIFY=SUCCESS NOTIFY=FAILURE", "ORCPT=rfc822;a@b.test",
    "ORCPT=rfc822;a+2Bb@c.test", "ORCPT=rfc822;", "ORCPT=;a", "ORCPT=a@b.test", "ORCPT=", "ORCPT=rfc822;a+zz",
    "ORCPT=utf-8;a@b.test", "ORCPT=x400;abc", "ORCPT=rfc822;a ORCPT=rfc822;b", "ORCPT=rfc822;" + "x" * 600,
    "NOTIFY=FAILURE ORCPT=rfc822;a@b", "SIZE=1", "FOO", "FOO=BAR",
)])

MISC = each(HELLO, [
    "NOOP", "NOOP x", "NOOP x y z", "RSET", "RSET x", "QUIT", "QUIT x", "VRFY", "VRFY root",
    "VRFY <root>", "VRFY root@localhost", "VRFY nobody-here", "VRFY two words", "VRFY user@elsewhere.test",
    "EXPN", "EXPN list", "ETRN", "ETRN far.test", "ETRN @far.test", "ETRN #far", "ETRN far.test x", "ETRN bad..name",
    "TURN", "SEND FROM:<a@b>", "STARTTLS", "AUTH", "AUTH PLAIN", "XCLIENT NAME=x", "XFORWARD NAME=x", "DATA",
    "DATA x", "BDAT", "BDAT 0 LAST", "FOO", "FOO bar", "", " ", "GET / HTTP/1.0", "Subject: hello", "HELOx client",
    "\x01\x02", "EHLO client.test", "HELO client.test", "QUIT\x00", "RCPT TO:<root@localhost>", ".",
    "n" * 2000, "NOOP " + "n" * 3000,
])

SEQUENCES = {
    "no hello": ["MAIL FROM:<a@far.test>", "RCPT TO:<root@localhost>", "DATA", BODY],
    "recipient first": ["RCPT TO:<root@localhost>"],
    "data first": ["DATA"],
    "nested mail": FROM + ["MAIL FROM:<b@far.test>", "RSET", "MAIL FROM:<b@far.test>"],
    "data without recipient": FROM + ["DATA"],
    "data with argument": TO + ["DATA now"],
    "hello again drops the transaction": TO + ["EHLO client.test", "DATA"],
    "helo again drops the transaction": TO + ["HELO client.test", "RCPT TO:<root@localhost>"],
    "rset drops the transaction": TO + ["RSET", "DATA"],
    "noop and vrfy keep the transaction": TO + ["NOOP", "VRFY root", "DATA", BODY, "QUIT"],
    "etrn inside a transaction": TO + ["ETRN far.test"],
    "message": TO + ["DATA", BODY, "QUIT"],
    "two messages": TO + ["DATA", BODY, "MAIL FROM:<>", "RCPT TO:<root>", "DATA", BODY, "QUIT"],
    "empty message": TO + ["DATA", b".\r\n", "QUIT"],
    "one good, one bad recipient": FROM + ["RCPT TO:<x@[bad]>", "RCPT TO:<root@localhost>", "DATA", BODY],
    "only bad recipients": FROM + ["RCPT TO:<nobody-here@localhost>", "DATA"],
    "dots": TO + ["DATA", b"Subject: dots\r\n\r\n..\r\n...\r\n.a\r\n.\r\n", "QUIT"],
    "pipelined": HELLO + [(b"MAIL FROM:<a@far.test>\r\nRCPT TO:<root@localhost>\r\nDATA\r\n", 3), BODY, "QUIT"],
    "pipelined with a bad recipient":
        HELLO + [(b"MAIL FROM:<a@far.test>\r\nRCPT TO:<x@[bad]>\r\nDATA\r\n", 3), "QUIT"],
    "quit twice": ["QUIT", "QUIT"],
    "bdat": TO + [chunk(b"Subject: chunk\r\n\r\none\r\n\r\n"), chunk(b"two\r\n", last=True), "QUIT"],
    "bdat last only": TO + [chunk(b"Subject: c\r\n\r\ntext..\r\n", last=True), "QUIT"],
    "bdat zero last": TO + [chunk(b"Subject: c\r\n\r\nt\n"), "BDAT 0 LAST", "QUIT"],
    "bdat without recipient": FROM + [chunk(b"abc\n"), "RSET"],
    "bdat then data": TO + [chunk(b"abc\n"), "DATA", "RSET", "QUIT"],
    "bdat then mail": TO + [chunk(b"abc\n"), "MAIL FROM:<b@far.test>", "QUIT"],
    "bdat then rcpt": TO + [chunk(b"abc\n"), "RCPT TO:<root>", "QUIT"],
    "bdat then rset": TO + [chunk(b"abc\n"), "RSET", "DATA", "QUIT"],
    "bdat bad count": TO + ["BDAT x", "QUIT"],
    "bdat negative": TO + ["BDAT -1", "QUIT"],
    "bdat third word": TO + ["BDAT 0 FIRST", "QUIT"],
    "bdat huge count": TO + ["BDAT 99999999999999999999", "QUIT"],
    "bdat after data": TO + ["DATA", BODY, "BDAT 0 LAST", "QUIT"],
    "too large, announced": FROM[:1] + ["MAIL FROM:<a@far.test> SIZE=20000000", "QUIT"],
    "many unknown commands": HELLO + ["FOO"] * 25,
    "many noops": HELLO + ["NOOP"] * 120,
    "header in place of a command": HELLO + ["From: a@far.test"],
    "line ends with LF only": [(b"EHLO client.test\nMAIL FROM:<a@far.test>\n", 2)],
}


@oracle.needed
class SmtpDialogue(ComparisonTestCase):
    maxDiff = None
    aliases = "postmaster: root\nroot: /dev/null\n"
    main_cf = {"smtpd_error_sleep_time": "0", "smtpd_hard_error_limit": "20", **AS_BEFORE,
               "smtpd_client_connection_count_limit": "0", "in_flow_delay": "0"}

    def check(self, table):
        for name, steps in table.items():
            with self.subTest(session=name[:60]):
                self.compare_session(name[:60], steps)

    def test_helo(self):
        self.check(HELO)

    def test_mail(self):
        self.check(MAIL)

    def test_mail_options(self):
        self.check(MAIL_OPTIONS)

    def test_rcpt(self):
        self.check(RCPT)

    def test_rcpt_options(self):
        self.check(RCPT_OPTIONS)

    def test_other_commands(self):
        self.check(MISC)

    def test_sequences(self):
        self.check(SEQUENCES)


@oracle.needed
class UnlistedDialogue(ComparisonTestCase):
    """No table knows anybody: names that are taken in local domains all the same, as recipients and as senders."""
    main_cf = {"smtpd_error_sleep_time": "0", "smtpd_hard_error_limit": "100", "relay_domains": "relay.test",
               "relay_recipient_maps": "inline:{x@relay.test=x}", "virtual_mailbox_domains": "box.test",
               "virtual_mailbox_maps": "inline:{x@box.test=x}", "virtual_alias_domains": "alias.test",
               "virtual_alias_maps": "inline:{x@alias.test=root}", "smtpd_reject_unlisted_sender": "yes",
               "recipient_delimiter": "+", "double_bounce_sender": "twice", **AS_BEFORE}

    def test_names(self):
        names = ("postmaster", "PostMaster", "postmaster+x", "mailer-daemon", "twice", "double-bounce", "abuse")
        domains = ("mail.example.test", "[127.0.0.1]", "relay.test", "box.test", "alias.test")
        steps = list(FROM)
        for address in list(names) + ["%s@%s" % (name, domain) for domain in domains for name in names]:
            steps += ["RCPT TO:<%s>" % address, "VRFY " + address]
        steps.append("RSET")
        for name in names:
            steps += ["MAIL FROM:<%s@mail.example.test>" % name, "RCPT TO:<user@elsewhere.test>", "RSET"]
        self.compare_session("unlisted", steps + ["QUIT"])


@oracle.needed
class StrictDialogue(ComparisonTestCase):
    """The same commands where main.cf asks for more."""
    aliases = "postmaster: root\nroot: /dev/null\n"
    main_cf = {"smtpd_error_sleep_time": "0", "smtpd_helo_required": "yes", "strict_rfc821_envelopes": "yes",
               "disable_vrfy_command": "yes", "message_size_limit": "10000",
               "smtpd_helo_restrictions": "reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname",
               "smtpd_sender_restrictions": "reject_non_fqdn_sender", "smtpd_client_restrictions": "",
               "smtpd_relay_restrictions": "reject_unauth_destination",
               "smtpd_recipient_restrictions": "reject_non_fqdn_recipient",
               "smtpd_discard_ehlo_keywords": "etrn, chunking", "smtpd_recipient_limit": "3", **AS_BEFORE}

    check = SmtpDialogue.check

    def test_helo_required(self):
        self.check(each([], ["MAIL FROM:<a@far.test>", "VRFY root", "ETRN far.test", "NOOP", "RSET"]))

    def test_restrictions(self):
        late = FROM[1:] + ["RCPT TO:<root@mail.example.test>"]
        self.check({line: [line] + late for line in (
            "HELO plain", "HELO bad_name.test", "HELO [1.2.3]", "HELO [127.0.0.1]", "EHLO client.test")})

    def test_mail(self):
        self.check(MAIL)

    def test_rcpt(self):
        self.check(RCPT)

    def test_limits(self):
        big = b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 200 + b".\r\n"
        self.check({
            "size announced": HELLO + ["MAIL FROM:<a@far.test> SIZE=10001", "QUIT"],
            "size found": TO + ["DATA", big, "QUIT"],
            "recipients": TO + ["RCPT TO:<root@localhost>"] * 4 + ["DATA", BODY, "QUIT"],
        })


if __name__ == "__main__":
    unittest.main()

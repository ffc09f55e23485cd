"""Transcripts of sessions for the postmaster (notify_classes), against Postfix's: for what trouble, and their text.

A service for each class sends its notices to CLASS@held.test, which is kept in the queue. Who a notice is about shows in
the name that the client gave.
"""
import re

from support import oracle
from support.compare import ComparisonTestCase, at_once
from support.mask import mask_lines
from support.ports import free_port
from support.queued import wait_queued
from support.smtp import Disconnected, SmtpClient
from support.wait import until

CLASSES = ("bounce", "data", "policy", "protocol", "resource", "software")
SERVICE = ("127.0.0.1:%d inet n - n - - smtpd\n -o notify_classes=%s -o error_notice_recipient=%s@held.test"
           " -o bounce_notice_recipient=bounced-%s@held.test\n")

RCPT = ["MAIL FROM:<a@x.test>", "RCPT TO:<u@here.test>"]
DATA = RCPT + ["DATA"]
GOOD = DATA + ["Subject: x\r\n\r\nhi\r\n."]


def mail(sender, recipient="u@here.test"):
    return ["MAIL FROM:<%s>" % sender, "RCPT TO:<%s>" % recipient, "QUIT"]


# what the client says after EHLO; the classes that hear of it
SESSIONS = {
    "good": (GOOD + ["QUIT"], []),
    "unknown-command": (["FOO bar", "QUIT"], ["protocol"]),
    "empty": (["", "QUIT"], ["protocol"]),
    "no-mail": (["RCPT TO:<u@here.test>", "QUIT"], ["protocol"]),
    "bad-mail": (["MAIL xx", "QUIT"], ["protocol"]),
    "bad-option": (["MAIL FROM:<a@x.test> FOO", "QUIT"], ["protocol"]),
    "too-big": (["MAIL FROM:<a@x.test> SIZE=999999", "QUIT"], ["policy"]),
    "not-fqdn": (mail("a@x"), ["policy"]),
    "unknown-user": (mail("a@x.test", "nobody@here.test"), ["bounced-bounce"]),
    "relay": (mail("a@x.test", "q@far.test"), ["policy"]),
    "refused": (mail("bad@x.test"), ["policy"]),
    "soft": (mail("soft@x.test"), ["policy"]),
    "warned": (mail("warn@x.test"), ["policy"]),
    "table": (mail("table@x.test"), ["policy"]),
    "bad-class": (mail("conf@x.test"), ["software"]),
    "closed": (mail("rate@x.test")[:2], ["policy"]),
    "at-data": (["MAIL FROM:<data@x.test>"] + DATA[1:] + ["QUIT"], ["policy"]),
    "at-end": (["MAIL FROM:<eod@x.test>"] + GOOD[1:] + ["QUIT"], ["policy"]),
    "content": (DATA + ["Subject: bad\r\n\r\nhi\r\n.", "QUIT"], ["policy"]),
    "big": (DATA + ["Subject: x\r\n\r\n" + "hihihihi\r\n" * 3000 + ".", "QUIT"], ["bounced-bounce"]),
    "hops": (DATA + ["Received: a\r\n" * 8 + "Subject: x\r\n\r\nx\r\n.", "QUIT"], ["bounced-bounce"]),
    "errors": (["FOO"] * 6, ["protocol"]),
    "junk": (["NOOP"] * 5 + ["QUIT"], []),
    "lost": (["MAIL FROM:<a@x.test>"], []),
    "lost-after-error": (["FOO"], ["protocol"]),
    "etrn": (["ETRN here.test", "QUIT"], ["policy"]),
    "etrn-syntax": (["ETRN", "QUIT"], ["protocol"]),
    "vrfy": (["VRFY nobody@here.test", "QUIT"], ["bounced-bounce"]),
    "auth": (["AUTH PLAIN", "QUIT"], ["protocol"]),
    "starttls": (["STARTTLS", "QUIT"], ["protocol"]),
    "bdat": (["BDAT", "QUIT"], ["protocol"]),
    "nested": (RCPT + ["MAIL FROM:<a@x.test>", "QUIT"], ["protocol"]),
    "bad-notify": (RCPT[:1] + ["RCPT TO:<u@here.test> NOTIFY=x", "QUIT"], ["protocol"]),
    "data-argument": (RCPT + ["DATA x", "QUIT"], ["protocol"]),
    "too-many": (RCPT + RCPT[1:] * 3 + ["QUIT"], []),
    "nobody": (["MAIL FROM:<bad@x.test>", "RCPT TO:<u@here.test>", "DATA", "QUIT"], ["policy"]),
    "two": (["FOO"] + mail("bad@x.test"), ["protocol", "policy"]),
    "forgiven": (["FOO"] + GOOD + ["QUIT"], []),
    "not-forgiven": (GOOD + ["FOO", "QUIT"], ["protocol"]),
    "folded": (["FOO " + "word " * 30 + "x" * 100 + " end", "QUIT"], ["protocol"]),
    "long": (["FOO " + "x" * 3000, "QUIT"], ["protocol"]),
    "flushed": (["FOO"] + ["HELO flushed"] * 5 + ["BAR", "QUIT"], ["protocol", "protocol"]),
    "flushed-by-rset": (["FOO"] + ["NOOP"] * 5 + ["RSET", "QUIT"], ["protocol"]),
}
LIMITS = {      # settings; what the client says; classes, with that of the unknown command of the last session
    "recipients fail": ({"local_recipient_maps": "fail:x"}, RCPT + ["QUIT"], ["data", "protocol"]),
    "no room": ({"queue_minfree": "99999999999999"}, RCPT[:1] + ["QUIT"], ["protocol", "resource"]),
    "no greeting": ({"smtpd_helo_required": "yes"}, None, ["policy", "protocol"]),
    "no tls": ({"smtpd_tls_security_level": "encrypt"}, RCPT[:1] + ["QUIT"], ["protocol"]),
    "no vrfy": ({"disable_vrfy_command": "yes"}, ["VRFY x", "QUIT"], ["policy", "protocol"]),
    "no policy": ({"smtpd_sender_restrictions": "check_policy_service inet:127.0.0.1:1"}, RCPT + ["QUIT"], ["policy", "protocol"]),
    "no filter": ({"smtpd_proxy_filter": "127.0.0.1:1"}, RCPT + ["QUIT"], ["protocol", "software"]),
    "soft": ({"soft_bounce": "yes"}, mail("a@x.test", "nobody@here.test"), ["bounced-bounce", "protocol"]),
}


@oracle.needed
class Server(ComparisonTestCase):
    maxDiff = None
    main_cf = {
        "mydestination": "here.test", "transport_maps": "inline:{ {held.test=retry:4.0.0 held} }",
        "smtpd_error_sleep_time": "0", "smtpd_hard_error_limit": "6", "smtpd_junk_command_limit": "3",
        "local_recipient_maps": "inline:{ {u@here.test=x} }", "smtpd_relay_restrictions": "reject_unauth_destination",
        "smtpd_restriction_classes": "tabfail, confbad, warned", "tabfail": "check_sender_access fail:x",
        "confbad": "no_such_thing", "warned": "warn_if_reject, reject", "smtpd_client_restrictions": "",
        "smtpd_sender_restrictions": "reject_non_fqdn_sender, check_sender_access inline:{ {bad@x.test=reject}"
                                     " {soft@x.test=450 no} {table@x.test=tabfail} {conf@x.test=confbad}"
                                     " {rate@x.test=421 too} {warn@x.test=warned} }",
        "smtpd_data_restrictions": "check_sender_access inline:{ {data@x.test=reject} }",
        "smtpd_end_of_data_restrictions": "check_sender_access inline:{ {eod@x.test=reject} }",
        "smtpd_etrn_restrictions": "reject", "message_size_limit": "20000", "header_checks": "regexp:@etc@/checks",
        "smtpd_recipient_limit": "3", "hopcount_limit": "3", "smtpd_history_flush_threshold": "12",
        "smtpd_timeout": "30s", "smtpd_discard_ehlo_keywords": "chunking, xclient, size, dsn, enhancedstatuscodes, etrn",
        "default_process_limit": "10", "local_transport": "discard",
    }

    @classmethod
    def configure(cls, suite):
        suite.write("etc/checks", "/^Subject: bad/ reject no\n")
        suite.ports = {c: free_port() for c in CLASSES}
        suite.master_cf = "".join(SERVICE % (port, c, c, c) for c, port in suite.ports.items())
        suite.write_config()

    def talk(self, port, name, lines):
        """Says nothing but LINES; the connection ends with them."""
        with SmtpClient(("127.0.0.1", port), 30) as client:
            client.greeting()
            for line in (["EHLO " + name] if name else []) + lines:
                try:
                    client.send(line + "\r\n")
                    client.read_reply()
                except (Disconnected, ConnectionError):
                    break
            if lines[-1] != "QUIT":
                client.close()

    def notices(self, suite, count):
        """COUNT notices, as (recipient, lines)."""
        def look():
            return [e for e in suite.queue() if e["sender"].startswith("double-bounce@")]
        until(lambda: len(look()) >= count and all(e["queue_name"] == "deferred" for e in look()), 60,
              lambda: "%d notices, there are %s" % (count, self.about(self.read(suite, look()))))
        return self.read(suite, look())

    def read(self, suite, entries):
        found = []
        for entry in entries:
            queued = wait_queued(suite, entry["queue_id"])
            attributes = sorted("%s=%s" % item for item in queued.attributes.items() if item[0] != "create_time")
            lines = ["sender " + queued.sender, "attributes %s" % attributes] + queued.content.decode().split("\n")
            found.append((queued.recipients[0].split("@")[0], mask_lines(lines, suite)))
        return sorted(found)

    def about(self, notices):
        """{who: [classes]}"""
        found = {}
        for recipient, lines in notices:
            name = [m.group(1) for m in (re.match(r" In:  (?:EHLO|HELO) (\S+)", line) for line in lines) if m]
            found.setdefault(name[0] if name else "", []).append(recipient)
        return {name: sorted(classes) for name, classes in found.items()}

    def test_sessions(self):
        expected = {name: sorted(classes) for name, (_, classes) in SESSIONS.items() if classes}
        expected[""] = expected.pop("not-forgiven")      # where the greeting has gone with the message
        def one(suite):
            for port in suite.ports.values():
                for name, (lines, _) in SESSIONS.items():
                    self.talk(port, name, lines)
            return self.notices(suite, sum(len(classes) for _, classes in SESSIONS.values()))
        got = at_once(one, (self.theirs, self.ours))
        for suite in (self.theirs, self.ours):
            suite.run("postsuper", "-d", "ALL")
        about = [self.about(notices) for notices in got]
        self.assertEqual(about[0], expected, "Postfix")
        self.assertEqual(about[1], expected, "ours")
        for theirs, ours in zip(*got):
            self.assert_same(ours[1], theirs[1], "notice to " + theirs[0])

    def test_settings(self):
        def one(suite):
            before = {key: suite.main_cf.get(key) for key in settings}
            suite.set(**settings)
            suite.restart()
            suite.main_cf = {k: v for k, v in dict(suite.main_cf, **before).items() if v is not None}
            for port in suite.ports.values():
                self.talk(port, None if lines is None else "c", lines or RCPT[:1] + ["QUIT"])
            self.talk(suite.ports["protocol"], "sentinel", ["FOO", "QUIT"])
            found = [recipient for recipient, _ in self.notices(suite, len(classes))]
            suite.run("postsuper", "-d", "ALL")
            return found
        for name, (settings, lines, classes) in LIMITS.items():
            with self.subTest(case=name):
                self.assertEqual(at_once(one, (self.theirs, self.ours)), [classes, classes])


class ServersCase(ComparisonTestCase):
    """A server of its own for each product, at the end of relayhost."""
    maxDiff = None
    relay = True

    def send(self, suite, script):
        suite.sink._scripts.clear()
        for key, reply in script.items():
            suite.sink.reply(key, reply)
        mark = suite.log_mark()
        suite.sendmail(["-f", "s@held.test", "u@far.test"], "Subject: x\n\nhi\n")
        suite.wait_for_log(r"to=<u@far.test>.* status=", since=mark)
        return mark


# replies to a step; is the postmaster told?
REPLIES = [(step, code + " x", code in ("500", "501", "502", "503", "504", "555")) for step in
           ("CONNECT", "MAIL", "RCPT", "DATA", ".") for code in ("400", "451", "500", "501", "502", "503", "504", "550",
                                                                 "554", "555", "530")]
REPLIES += [("EHLO", "500 x", False), ("EHLO", "555 x", False), ("CONNECT", "354 x", True), ("MAIL", "354 x", True),
            ("RCPT", "354 x", True), (".", "354 x", True), ("DATA", "250 x", True), ("MAIL", "250 x", False),
            ("DATA", "354 x", False), ("RCPT", "200 x", False), ("CONNECT", "250 x", False)]


# how a session ends is a choice
GOOD_BYES = (" Out: QUIT", " In:  221 2.0.0 Bye", " Out: RSET", " In:  250 2.0.0 Ok")


@oracle.needed
class Client(ServersCase):
    main_cf = {"mydestination": "", "transport_maps": "inline:{ {held.test=retry:4.0.0 held} }", "notify_classes": "protocol",
               "error_notice_recipient": "err@held.test", "smtp_connection_cache_on_demand": "no"}

    def queued(self, suite):
        return [e for e in suite.queue() if e["sender"].startswith("double-bounce@") and e["queue_name"] == "deferred"]

    def test_what_is_told(self):
        expected = []
        for suite in (self.theirs, self.ours):
            suite.sink.keywords[:] = ["8BITMIME"]       # no PIPELINING: one thing after the other
            for step, reply, is_told in REPLIES:
                self.send(suite, {step: reply})
            expected = sum(1 for row in REPLIES if row[2])
            self.send(suite, {"MAIL": "504 last"})
        got = []
        for suite in (self.theirs, self.ours):
            until(lambda: len(self.queued(suite)) > expected, 60, lambda: "%s" % suite.queue())
            texts = []
            for entry in self.queued(suite):
                queued = wait_queued(suite, entry["queue_id"])
                lines = mask_lines(queued.content.decode().replace(":%d" % suite.sink.port, ":PORT").split("\n"), suite)
                texts.append("\n".join(["%s %s" % (queued.sender, queued.recipients)]
                                       + [line for line in lines if line not in GOOD_BYES]))
            got.append(sorted(texts))
            self.assertEqual(len(texts), expected + 1, suite.product.label)
        for theirs, ours in zip(*got):
            self.assert_same(ours.split("\n"), theirs.split("\n"), "notice")


@oracle.needed
class VerboseClient(ServersCase):
    main_cf = {"debug_peer_list": "127.0.0.1", "smtp_connection_cache_on_demand": "no"}

    def test_lines(self):
        got = []
        for suite in (self.theirs, self.ours):
            suite.sink.keywords[:] = ["8BITMIME"]
            mark = self.send(suite, {})
            suite.wait_for_log(r"smtp\[\d+\]: > .*: QUIT$", since=mark)      # the session goes on when the mail is sent
            lines = mask_lines([line.replace(":%d" % suite.sink.port, ":PORT") for line in suite.log_lines(mark)], suite)
            got.append([line.split("[PID]: ")[1] for line in lines if re.search(r"smtp\[PID\]: [<>] ", line)])
        self.assertIn("> 127.0.0.1[127.0.0.1]:PORT: MAIL FROM:<s@held.test>", got[0])
        self.assertEqual(*got)


@oracle.needed
class VerboseServer(ComparisonTestCase):
    maxDiff = None
    main_cf = {"debug_peer_list": "127.0.0.0/8", "notify_classes": "", "mydestination": "here.test",
               "local_transport": "discard", "local_recipient_maps": "", "smtpd_discard_ehlo_keywords": "chunking, size"}

    def test_lines(self):
        got = []
        for suite in (self.theirs, self.ours):
            mark = suite.log_mark()
            with suite.smtp() as client:
                for line in ["FOO", "AUTH PLAIN"] + GOOD:
                    client.send(line + "\r\n")
                    client.read_reply()
            suite.wait_for_log("smtpd.*: disconnect from", since=mark)
            lines = mask_lines(suite.log_lines(mark), suite)
            got.append([line.split("[PID]: ")[1] for line in lines if re.search(r"smtpd\[PID\]: [<>] ", line)])
        self.assertIn("< localhost[127.0.0.1]: FOO", got[0])
        self.assertEqual(*got)

    def test_other_clients_are_not_logged(self):
        """And passwords of nobody are."""
        self.ours.set(debug_peer_list="192.0.2.1", smtpd_authorized_xclient_hosts="127.0.0.1")
        self.ours.reload()
        mark = self.ours.log_mark()
        with self.ours.smtp() as client:
            client.send("AUTH PLAIN AHgAc2VjcmV0\r\n")
            client.read_reply()
        self.ours.wait_for_log("disconnect from", since=mark)
        self.assertEqual(self.ours.count_log(r": [<>] ", mark), 0)
        self.ours.set(debug_peer_list="127.0.0.1")
        self.ours.reload()
        with self.ours.smtp() as client:
            client.send("AUTH PLAIN AHgAc2VjcmV0\r\n")
            client.read_reply()
        self.ours.wait_for_log(r"< localhost\[127.0.0.1\]: AUTH PLAIN \(initial response\)", since=mark)
        self.assertEqual(self.ours.count_log("AHgAc2VjcmV0", mark), 0)

"""qmqpd beside Postfix's: answers, log lines, and what is in the queue."""
import re
import unittest

from support import oracle, qmqp
from support.compare import ComparisonTestCase
from support.mask import mask, mask_lines
from support.ports import free_port
from support.wait import until

TEXT = b"Subject: x\n\nhello\n"
GOOD = qmqp.request(TEXT, "s@x.test", "r@y.test")


@oracle.needed
class Qmqpd(ComparisonTestCase):
    main_cf = {"qmqpd_authorized_clients": "127.0.0.1", "qmqpd_error_delay": "0", "default_transport": "discard:", "local_transport": "discard:",
               "message_size_limit": "20000", "qmqpd_timeout": "1s", "in_flow_delay": "0", "defer_transports": "discard",
               "header_checks": "regexp:{{/^X-Bad/ REJECT bad thing}, {/^X-Wait/ DEFER not now}, {/^X-Code/ REJECT 5.7.9 coded}}",
               "inet_protocols": "ipv4"}

    @classmethod
    def configure(cls, suite):
        suite.ports = {name: free_port() for name in ("plain", "denied", "port", "soft", "filter")}
        options = {"plain": "", "denied": " -o qmqpd_authorized_clients=10.0.0.1", "port": " -o qmqpd_client_port_logging=yes",
                   "soft": " -o soft_bounce=yes", "filter": " -o content_filter=discard:after"}
        suite.master_cf = "".join("127.0.0.1:%d inet n - n - - qmqpd%s\n" % (port, options[name])
                                  for name, port in suite.ports.items())
        suite.write_config()

    def result(self, suite, data, service, ends):
        mark = suite.log_mark()
        answer = qmqp.send(suite.ports[service], data, ends=ends)
        suite.wait_for_log(r"qmqpd\[\d+\]: disconnect from", since=mark)
        queued = re.match(rb"KOk: queued as (\w+)$", answer)
        if queued:
            suite.wait_for_log(r"qmgr\[\d+\]: %s: from=" % queued.group(1).decode(), since=mark)
        lines = [line for line in suite.log_lines(mark) if "/qmqpd[" in line or (queued and "/qmgr[" in line and
                                                                                "from=" in line)]
        lines = [re.sub(r"\]:\d+", "]:PORT", line) for line in sorted(lines, key=lambda line: "/qmgr[" in line)]
        content = self.content(suite, queued.group(1).decode()) if queued else []
        return [mask(answer.decode(), suite)] + mask_lines(lines, suite) + content

    def content(self, suite, queue_id):
        """What postcat says of the message, when it has come to rest."""
        def path():
            found = [f for f in suite.queue_files("deferred") if f.endswith("/" + queue_id)]
            return found[0] if found else None
        until(path, 60, "message in deferred")
        text = suite.run("postcat", path()).stdout
        text = re.sub(r"(?m)^\*\*\* .*|^message_size.*|^create_time.*|^message_arrival.*|_port=\d+", "", text)
        return mask_lines([re.sub(r"\d{14}\.|; \w{3}, .*", "", line) for line in text.splitlines()], suite)

    def compare(self, name, data, service="plain", ends=True):
        with self.subTest(name):
            got = [self.result(suite, data, service, ends) for suite in (self.ours, self.theirs)]
            self.assert_same(got[0], got[1], name)

    def test_messages(self):
        request = qmqp.request
        for name, data in {
                "one": GOOD, "two": request(TEXT, "s@x.test", "r@y.test", "q@z.test"), "null sender": request(TEXT, "", "r@y.test"),
                "no recipient": request(TEXT, "s@x.test"), "without domain": request(TEXT, "s", "r"),
                "verp": request(TEXT, "list-@x.test-@[]", "r@y.test"), "bad verp": request(TEXT, "list@x.test-@[]", "r@y.test"),
                "mark alone": request(TEXT, "#@[]", "r@y.test"), "brackets": request(TEXT, "<s@x.test>", "r@y.test"),
                "nul": request(b"Subject: x\n\na\0b\n", "s@x.test", "r@y.test"),
                "8 bit": request("Subject: \u00fc\n\n\u00fc\n", "s@x.test", "r@y.test"),
                "no last LF": request(b"Subject: x\n\nlast", "s@x.test", "r@y.test"),
                "crlf": request(b"Subject: x\r\n\r\nlast\r\n", "s@x.test", "r@y.test"), "empty": request(b"", "s@x.test", "r@y.test"),
                "long line": request(b"Subject: x\n\n" + b"y" * 5000 + b"\n", "s@x.test", "r@y.test"),
                "line at the limit": request(b"Subject: x\n\n" + b"y" * 2048 + b"\nz\n", "s@x.test", "r@y.test"),
                "no header": request(b"text\n", "s@x.test", "r@y.test"),
                "mailbox line": request(b"From me Mon\nSubject: y\n\nx\n", "s@x.test", "r@y.test"),
                "hops": request(b"Received: x\n" * 60 + TEXT, "s@x.test", "r@y.test"),
                "rejected": request(b"X-Bad: y\n" + TEXT, "s@x.test", "r@y.test"),
                "deferred": request(b"X-Wait: y\n" + TEXT, "s@x.test", "r@y.test"),
                "coded": request(b"X-Code: y\n" + TEXT, "s@x.test", "r@y.test"), "more behind it": GOOD + b"garbage"}.items():
            self.compare(name, data)
        self.compare("soft", request(TEXT, "s@x.test"), "soft")
        self.compare("port", GOOD, "port")
        self.compare("filter", GOOD, "filter")
        self.compare("denied", b"", "denied")

    def test_no_requests(self):
        for name, data in {
                "letters": b"abc", "signed": b"-5:", "nothing inside": b"0:,", "blank": b" 5:hello,",
                "larger than allowed": b"99999999:99999980:", "number without end": b"9" * 30 + b":",
                "long sender": qmqp.request(TEXT, "s" * 3000 + "@x.test", "r@y.test"),
                "long recipient": qmqp.request(TEXT, "s@x.test", "r" * 3000 + "@y.test"), "no comma at end": GOOD[:-1] + b";",
                "no comma inside": GOOD.replace(b"hello\n,", b"hello\n;"), "no comma of sender": GOOD.replace(b"s@x.test,", b"s@x.test;"),
                "cut in the length": b"5", "cut in the content": GOOD[:15], "cut in an address": GOOD[:-6],
                "cut at the end": GOOD[:-1]}.items():
            self.compare(name, data)
        self.compare("silent", b"", ends=False)
        self.compare("silent in the middle", GOOD[:15], ends=False)


if __name__ == "__main__":
    unittest.main()

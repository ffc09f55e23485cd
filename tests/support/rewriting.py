"""Many messages through both mail systems under one configuration: what arrived, what was answered, what was logged.

A RewritingTestCase starts a pair of instances for each feature(), puts the corpus through both at once and compares
message by message. Which message a delivery belongs to is told by its ENVID.
"""
import difflib
import re
import threading
from concurrent.futures import ThreadPoolExecutor

from .compare import ONCE, ComparisonTestCase, sides, whole_log
from .header_corpus import messages
from .mask import mask, mask_lines
from .sink import KEYWORDS, Sink
from .suite import Suite

SESSIONS = 4
SHOWN = 8       # differing messages a failure prints
BASE = {"mydestination": "here.test, $myhostname, localhost", "myorigin": "origin.test", "local_recipient_maps": "",
        "local_transport": "smtp:@sink@", "virtual_alias_domains": "virt.test", "smtp_destination_concurrency_limit": "4",
        "local_destination_concurrency_limit": "4", "smtpd_recipient_restrictions": "", "smtp_tls_security_level": "none",
        "smtpd_relay_restrictions": "permit_mynetworks, reject", "bounce_queue_lifetime": "1d",
        # an error is no reason to say goodbye or to wait
        "smtpd_soft_error_limit": "100000", "smtpd_hard_error_limit": "100000", **ONCE,
        # nor are many messages
        "in_flow_delay": "0"}


def say(client, message, number):
    """One transaction; the replies."""
    options = " ENVID=m%04d" % number + (" " + message.options if message.options else "")
    lines = ["MAIL FROM:<%s>%s" % (message.sender, options)] + ["RCPT TO:<%s>" % r for r in message.recipients] + ["DATA"]
    client.send("\r\n".join(lines) + "\r\n")
    replies = [client.read_reply() for _ in lines]
    replies.append(client.body(message.data) if replies[-1].code == 354 else client.rset())
    return [line for reply in replies for line in reply.lines]


def by_smtp(suite, corpus):
    """All of CORPUS in a few sessions at a time; the replies for each."""
    replies, numbers = [["no session"]] * len(corpus), iter(range(len(corpus)))

    def session():
        with suite.smtp(timeout=60) as client:
            for number in numbers:
                replies[number] = say(client, corpus[number], number)
    threads = [threading.Thread(target=session) for _ in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def by_sendmail(suite, corpus):
    """All of CORPUS by sendmail -t, whose recipients are those of the headers; the exit status and what was said for each."""
    def hand_in(item):
        number, message = item
        done = suite.run("sendmail", "-t", "-i", "-V", "m%04d" % number, "-f", message.sender, stdin=message.data, check=False)
        # what postdrop says when sendmail goes without a word to it depends on how much it has read by then
        return ["exit status %d" % done.returncode, *re.findall("(?m)^(?!postdrop:).+", done.stdout + done.stderr)]
    with ThreadPoolExecutor(SESSIONS) as pool:
        return list(pool.map(hand_in, enumerate(corpus)))


class Outcome:
    """What became of the messages in one instance."""

    def __init__(self, suite, submit, corpus):
        mark = suite.log_mark()
        replies = submit(suite, corpus)
        suite.wait_queue_empty(timeout=300)
        self.ids = {}
        self.entries = [["reply: " + line for line in mask_lines(lines, suite)] for lines in replies]
        self.others = []                # bounces and the like
        for text, number in sorted((self.delivery(d, suite), self.number(d)) for d in suite.sink.messages):
            # how an address that is none is told of is not compared
            if number is None and "bad address syntax" in text:
                continue
            if number is None:
                self.others.append(text)
            else:
                self.entries[number] += text.split("\n")
        self.logged = [line for line in mask_lines(whole_log(suite, mark), suite) if "/cleanup[" in line
                       and not re.search("valid_ipv4_hostaddr|message-id=<| cut from", line)]

    @staticmethod
    def number(delivered):
        found = re.search(r"ENVID=m(\d+)", delivered.mail)
        return int(found.group(1)) if found else None

    @staticmethod
    def delivery(delivered, suite):
        lines = ["MAIL FROM:" + re.sub(r" SIZE=\d+", "", delivered.mail)] + sorted("RCPT TO:" + r for r in delivered.rcpts)
        # one address for all: whose ORCPT is kept is chance
        lines = [re.sub(r"(RCPT TO:<(?:elsewhere|end)@far\.test>).*", r"\1", line) for line in lines]
        return re.sub(r"\bQID\.\d+/", "QID.N/", mask("\n".join(lines + delivered.text.split("\n")), suite))


class RewritingTestCase(ComparisonTestCase):
    """Subclasses say feature(main_cf=...) in their tests; there is no pair of instances for the class."""

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def one_side(self, which, settings, maps, keywords, submit, results):
        suite = None
        try:
            sink = Sink(keywords=keywords)
            suite = Suite(dict(BASE, relayhost="@sink@", **settings), "", which)
            suite.sink = sink
            suite.set(**{k: str(v).replace("@sink@", sink.nexthop) for k, v in suite.main_cf.items()})
            suite.make_aliases("")
            for name, text in maps.items():
                kind, _, name = name.rpartition(":")
                text = text.replace("@sink@", sink.nexthop)
                suite.make_map(name, text) if not kind else suite.write("etc/" + name, text)
            with suite:
                results[which.label] = Outcome(suite, submit, self.corpus)
            sink.close()
        except BaseException as error:
            results[which.label] = error

    def feature(self, maps=None, keywords=None, submit=by_smtp, without=(), **settings):
        """The corpus under SETTINGS of main.cf and MAPS: names like "x" are made hash tables, "regexp:x" are text.

        WITHOUT: names of messages that are left out."""
        self.corpus = [message for message in messages() if message.name not in without]
        results = {}
        both = sides()
        threads = [threading.Thread(target=self.one_side, args=(which, settings, maps or {}, keywords or KEYWORDS, submit, results))
                   for which in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for result in results.values():
            if isinstance(result, BaseException):
                raise result
        self.compare(*(results[which.label] for which in both))

    def compare(self, ours, theirs):
        wrong = []
        for message, a, b in zip(self.corpus, ours.entries, theirs.entries):
            if a != b:
                wrong.append("\n".join([message.name, *difflib.unified_diff(b, a, "Postfix", "ours", lineterm="", n=1)]))
        for what, a, b in (("others", "\n".join(ours.others).split("\n"), "\n".join(theirs.others).split("\n")),
                           ("log", ours.logged, theirs.logged)):
            if sorted(a) != sorted(b):
                wrong.append("\n".join([what, *list(difflib.unified_diff(sorted(b), sorted(a), "Postfix", "ours", lineterm="", n=0))[:40]]))
        if wrong:
            self.fail("%d of %d messages differ:\n%s" % (len(wrong), len(self.corpus), "\n\n".join(wrong[:SHOWN])))

"""A spool changes hands: what one product queued, the other one delivers, in place and under the same queue ids.

Each test runs both ways, with short and with long queue ids.
"""
import itertools
import os
import re
import unittest
from concurrent.futures import ThreadPoolExecutor

from support import milter, oracle, product as products
from support.queue_files import QUEUES
from support.queued import records
from support.sink import Sink
from support.suite import Suite
from support.wait import until

MAIL = "From: a@far.test\nTo: b@far.test\nSubject: %s\nMessage-Id: <%s@far.test>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n\n%s"
BODY = "one\n.two\n" + "x" * 900 + "\n\u00e4\u00f6\n"
BASE36 = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"


def ways():
    ours, theirs = products.staged(), oracle.product()
    for long_ids in ("no", "yes"):
        yield "Postfix to ours, long ids: " + long_ids, theirs, ours, long_ids
        yield "ours to Postfix, long ids: " + long_ids, ours, theirs, long_ids


def hash_directory(queue_id):
    """The subdirectory that a queue file of this id belongs into."""
    if "z" not in queue_id[6:]:
        return queue_id[0]
    usec = 0
    for letter in queue_id[6:10]:
        usec = usec * 52 + BASE36.index(letter)
    return ("%05X" % usec)[0]


class Pair:
    """The product that queues and the one that takes over; each has its own sink to relay to."""

    def __init__(self, giver, taker, long_ids, **settings):
        self.sinks = Sink(), Sink()
        self.suites = []
        for which, sink in zip((giver, taker), self.sinks):
            values = {"relayhost": sink.nexthop, "enable_long_queue_ids": long_ids,
                      "minimal_backoff_time": "1000s", "maximal_backoff_time": "1000s", "bounce_queue_lifetime": "1d",
                      "header_checks": "regexp:@etc@/header_checks", "smtp_destination_concurrency_limit": "1"}
            values.update(settings)
            suite = Suite(values, product=which)
            suite.write("etc/header_checks", "/^Subject: hold/ HOLD\n")
            suite.make_aliases("")
            self.suites.append(suite)
        self.giver, self.taker = self.suites
        self.given, self.taken = self.sinks

    def hand_over(self):
        """The giver has stopped; its queue becomes the taker's, sockets and all."""
        os.rmdir(self.taker.queue_directory)
        os.rename(self.giver.queue_directory, self.taker.queue_directory)
        self.taker.start()

    def flushed(self):
        """The first message that the taker sends when it is asked to; a queue manager may be busy with a look of its own."""
        def sent():
            self.taker.flush()
            return self.taken.messages
        return until(sent, 30, lambda: "a message\n" + self.taker.tail())[0]

    def close(self):
        for sink in self.sinks:
            sink.close()
        for suite in self.suites:
            suite.close()

    def ids(self, queue):
        """{queue id: path below the queue}, of the queue that the taker has or will have."""
        suite = self.taker if os.path.isdir(self.taker.queue_directory + "/deferred") else self.giver
        top = os.path.join(suite.queue_directory, queue)
        return {os.path.basename(p): os.path.relpath(p, top) for p in suite.queue_files(queue)}


def without_service(suite, name):
    """Write a master.cf that lacks a service."""
    path = suite.path("etc/master.cf")
    with open(path) as f:
        lines = [line for line in f if line.split()[:1] != [name]]
    with open(path, "w") as f:
        f.writelines(lines)


def make_warning_due(path):
    """Set the time in the record of type W into the past."""
    when = [data for kind, data in records(path) if kind == "W"]
    if len(when) != 1:
        raise AssertionError("records of type W: %s" % when)
    with open(path, "rb") as f:
        before = f.read()
    head = b"W" + bytes([len(when[0])])
    with open(path, "r+b") as f:
        f.seek(before.index(head + when[0]))
        f.write(head + b"1700000000".rjust(len(when[0]), b" "))


def submit(suite, subject, recipients, options="BODY=8BITMIME"):
    with suite.smtp() as client:
        steps = [client.mail("a@far.test", options)]
        steps += [client.rcpt(r) for r in recipients]
        steps.append(client.data((MAIL % (subject, subject, BODY)).encode()))
        for reply in steps:
            if reply.code != 250:
                raise AssertionError(reply.lines)
    return re.search(r"queued as (\w+)", steps[-1].text).group(1)


@oracle.needed
class Interchange(unittest.TestCase):
    maxDiff = None

    def each_way(self, steps, **settings):
        def one(way):
            _, giver, taker, long_ids = way
            pair = Pair(giver, taker, long_ids, **settings)
            try:
                steps(pair)
            except BaseException:
                print("\n".join(s.tail() for s in pair.suites))
                raise
            finally:
                pair.close()
        with ThreadPoolExecutor() as pool:      # starts and stops are mostly waiting
            outcomes = [(way[0], pool.submit(one, way)) for way in ways()]
        for name, outcome in outcomes:
            with self.subTest(way=name):
                outcome.result()

    def test_deferred(self):
        """Some recipients done, the others with their reasons in a defer log."""
        def steps(pair):
            pair.given.reply("RCPT", lambda s, line: None if "done@" in line else "450 4.2.1 <later> try later")
            pair.giver.start()
            queue_id = submit(pair.giver, "deferred", ["late1@far.test", "done@far.test", "late2@far.test"])
            pair.giver.wait_for_log(queue_id + r": to=<done@far.test>.*status=sent")
            pair.giver.wait_for_log(queue_id + r": to=<late2@far.test>.*status=deferred")
            until(lambda: pair.ids("deferred"), 30, "deferred file")
            listed, described = pair.giver.postqueue(), pair.giver.queue()
            places = pair.ids("deferred"), pair.ids("defer")
            self.assertEqual(places[0], {queue_id: os.path.join(hash_directory(queue_id), queue_id)})
            pair.giver.stop()

            pair.hand_over()
            self.assertEqual(pair.taker.postqueue(), listed)
            self.assertEqual(pair.taker.queue(), described)
            self.assertEqual((pair.ids("deferred"), pair.ids("defer")), places)
            self.assertEqual(pair.taken.messages, [], "delivered before its time")
            message = pair.flushed()
            pair.taker.wait_queue_empty()
            self.assertEqual(message.recipients, ["late1@far.test", "late2@far.test"])
            self.assertEqual(message.mail, pair.given.messages[0].mail)
            self.assertEqual(message.data, pair.given.messages[0].data)
            pair.taker.wait_for_log(r"qmgr\[\d+\]: %s: from=<a@far.test>, size=\d+, nrcpt=\d" % queue_id)
            pair.taker.wait_for_log(queue_id + r": to=<late1@far.test>.*status=sent")
            until(lambda: not pair.ids("defer"), 30, "no defer log")
        self.each_way(steps)

    def test_deferred_that_is_due(self):
        """The time stamp says when; nobody has to ask."""
        def steps(pair):
            pair.given.reply("RCPT", "450 4.2.1 later")
            pair.giver.start()
            early, late = submit(pair.giver, "early", ["e@far.test"]), submit(pair.giver, "late", ["l@far.test"])
            until(lambda: len(pair.ids("deferred")) == 2, 30, "two deferred files")
            pair.giver.stop()
            path = os.path.join(pair.giver.queue_directory, "deferred", pair.ids("deferred")[early])
            os.utime(path, (1700000000, 1700000000))
            pair.hand_over()
            pair.taker.wait_for_log(early + r": to=<e@far.test>.*status=sent")
            self.assertEqual(list(pair.ids("deferred")), [late])
            self.assertEqual(pair.taker.count_log(late), 0)
        self.each_way(steps, queue_run_delay="1s")

    def test_delay_warning(self):
        """The time of the warning to the sender is in the queue file."""
        def steps(pair):
            for sink in pair.sinks:
                sink.reply("RCPT", lambda s, line: "450 4.2.1 later" if "b@far" in line else None)
            pair.giver.start()
            queue_id = submit(pair.giver, "delayed", ["b@far.test"])
            until(lambda: pair.ids("deferred"), 30, "deferred file")
            pair.giver.stop()
            make_warning_due(os.path.join(pair.giver.queue_directory, "deferred", pair.ids("deferred")[queue_id]))
            pair.hand_over()
            notice = pair.flushed()
            self.assertEqual((notice.sender, notice.recipients), ("", ["a@far.test"]))
            self.assertIn("Action: delayed", notice.text)
            self.assertIn("Subject: delayed", notice.text)
            pair.taker.wait_for_log(queue_id + r": sender delay notification: ")
        self.each_way(steps, delay_warning_time="1h")

    def test_edited_by_a_mail_filter(self):
        """Both edit in place: pointers lead to what was added at the end."""
        edits = [milter.insert_header(0, "X-First", "1"), milter.add_header("X-Last", "folded\n value"),
                 milter.change_header(1, "Subject", "edited " + "s" * 200), milter.change_header(1, "Message-Id", ""),
                 milter.add_recipient("c@far.test"), milter.delete_recipient("b@far.test"),
                 milter.change_sender("other@far.test"), milter.replace_body(b"new line\r\n" * 500 + b"end\r\n")]
        products_of_ways = ((oracle.product, products.staged), (products.staged, oracle.product))
        for hold, (giver, taker) in itertools.product((False, True), products_of_ways):
            with self.subTest(hold=hold, giver=giver().label), milter.Milter(edits) as editor:
                pair = Pair(giver(), taker(), "no")
                self.addCleanup(pair.close)
                pair.giver.set(smtpd_milters=editor.address, milter_protocol="6")
                pair.given.reply("RCPT", "450 4.2.1 later")
                pair.giver.start()
                submit(pair.giver, "hold it" if hold else "x", ["a@far.test", "b@far.test"])
                queue = "hold" if hold else "deferred"
                until(lambda: pair.ids(queue), 30, "file in " + queue)
                ids = list(pair.ids(queue))
                described, shown = pair.giver.queue(), pair.giver.run("postcat", "-q", *ids).stdout
                pair.giver.stop()
                pair.hand_over()
                self.assertEqual(pair.taker.queue(), described)
                self.assertEqual(pair.taker.run("postcat", "-q", *ids).stdout, shown)
                pair.taker.run("postsuper", "-H", "ALL")
                message = pair.flushed()
                pair.taker.wait_queue_empty()
                self.assertEqual((message.sender, message.recipients), ("other@far.test", ["a@far.test", "c@far.test"]))
                head, _, body = message.text.partition("\n\n")
                self.assertEqual(body, "new line\n" * 500 + "end\n")
                self.assertTrue(head.startswith("X-First: 1\n"), head)
                self.assertTrue(head.endswith("\nX-Last: folded\n value"), head)
                self.assertIn("\nSubject: edited " + "s" * 200 + "\n", head)
                self.assertNotIn("Message-Id", head)

    def test_hold(self):
        def steps(pair):
            pair.giver.start()
            queue_id = submit(pair.giver, "hold it", ["b@far.test"], "RET=HDRS ENVID=e+2Bf")
            until(lambda: pair.ids("hold"), 30, "held file")
            listed = pair.giver.postqueue()
            self.assertIn(queue_id + "!", listed)
            pair.giver.stop()
            pair.hand_over()
            self.assertEqual(pair.taker.postqueue(), listed)
            pair.taker.flush()
            self.assertEqual(list(pair.ids("hold")), [queue_id])
            pair.taker.run("postsuper", "-H", queue_id)
            message = pair.flushed()
            self.assertIn(" RET=HDRS", message.mail)
            self.assertIn(" ENVID=e+2Bf", message.mail)
            self.assertIn("\nSubject: hold it\n", message.text)
            pair.taker.wait_queue_empty()
        self.each_way(steps)

    def test_maildrop(self):
        """Submitted while the mail system was down."""
        def steps(pair):
            pair.giver.start()
            pair.giver.stop()
            pair.giver.sendmail(["-f", "a@far.test", "-F", "A B", "-V", "env", "-N", "failure,delay", "-B8BITMIME", "b@far.test"],
                                "Subject: x\n\none\n\u00e4\n")
            self.assertEqual(len(pair.ids("maildrop")), 1)
            pair.hand_over()
            message = pair.taken.wait_for(1)[0]
            self.assertIn("ENVID=env", message.mail)
            self.assertIn("BODY=8BITMIME", message.mail)
            self.assertIn("NOTIFY=FAILURE,DELAY", message.rcpts[0])
            self.assertTrue(message.data.endswith(b"\none\n\xc3\xa4\n"), message.data)
            self.assertIn("From: A B <a@far.test>", message.text)
            pair.taker.wait_queue_empty()
        self.each_way(steps)

    def test_incoming(self):
        """Accepted, and not seen by a queue manager: there is none."""
        def steps(pair):
            without_service(pair.giver, "qmgr")
            pair.giver.start()
            ids = {submit(pair.giver, "in%d" % i, ["b@far.test", "c@far.test"]) for i in range(3)}
            self.assertEqual(set(pair.ids("incoming")), ids)
            pair.giver.stop()
            pair.hand_over()
            messages = pair.taken.wait_for(3)
            self.assertEqual({m.text.split("Subject: ")[1][:3] for m in messages}, {"in0", "in1", "in2"})
            for message in messages:
                self.assertEqual(message.recipients, ["b@far.test", "c@far.test"])
                self.assertIn("BODY=8BITMIME", message.mail)
                self.assertTrue(message.data.endswith(BODY.encode()), message.data[-100:])
            for queue_id in ids:
                pair.taker.wait_for_log(queue_id + r": removed")
            pair.taker.wait_queue_empty()
        self.each_way(steps, in_flow_delay="0s")

    def test_active(self):
        """The power fails in the middle of a delivery."""
        def steps(pair):
            pair.given.reply(".", Sink.HANG)
            pair.giver.start()
            queue_id = submit(pair.giver, "active", ["b@far.test"])
            until(lambda: any(c == "DATA" for c in pair.given.commands), 30, "delivery under way")
            self.assertEqual(list(pair.ids("active")), [queue_id])
            pair.giver.kill()
            pair.hand_over()
            message = pair.taken.wait_for(1)[0]
            self.assertTrue(message.data.endswith(BODY.encode()))
            pair.taker.wait_for_log(queue_id + r": removed")
        self.each_way(steps)

    def test_bounce_log(self):
        """One recipient was refused when the power failed: the sender hears of it all the same."""
        def steps(pair):
            pair.given.reply("RCPT", lambda s, line: "550 5.1.1 no such user here" if "bad@" in line else None)
            pair.given.reply(".", Sink.HANG)
            pair.giver.start()
            queue_id = submit(pair.giver, "bounced", ["bad@far.test", "good@far.test"])
            pair.giver.wait_for_log(queue_id + r": to=<bad@far.test>.*status=bounced")
            until(lambda: "DATA" in pair.given.commands, 30, "delivery to the other one")
            until(lambda: pair.ids("bounce"), 30, "a bounce log")
            self.assertEqual((list(pair.ids("bounce")), list(pair.ids("active"))), ([queue_id], [queue_id]))
            pair.giver.kill()
            pair.hand_over()
            pair.taken.wait_for(2)
            mail = {m.sender: m for m in pair.taken.messages}
            self.assertEqual(mail["a@far.test"].recipients, ["good@far.test"])
            self.assertEqual(mail[""].recipients, ["a@far.test"])
            notice = mail[""].text
            for part in ("Final-Recipient: rfc822; bad@far.test", "Status: 5.1.1", "no such user here",
                         "Diagnostic-Code: smtp; 550 5.1.1 no such user here", "Subject: bounced"):
                self.assertIn(part, notice)
            self.assertNotIn("good@far.test", notice.split("message/rfc822")[0])
            pair.taker.wait_queue_empty()
            until(lambda: not pair.ids("bounce"), 30, "no bounce log")
        self.each_way(steps)

    def test_queue_directories(self):
        """The taker finds what it needs, and changes neither modes nor owners."""
        def steps(pair):
            pair.giver.start()
            pair.giver.stop()

            def look(suite):
                out = {}
                for name in set(QUEUES) - {"journal"}:     # Postfix has none
                    status = os.stat(os.path.join(suite.queue_directory, name))
                    out[name] = "%o %d" % (status.st_mode, status.st_uid)
                return out
            before = look(pair.giver)
            pair.hand_over()
            self.assertEqual(look(pair.taker), before)
        self.each_way(steps)


if __name__ == "__main__":
    unittest.main()

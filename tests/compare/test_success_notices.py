"""What a sender hears who asks for success, for a probe (sendmail -bv) or for a report (-v), beside Postfix: each kind of
recipient, by each program that delivers."""
import re
import unittest

from support import oracle
from support.compare import ComparisonTestCase, at_once, wait_at_rest
from support.mask import mask
from support.sink import Sink

ROUTES = "disc.test=discard:x, pipe.test=pipe:, plain.test=smtp:%s, dsn.test=smtp:%s, bad.test=smtp:%s"
RECIPIENTS = ["games@here.test", "file@here.test", "command@here.test", "user@here.test", "away@here.test", "two@here.test",
              "owned@here.test", "list@here.test", "include@here.test", "alias@here.test", "u@virt.test", "x@disc.test", "x@pipe.test",
              "x@plain.test", "x@dsn.test", "x@bad.test"]
FIELDS = re.compile("<|Final-R|Original-R|Action|Status|Diagnostic|Remote")


@oracle.needed
class SuccessNotices(ComparisonTestCase):
    main_cf = {"mydestination": "$myhostname, here.test", "virtual_mailbox_domains": "virt.test",
               "virtual_mailbox_base": "@dir@/mail", "virtual_mailbox_maps": "inline:{u@virt.test=v}",
               "virtual_uid_maps": "static:65534", "virtual_gid_maps": "static:65534",
               "virtual_alias_maps": "inline:{alias@here.test=games@here.test}"}
    master_cf = "pipe unix - n n - - pipe user=nobody argv=/bin/true\n"

    @classmethod
    def configure(cls, suite):
        sinks = Sink(keywords=["PIPELINING"]), Sink(), Sink()
        for sink in sinks:
            cls.addClassCleanup(sink.close)
        sinks[2].reply("RCPT", "550 5.1.1 no such user")
        suite.set(transport_maps="inline:{%s}" % (ROUTES % tuple(sink.nexthop for sink in sinks)))
        suite.make_aliases(
            "file: {0}/mail/f\ncommand: |/bin/true\nuser: games\naway: r@plain.test\ntwo: games, r@plain.test\nowned: games\n"
            "owner-owned: games\nlist: games, file\nowner-list: back\ninclude: :include:{1}\nback: {0}/mail/back\n".format(
                suite.dir, suite.write("etc/members", "games\n")))

    def reports(self, suite, recipient, options):
        mark, before = suite.log_mark(), len(suite.mailbox("back"))
        suite.sendmail(["-i", "-f", "back@here.test", *options, recipient], "Subject: x\n\nx\n")
        suite.wait_for_log(r"pickup\[\d+\]: \w+: uid", since=mark)
        wait_at_rest(suite)
        text = mask(suite.mailbox("back")[before:], suite).replace("\n    ", " ")
        # two reports of one message may arrive in either order
        messages = sorted([re.sub(":%s" % r"\d+: 250", ":PORT: 250", line) for line in message.split("\n") if FIELDS.match(line)]
                          for message in re.split("(?m)^From ", text))
        return sum(messages, [])

    def test_all(self):
        for options in (["-N", "success"], ["-N", "success,failure"], ["-bv"], ["-v"]):
            heard = 0
            for recipient in RECIPIENTS:
                with self.subTest(recipient=recipient, options=options):
                    ours, theirs = at_once(lambda suite: self.reports(suite, recipient, options),  # pylint: disable=cell-var-from-loop
                                           (self.ours, self.theirs))
                    heard += bool(theirs)
                    self.assert_same(ours, theirs, "report of " + recipient)
            self.assertGreater(heard, 10)


if __name__ == "__main__":
    unittest.main()

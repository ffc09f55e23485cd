"""pipe(8) beside Postfix: what commands get as arguments, environment and input, and the status lines."""
import os
import re
import unittest

from support import oracle
from support.compare import ComparisonTestCase
from support.mask import mask_lines
from support.wait import until

# The command writes what it got to a file of the instance: arguments, environment, input.
SHOW = ("#!/bin/sh\n"
        "exec 9>>@dir@/mail/lock; flock 9\n"
        "{ for a in \"$@\"; do echo \"[$a]\"; done; echo ==; env | sort | grep -v '^_=\\|SHLVL\\|ASAN\\|UBSAN\\|LSAN';"
        " echo ==; pwd; echo ==; cat; echo END; } >>@dir@/mail/seen\n")

EXIT = '#!/bin/sh\necho "$2"; exit "$1"\n'

# service: attributes
SHOWN = {
    "plain": "user=nobody argv=@etc@/show ${sender} ${recipient}",
    "macros": "user=nobody argv=@etc@/show c=$client_address h=$client_helo n=$client_hostname"
              " P=$client_protocol d=$domain n=$nexthop s=$size q=X$queue_id m=$sasl_method x=$$ y=$(sender)",
    "rcpts": "user=nobody argv=@etc@/show -d $user e=$extension ${mailbox}@$domain o=$original_recipient -- (${recipient})",
    "folded": "flags=hu user=nobody argv=@etc@/show $recipient $user $domain $nexthop $mailbox $original_recipient $extension",
    "quoted": "flags=q user=nobody argv=@etc@/show $recipient $sender $user $original_recipient",
    "all": "flags=BDFORXhqu.> user=nobody argv=@etc@/show $recipient",
    "d-one": "flags=D user=nobody argv=@etc@/show $recipient",
    "bsmtp": "flags=Fq. user=nobody eol=\\r\\n argv=@etc@/show -t$nexthop -f$sender $recipient",
    "eol": "flags=BR user=nobody eol=\\101\\t\\\\\\n argv=@etc@/show x",
    "null": "flags=FR user=nobody null_sender=nobody-there argv=@etc@/show $sender",
    "none": "flags=FR user=nobody null_sender= argv=@etc@/show -f $sender -- $recipient",
    "words": "user=nobody argv=@etc@/show { two words } {$sender and} {} last",
    "braces": "{ user=nobody } { flags=R } argv=@etc@/show x",
    "where": "user=nobody directory=/usr/lib argv=@etc@/show x",
    "group": "user=nobody:daemon argv=/bin/sh @etc@/show $user",
}
FAILED = {
    "exit67": "user=nobody argv=@etc@/exit 67 {no such one}",
    "exit75": "user=nobody argv=@etc@/exit 75 busy",
    "exit99": "user=nobody argv=@etc@/exit 99 odd",
    "exit0": "user=nobody argv=@etc@/exit 0 {some output}",
    "own5": "user=nobody argv=@etc@/exit 1 {5.7.9 own words}",
    "own4": "user=nobody argv=@etc@/exit 1 {4.2.9 own words}",
    "own2": "user=nobody argv=@etc@/exit 1 {2.1.5 own words}",
    "own0": "user=nobody argv=@etc@/exit 0 {5.1.1 not looked at}",
    "nothere": "user=nobody argv=/no/such/command x",
    "killed": "user=nobody argv=/bin/sh -c {kill -9 $$$$}",
    "slow": "user=nobody argv=/bin/sleep 60",
    "badmacro": "user=nobody argv=@etc@/show $nosuch",
    "badeol": "user=nobody eol=\\q argv=@etc@/show x",
    "d-many": "flags=D user=nobody argv=@etc@/show $recipient",
    "o-many": "flags=O user=nobody argv=@etc@/show $recipient",
    "big": "size=100 user=nobody argv=@etc@/show x",
}
# what keeps the program from starting
BROKEN = {
    "nouser": "argv=@etc@/show x",
    "noargv": "user=nobody",
    "root": "user=root argv=@etc@/show x",
    "owner": "user=postfix argv=@etc@/show x",
    "ownergroup": "user=nobody:postfix argv=@etc@/show x",
    "unknown": "user=no-such-user argv=@etc@/show x",
    "badgroup": "user=nobody:no-such-group argv=@etc@/show x",
    "badflag": "flags=Z user=nobody argv=@etc@/show x",
    "badattr": "user=nobody color=red argv=@etc@/show x",
    "badsize": "user=nobody size=many argv=@etc@/show x",
}
TEXT = "From: a@far.test\nSubject: s\n\nFrom here\n>From there\n.\n..two\ntext\n"


@oracle.needed
class PipeLikeTheOracle(ComparisonTestCase):
    main_cf = {"recipient_delimiter": "+", "slow_time_limit": "1s", "transport_maps": "hash:@etc@/transport",
               "virtual_alias_maps": "inline:{old@macros.test=new@macros.test, old@rcpts.test=zNew+Ext@rcpts.test,"
                                     " {Old+X@folded.test=new+Ext@folded.test}}",
               "export_environment": "TZ MAIL_CONFIG LANG=C", "queue_run_delay": "1h", "d-one_destination_recipient_limit": "1",
               "all_destination_recipient_limit": "1"}
    maps = {"transport": "".join("%s.test %s:NextHop.%s.test\n" % (n, n, n) for n in [*SHOWN, *FAILED, *BROKEN])}

    @classmethod
    def configure(cls, suite):
        for name, text in (("show", SHOW), ("exit", EXIT)):
            os.chmod(suite.write("etc/" + name, suite.expand(text)), 0o755)
        suite.master_cf = "".join("%s unix - n n - - pipe\n  %s\n" % item for item in {**SHOWN, **FAILED, **BROKEN}.items())
        suite.write_config()

    def deliver(self, suite, to, sender='"Sen der"@x.test', *options, text=TEXT):
        """The status lines, and warnings, of one message."""
        mark = suite.log_mark()
        suite.sendmail(["-i", "-f", sender, *options, *to], text)
        queue_id = suite.wait_for_log(r"pickup\[\d+\]: (\w+): uid", since=mark).group(1)
        until(lambda: suite.count_log(queue_id + ": to=", since=mark) == len(to), 30, suite.tail)
        lines = [line for line in suite.log_lines(mark)
                 if queue_id + ": to=" in line or re.search(r"pipe\[\d+\]: warning: (file|pipe flag)", line)]
        lines = [re.sub(r"^.*?/(\w+)\[\d+\]: (\w+: )?(.*)", r"\1 \3", line) for line in lines]
        lines = [re.sub(r"delays?=[^ ]+ ", "", line) for line in lines]
        self.assertTrue(lines, suite.tail())
        return sorted(mask_lines(lines, suite))

    def seen(self, suite):
        path = suite.path("mail/seen")
        try:
            with open(path) as f:
                text = f.read()
        except FileNotFoundError:
            return []
        os.truncate(path, 0)  # opened to be written, it might be protected (fs.protected_regular)
        text = re.sub(r"(?m)^(\[?q=X)\w+|From (.*)  ... .*$", r"\1\2", text)
        return [line for one in sorted(text.split("END\n")) for line in mask_lines(one.splitlines(), suite)]

    def compare(self, name, to, *options, text=TEXT):
        results = []
        for suite in (self.ours, self.theirs):
            lines = self.deliver(suite, to, *options, text=text)
            results.append(lines + self.seen(suite))
        self.assert_same(results[0], results[1], name)

    def test_shown(self):
        for name in SHOWN:
            for to in (["User+Ext"], ["UPPER+x", "a b", "old"]):
                with self.subTest(service=name, to=to):
                    self.compare(name, ["%s@%s.test" % (user.replace(" ", "."), name.upper()) for user in to])
            with self.subTest(service=name, sender="null"):
                self.compare(name, ['"a b"@%s.test' % name], "")

    def test_failed(self):
        for name in FAILED:
            with self.subTest(service=name):
                self.compare(name, ["User@%s.test" % name, "second@%s.test" % name])

    def test_broken(self):
        for name in BROKEN:
            with self.subTest(service=name):
                self.assert_same(self.fatal(self.ours, name), self.fatal(self.theirs, name), name)

    def fatal(self, suite, name):
        mark = suite.log_mark()
        suite.sendmail(["-i", "-f", "me@x.test", "User@%s.test" % name], TEXT)
        return mask_lines([suite.wait_for_log(r"pipe\[\d+\]: (fatal: .*)", since=mark).group(1)], suite)

    def test_loop(self):
        self.compare("d-one", ["loop@d-one.test"], text="Delivered-To: LOOP@d-one.test\n" + TEXT)

    def test_probe(self):
        for name in ("plain", "nothere", "big", "badmacro", "d-many", "all"):
            with self.subTest(service=name):
                self.compare(name, ["User@%s.test" % name, "second@%s.test" % name], "me@x.test", "-bv")


if __name__ == "__main__":
    unittest.main()

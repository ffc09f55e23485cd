"""spawn(8) beside Postfix: what commands get and see, how their end is logged, mistakes in the attributes."""
import os
import re
import socket
import unittest

from support import oracle
from support.compare import ComparisonTestCase
from support.mask import mask_lines

# What the command got: arguments, rights, mask of new files, directory, environment, descriptors, session, flags of the socket.
SHOW = """#!/bin/sh
for a in "$@"; do echo "[$a]"; done
id; umask; pwd
env | sort | grep -v '^_=\\|SHLVL\\|ASAN\\|UBSAN\\|LSAN'
for fd in 0 1 2; do readlink /proc/$$/fd/$fd | sed 's/[0-9]//g'; sed -n 's/flags://p' /proc/$$/fdinfo/$fd; done
ls /proc/self/fd | wc -l
[ "$(ps -o sid= -p $$)" -eq $$ ] && echo session
read -r line; echo "got $line"
echo to stderr >&2
"""
SHOWN = {
    "show": "user=nobody argv=@etc@/show 1 {two words} {} ${recipient} $$ user=root argv=x",
    "group": "user=nobody:daemon argv=@etc@/show",
    "users": "user=nobody user=games:daemon argv=@etc@/show",
    "path": "user=nobody argv=sh @etc@/show",
    "braces": "{ user=nobody } { argv=@etc@/show } x",
}
ENDED = {
    "exit3": "user=nobody argv=/bin/sh -c {exit 3}",
    "signal": "user=nobody argv=/bin/sh -c {kill -9 $$}",
    "missing": "user=nobody argv=/no/such/command x",
    "empty": "user=nobody argv=",
    "slow": "user=nobody argv=/bin/cat",     # Postfix only says that the time is over; ours ends the command
}
BROKEN = {
    "nouser": "argv=/bin/true",
    "noargv": "user=nobody",
    "root": "user=root argv=/bin/true",
    "rootgroup": "user=nobody:root argv=/bin/true",
    "owner": "user=postfix argv=/bin/true",
    "ownergroup": "user=nobody:postfix argv=/bin/true",
    "unknown": "user=no-such-user argv=/bin/true",
    "badgroup": "user=nobody:no-such-group argv=/bin/true",
    "badattr": "user=nobody color=red argv=/bin/true",
    "badfirst": "user=no-such-user user=nobody argv=/bin/true",
}


@oracle.needed
class SpawnLikeTheOracle(ComparisonTestCase):
    main_cf = {"slow_time_limit": "1s", "export_environment": "TZ MAIL_CONFIG LANG=C { SOME = thing }"}

    @classmethod
    def configure(cls, suite):
        os.chmod(suite.write("etc/show", SHOW), 0o755)
        suite.master_cf = "".join("%s unix n n n - - spawn\n  %s\n" % item
                                  for item in {**SHOWN, **ENDED, **BROKEN}.items())
        suite.write_config()

    def connect(self, suite, name):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(30)
        client.connect(suite.path("queue/public", name))
        return client

    def test_what_commands_get(self):
        for name in SHOWN:
            with self.subTest(name):
                got = []
                for suite in (self.ours, self.theirs):
                    client = self.connect(suite, name)
                    client.sendall(b"hello\n")
                    text = b"".join(iter(lambda: client.recv(4096), b""))  # pylint: disable=cell-var-from-loop
                    got.append(mask_lines(text.decode().splitlines(), suite))
                self.assertIn("got hello", got[1])
                self.assert_same(got[0], got[1], name)

    def test_how_commands_end(self):
        for name in ENDED:
            with self.subTest(name):
                got = []
                for suite in (self.ours, self.theirs):
                    mark = suite.log_mark()
                    client = self.connect(suite, name)
                    line = suite.wait_for_log(r"spawn\[\d+\]: (warning: .*(exit status|killed by|time limit).*)", since=mark)
                    client.close()
                    got.append([re.sub(r"process id \d+", "process id N", line.group(1))])
                self.assert_same(got[0], got[1], name)

    def test_mistakes(self):
        for name in BROKEN:
            with self.subTest(name):
                got = []
                for suite in (self.ours, self.theirs):
                    mark = suite.log_mark()
                    client = self.connect(suite, name)
                    got.append([suite.wait_for_log(r"spawn\[\d+\]: (fatal: .*)", since=mark).group(1)])
                    client.close()
                self.assert_same(got[0], got[1], name)


if __name__ == "__main__":
    unittest.main()

"""sendmail_fix_line_endings: what becomes of CR LF, against Postfix."""
from support import oracle
from support.compare import ComparisonTestCase
from support.queued import wait_queued

TEXTS = {
    "all": "Subject: x\r\n\r\na\r\nb\r\n.\r\nafter\r\n",
    "not the first": "Subject: x\n\na\r\nb\r\n",
    "the first only": "Subject: x\r\n\na\nb\n",
    "more than one": "Subject: x\n\na\r\r\nb\r\r\r\n",
    "at the very end": "Subject: x\n\na\nb\r",
}


@oracle.needed
class LineEndings(ComparisonTestCase):
    main_cf = {"transport_maps": "inline:{ {held.test=retry:4.0.0 held} }", "cleanup_replace_stray_cr_lf": "no"}

    def content(self, suite, text):
        mark = suite.log_mark()
        suite.sendmail(["-f", "a@held.test", "u@held.test"], text)
        queue_id = suite.wait_for_log(r": (\w+): to=<u@held", since=mark).group(1)
        queued = wait_queued(suite, queue_id)
        return queued.content.split(b"Subject")[1].split(b"\nMessage-Id")[0], queued.content.split(b"\n\n", 1)[1]

    def test_settings(self):
        for how in ("always", "strict", "never"):
            for suite in (self.ours, self.theirs):
                suite.set(sendmail_fix_line_endings=how)
            for name, text in TEXTS.items():
                with self.subTest(how=how, text=name):
                    self.assertEqual(*[self.content(suite, text) for suite in (self.ours, self.theirs)])

    def test_bad_setting(self):
        for suite in (self.ours, self.theirs):
            suite.set(sendmail_fix_line_endings="sometimes")
        self.compare_command("sendmail", "-f", "a@held.test", "u@held.test", stdin=b"\n")

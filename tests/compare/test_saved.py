"""dont_remove and daemon_table_open_error_is_fatal, beside Postfix."""
import os
import re
import socket

from support import oracle
from support.compare import ComparisonTestCase, wait_at_rest


@oracle.needed
class Saved(ComparisonTestCase):
    main_cf = {"inet_protocols": "ipv4", "dont_remove": "1", "default_transport": "discard:",
               "mydestination": "here.test", "local_transport": "error:5.1.1 nobody is here"}

    def saved(self, suite):
        """A message from the command line, delivered, and one that bounces, and so does its report: what they leave, by its marks."""
        for recipient in ("you@far.test", "nobody@here.test"):
            mark = suite.log_mark()
            suite.sendmail(["-i", "-f", "me@here.test", recipient], "Subject: x\n\nx\n")
            suite.wait_for_log(r"from=<me@here.test>, size", since=mark)
            wait_at_rest(suite)
        return sorted(re.sub(r"\w+", "ID", name) for name in os.listdir(suite.path("queue", "saved")))

    def test_saved(self):
        ours = self.saved(self.ours)
        self.assertEqual(ours, self.saved(self.theirs))
        self.assertIn("ID+", ours)      # beside its bounce log


@oracle.needed
class NoTable(ComparisonTestCase):
    main_cf = {"inet_protocols": "ipv4", "daemon_table_open_error_is_fatal": "yes",
               "smtpd_sender_restrictions": "check_sender_access hash:@etc@/none"}

    def test_ends(self):
        for suite in (self.ours, self.theirs):
            with socket.create_connection(("127.0.0.1", suite.port)):      # waits for an smtpd that never comes
                suite.wait_for_log(r"smtpd\[\d+\]: fatal: open database %s/none.db: No such file or directory"
                                   % re.escape(suite.etc))

"""qmgr gives its work to a successor at any moment: each message leaves the queue once, and the log says so."""
import collections
import re
import unittest

from support.suite import SuiteTestCase

MESSAGES, RELOADS = 300, 4


class Reload(SuiteTestCase):
    main_cf = {"default_transport": "discard:"}

    def test_each_message_is_removed_once(self):
        for part in range(RELOADS):
            with self.suite.smtp() as client:
                for i in range(MESSAGES // RELOADS):
                    client.message("a@far.test", ["r%d.%d@far.test" % (part, i)], "Subject: x\n\nx\n")
            self.suite.reload()
        self.suite.wait_queue_empty()
        self.suite.wait_for_log(r"to=<r%d\.%d@" % (RELOADS - 1, MESSAGES // RELOADS - 1))
        ids, removed = set(), collections.Counter()
        self.suite.postfix("stop")      # the last lines are written
        for line in self.suite.log_lines():
            found = re.search(r"qmgr\[\d+\]: (\w+): removed", line)
            if found:
                removed[found[1]] += 1
            found = re.search(r"cleanup\[\d+\]: (\w+): message-id=", line)
            if found:
                ids.add(found[1])
        self.assertEqual(len(ids), MESSAGES)
        self.assertEqual(dict(removed), {name: 1 for name in ids})


if __name__ == "__main__":
    unittest.main()

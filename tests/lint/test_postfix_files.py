"""conf/postfix-files has a line for every program that is installed."""
import os
import re
import unittest

STAGE = os.environ["MTA_STAGE"]
LIST = os.path.join(os.environ["MTA_SOURCE"], "conf", "postfix-files")
PLACES = {"$daemon_directory": "usr/lib/postfix/sbin", "$command_directory": "usr/sbin"}


class PostfixFiles(unittest.TestCase):
    def test_every_program_has_a_line_and_every_line_a_program(self):
        with open(LIST) as f:
            listed = set(re.findall(r"^(\$(?:daemon|command)_directory/[\w-]+):f:", f.read(),
                                    re.MULTILINE))
        installed = set()
        for variable, place in PLACES.items():
            for name in os.listdir(os.path.join(STAGE, place)):
                path = os.path.join(STAGE, place, name)
                if not os.path.islink(path) and name != "sendmail":  # $sendmail_path
                    installed.add("%s/%s" % (variable, name))
        self.assertEqual(listed, installed)

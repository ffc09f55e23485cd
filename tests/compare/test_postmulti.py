"""postmulti(1) beside Postfix: one walk through the life of instances, with every refusal on the way."""
import unittest

from support import oracle, product
from support.instances import Etc

STEPS = """\
-l
-x
-p
-x -l
-l extra
-e nosuch
-e create
-I postfix-a -e create
-e init
-e init
-I foo -e create
-I postfix-a -G grp -e create
-I postfix-a -e create
-I postfix-b -e create
-I postfix-c -G grp -a -e create
-I postfix-d -i postfix-b -e create
-I postfix-e -g grp -e create
-I postfix-f -g nosuch -e create
-l
-l -R
-l -g grp
-l -i /etc/postfix-b
-l -i -
-l -i nosuch
-i postfix-a -x printenv MAIL_CONFIG config_directory queue_directory data_directory multi_instance_name multi_instance_group multi_instance_enable
-i nosuch -x true
-g grp -x false
-R -x printenv config_directory
-R -p status
-i postfix-a -p stop
-i postfix-c -p status
-e enable
-e enable -i nosuch
-e enable -i postfix-a
-l -i postfix-a
-e assign -i postfix-a
-e assign -i postfix-a -I postfix-aa -G other
-l
-e assign -i postfix-aa -I - -G -
-e assign -i postfix-b -I postfix-c
-e assign -i postfix-b -I wrong
-e enable -i postfix-b
-e destroy -i postfix-b
-e deport -i postfix-b
-e disable -i postfix-b
-e destroy -i postfix-b
-e destroy -i -
-e deport -i -
-e deport -i postfix-c
-l
-I postfix-c -e import
-e import config_directory=/etc/postfix-c
-e import queue_directory=/x
-e create config_directory=/etc/postfix-n
-e create config_directory=relative
-e create color=red
-I postfix-q -e create queue_directory=@dir@/spool/n
-I postfix-r -e create queue_directory=@dir@/spool/postfix
-l
"""
CREATED = ("multi_instance_name", "multi_instance_group", "queue_directory", "data_directory", "master_service_disable",
           "authorized_submit_users", "meta_directory", "html_directory")


@oracle.needed
class PostmultiLikeTheOracle(unittest.TestCase):
    def test_life_of_instances(self):
        with Etc(product.staged()) as ours, Etc(oracle.product()) as theirs:
            for step in STEPS.splitlines():
                with self.subTest(step):
                    got = [etc.postmulti(*step.split()) for etc in (ours, theirs)]
                    self.assertEqual(got[0], got[1])
                    self.assertEqual(*((e.setting("multi_instance_directories") or "").split() for e in (ours, theirs)))
                if step.startswith("-I postfix-a -G"):
                    for name in CREATED:
                        values = [(e.setting(name, "postfix-a") or "").replace(e.dir, "") for e in (ours, theirs)]
                        self.assertEqual(values[0], values[1], name)
            for etc in (ours, theirs):
                status, lines = etc.postmulti("-l", env={"MAIL_CONFIG": "/etc/postfix-c"})
                self.assertEqual((status, lines), (1, ["postmulti: fatal: Non-default configuration directory:"
                                                       " MAIL_CONFIG=/etc/postfix-c"]))


if __name__ == "__main__":
    unittest.main()

"""mongodb: tables (Debian's Postfix has none to compare with): filters, results, keys that try to be more."""
import os
import unittest

from support.mongo import MongoDB, ObjectId
from support.suite import Suite

MISSING = "built without libmongoc (Debian package libmongoc-dev)"
OID = ObjectId(b"0123456789ab")
USERS = [
    {"_id": OID, "mail": "a@d.test", "box": "a/", "uid": 7, "big": 2**40, "on": True, "none": None, "part": 1.5,
     "to": ["x@d.test", ["y@d.test"], 3], "deep": {"er": "below"}, "nul": "a\0b"},
    {"_id": 2, "mail": "many", "box": "1"}, {"_id": 3, "mail": "many", "box": ""},
    {"_id": 4, "mail": "many", "box": "2"}, {"_id": 5, "mail": "many", "box": "3"}, {"_id": 6, "mail": "many"},
    {"mail": "it's \"q\" \\ é\n", "box": "odd"}, {"mail": "", "box": "empty"}, {"box": "no mail"},
]


class Mongo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.suite = Suite({"remote_table_timeout": "20s"})
        cls.addClassCleanup(cls.suite.close)
        if "mongodb" not in cls.suite.run("postconf", "-m").stdout.split():
            raise unittest.SkipTest(MISSING)
        cls.server = MongoDB({"mail.users": USERS})
        cls.addClassCleanup(cls.server.close)

    def query(self, settings, key):
        base = "uri = %s\ndbname = mail\ncollection = users\n" % self.server.uri
        names = [line.partition("=")[0].strip() for line in settings.splitlines()]
        base = "".join(line + "\n" for line in base.splitlines() if line.partition(" ")[0] not in names)
        path = self.suite.write("etc/mongo.cf", base + settings)
        done = self.suite.run("postmap", "-q", key, "mongodb:" + path, check=False)
        return done.returncode, done.stdout, done.stderr

    def check(self, rows):
        for settings, key, answer in rows:
            with self.subTest(settings=settings, key=key):
                status, output, errors = self.query(settings, key)
                self.assertEqual((status, output, errors), (0, answer + "\n", "") if answer else (1, "", ""))

    def test_a_killed_process_leaves_nothing(self):
        """The driver's statistics would be a file of shared memory."""
        suite = Suite({"smtpd_recipient_restrictions": "check_recipient_access mongodb:@etc@/mongo.cf, reject"})
        self.addCleanup(suite.close)
        suite.write("etc/mongo.cf", "uri = %s\ndbname = mail\ncollection = users\nresult_attribute = box\n"
                    'query_filter = {"mail": "%%s"}\nresult_format = REJECT in %%s\n' % self.server.uri)
        suite.start()
        client = suite.smtp()
        client.mail("")
        self.assertIn("in a/", str(client.rcpt("a@d.test")))
        pids = suite.pids()     # another test's process may be about to remove its own
        suite.kill()
        self.assertEqual([pid for pid in pids if os.path.exists("/dev/shm/mongoc-%d" % pid)], [])

    def test_results(self):
        mail = 'query_filter = {"mail": "%s"}\n'
        self.check([
            (mail + "result_attribute = box\n", "a@d.test", "a/"),
            (mail + "result_attribute = box\n", "b@d.test", None),
            (mail + "result_attribute = to, uid big nosuch none\n", "a@d.test", "x@d.test,y@d.test,3,7,%d" % 2**40),
            (mail + "result_attribute = deep.er\n", "a@d.test", "below"),
            (mail + "result_attribute = box\n", "many", "1,2,3"),           # in more than one batch
            (mail + "result_attribute = box\nexpansion_limit = 3\n", "many", "1,2,3"),
            (mail + "result_attribute = box\nresult_format = %s:%U\n", "a@d.test", "a/:a"),
            (mail + 'projection = {"_id": 0, "box": 1}\n', "a@d.test", "a/"),
            (mail + 'projection = {"x": "$box", "y": "$uid"}\n', "a@d.test", "a/,7"),
            ('query_filter = {"$or": [{"mail": "%u"}, {"to": "%s"}]}\nresult_attribute = box\n', "y@d.test", None),
            ('query_filter = {"$or": [{"mail": "%u"}, {"to": "%s"}]}\nresult_attribute = box\n', "x@d.test", "a/"),
            (mail + "result_attribute = box\ndomain = d.test\n", "a@d.test", "a/"),
            (mail + "result_attribute = box\ndomain = e.test\n", "a@d.test", None),
            (mail + "result_attribute = box\ncollection = other\n", "a@d.test", None),
        ])

    def test_keys_stay_text(self):
        mail = 'query_filter = {"mail": "%s"}\nresult_attribute = box\n'
        number = 'query_filter = {"uid": %s}\nresult_attribute = box\n'
        self.check([
            (mail, "it's \"q\" \\ é\n", "odd"),
            (mail, 'x", "box": "no mail', None),
            (mail, '"}, "box": {"$gt": ""', None),
            (mail, "$where", None), (mail, "%s", None), (mail, "\\", None), (mail, "\\u0061@d.test", None),
            (mail, b"\xff\xfe", None),                  # no text of MongoDB's
            (number, "7", "a/"), (number, "8", None),
            (number, "null", None), (number, "{}", None), (number, '{"$gt": 0}', None), (number, "[]", None),
        ])
        self.assertNotIn({"uid": None}, self.server.finds)

    def test_errors(self):
        mail = 'query_filter = {"mail": "%s"}\n'
        for settings, reason in (
                (mail, "projection or result_attribute must be given"),
                ("result_attribute = box\n", "bad string length 0 < 1: query_filter"),
                (mail + "result_attribute = box\nuri = http://secret\n", "uri: "),
                (mail + "projection = {\n", "projection is no JSON"),
                ('query_filter = {"mail": "%s"\nresult_attribute = box\n', "query_filter is no JSON"),
                ('query_filter = {"mail": "%z"}\nresult_attribute = box\n', "Invalid query template"),
                ('query_filter = {"$nosuch": "%s"}\nresult_attribute = box\n', "unknown top level operator: $nosuch"),
                (mail + "result_attribute = part\n", "field 'part' is neither text nor a whole number"),
                (mail + "result_attribute = deep\n", "field 'deep' is neither text nor a whole number"),
                (mail + "result_attribute = on\n", "field 'on' is neither text nor a whole number"),
                (mail + "result_attribute = nul\n", "result with a null byte"),
                (mail + "result_attribute = to\nexpansion_limit = 2\n", "Expansion limit exceeded"),
                (mail + "result_attribute = box\nuri = mongodb://127.0.0.1:1/\n", "No suitable servers")):
            with self.subTest(settings=settings):
                status, output, errors = self.query(settings, "a@d.test")
                self.assertEqual((status, output), (1, ""))
                self.assertIn(reason, errors)
                self.assertNotIn("secret", errors)


if __name__ == "__main__":
    unittest.main()

"""A table that changes on disk is noticed by processes whose connections stay open."""
from support.suite import SuiteTestCase
from support.wait import until


class ChangedTables(SuiteTestCase):
    main_cf = {"virtual_alias_maps": "hash:@etc@/virtual", "default_transport": "discard:",
               "smtpd_recipient_restrictions": "check_recipient_access hash:@etc@/access, permit",
               "mydestination": ""}
    maps = {"virtual": "a@x.test  first@y.test\n", "access": "none@x.test  REJECT\n"}

    def deliver(self):
        mark = self.suite.log_mark()
        with self.suite.smtp() as client:
            client.message("me@x.test", ["a@x.test"], "Subject: x\n\nx\n")
        line = self.suite.wait_for_log(r"to=<.*status=sent", since=mark)
        return line if isinstance(line, str) else line.group(0)

    def test_virtual_alias_in_cleanup(self):
        self.assertIn("first@y.test", self.deliver())
        mark = self.suite.log_mark()
        self.suite.make_map("virtual", "a@x.test  second@y.test\n")
        self.suite.wait_for_log(r"cleanup\[\d+\]: lookup table has changed", since=mark)
        self.assertIn("second@y.test", self.deliver())

    def test_access_table_in_smtpd(self):
        with self.suite.smtp() as client:
            client.mail("me@x.test")
            self.assert_reply(client.rcpt("b@x.test"), 250)
            mark = self.suite.log_mark()
            self.suite.make_map("access", "b@x.test  REJECT gone\n")
            self.suite.wait_for_log(r"smtpd\[\d+\]: lookup table has changed", since=mark)
            # the session that is open goes on as it began
            self.assert_reply(client.rset(), 250)
        with self.suite.smtp() as client:
            client.mail("me@x.test")
            self.assert_reply(client.rcpt("b@x.test"), 554, "5.7.1", "gone")


class ChangedPluginTables(SuiteTestCase):
    main_cf = {"virtual_alias_maps": "lmdb:@etc@/one, cdb:@etc@/two",
               "default_transport": "discard:", "mydestination": ""}

    @classmethod
    def configure(cls, suite):
        suite.make_map("one", "a@x.test  a1@y.test\n", "lmdb")
        suite.make_map("two", "b@x.test  b1@y.test\n", "cdb")

    def deliver(self, recipient):
        """The address that RECIPIENT is mapped to."""
        mark = self.suite.log_mark()
        with self.suite.smtp() as client:
            client.message("me@x.test", [recipient], "Subject: x\n\nx\n")
        return self.suite.wait_for_log("to=<([^>]*)>.*status=sent", since=mark).group(1)

    def test_types_that_are_plugins(self):
        """Processes look at most once a second, and those without clients when the next one comes."""
        for user, name, kind in (("a", "one", "lmdb"), ("b", "two", "cdb")):
            self.assertEqual(self.deliver(user + "@x.test"), user + "1@y.test")
            self.suite.make_map(name, "%s@x.test  %s2@y.test\n" % (user, user), kind)
            until(lambda: self.deliver(user + "@x.test") == user + "2@y.test", 30, "the new address of " + user)

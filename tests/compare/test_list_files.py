"""Lists of main.cf that name files and tables: comments, continuation, files in files, exceptions."""
import unittest

from support import oracle
from support.compare import ComparisonTestCase


@oracle.needed
class ListFiles(ComparisonTestCase):
    main_cf = {"mydestination": "!no.plain.test, plain.test, @etc@/domains, hash:@etc@/table.cf",
               "mynetworks": "!127.0.0.7, @etc@/networks", "local_recipient_maps": "",
               "smtpd_authorized_xclient_hosts": "127.0.0.1"}
    maps = {"table.cf": "table.test whatever\n"}

    @classmethod
    def configure(cls, suite):
        suite.write("etc/domains", "# first.test\nfirst.test, second.test # third.test\n  fourth.test\n"
                                   "!not.test not.test\n%s/more\n" % suite.etc)
        suite.write("etc/more", "\n   # indented comment\n  more.test\r\nhash:%s/table.cf\nlast.test" % suite.etc)
        suite.write("etc/networks", "# local\n127.0.0.0/29\n!10.9.8.7\n10.9.8.0/24, 192.0.2.1\n")

    def test_domains(self):
        names = ("plain", "no.plain", "first", "second", "third", "fourth", "not", "more", "table", "last",
                 "other", "FIRST")
        self.compare_session("domains", ["XCLIENT ADDR=203.0.113.1 NAME=far.test", "EHLO client.test",
                                         "MAIL FROM:<a@far.test>"] + ["RCPT TO:<x@%s.test>" % n for n in names])

    def test_networks(self):
        for address in ("127.0.0.1", "127.0.0.7", "127.0.0.9", "10.9.8.7", "10.9.8.6", "192.0.2.1", "192.0.2.2"):
            self.compare_session(address, ["XCLIENT ADDR=%s NAME=far.test" % address, "EHLO client.test",
                                           "MAIL FROM:<a@far.test>", "RCPT TO:<x@other.test>"])


if __name__ == "__main__":
    unittest.main()

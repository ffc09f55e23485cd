"""Options and arguments in master.cf that a service cannot use: what smtpd says, and that the others go on."""
import re
import socket
import unittest

from support import oracle
from support.compare import ComparisonTestCase
from support.mask import mask_lines
from support.ports import free_port

BAD = ["-o { a b = c }", "-o { = b }", "-o {}", "-o foo", "-o", "-x", "foo",
       "-o smtpd_timeout=xyz", "-o smtpd_helo_required=maybe", "-o smtpd_recipient_limit=1x"]
GOOD = {"-o smtpd_banner=a -o smtpd_banner=b": b"220 b\r\n", "-o { smtpd_banner = a  b }": b"220 a  b\r\n",
        "-osmtpd_banner=c": b"220 c\r\n", "-o no_such_parameter=1": b"220 mail.example.test ESMTP Postfix\r\n"}


@oracle.needed
class ServiceOptions(ComparisonTestCase):
    @classmethod
    def configure(cls, suite):
        suite.ports = {row: free_port() for row in BAD + list(GOOD)}
        suite.master_cf = "".join("127.0.0.1:%d inet n - n - - smtpd %s\n" % (port, row)
                                  for row, port in suite.ports.items())
        suite.write_config()

    def test_refused(self):
        for row in BAD:
            with self.subTest(arguments=row):
                got = []
                for suite in (self.ours, self.theirs):
                    mark = suite.log_mark()
                    with socket.create_connection(("127.0.0.1", suite.ports[row]), 30):
                        suite.wait_for_log(r"smtpd\[\d+\]: fatal: ", since=mark)
                    lines = [line for line in mask_lines(suite.log_lines(mark), suite) if "fatal: " in line]
                    # ours say where the value stands as well
                    got.append(re.sub(r" \(-o [^)]*\)$", "", lines[0]))
                self.assertEqual(*got)

    def test_used(self):
        for row, greeting in GOOD.items():
            for suite in (self.ours, self.theirs):
                with self.subTest(arguments=row, product=suite.product.label):
                    with socket.create_connection(("127.0.0.1", suite.ports[row]), 30) as s:
                        self.assertEqual(s.recv(200), greeting)


if __name__ == "__main__":
    unittest.main()

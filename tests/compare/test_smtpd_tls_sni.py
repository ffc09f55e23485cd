"""Certificates by server name: which one, and what is logged, against Postfix's."""
import os
import re
import ssl
import unittest

from support import certificates, oracle
from support.compare import ComparisonTestCase
from support.mask import mask_lines
from support.smtp import SmtpClient

SNI = """one.test @etc@/one.pem
TWO.test @etc@/two.pem
.dot.test @etc@/dot.pem
split.test @etc@/one.key, @etc@/one.crt
both.test @etc@/one.pem @etc@/two.pem
late.test @etc@/one.crt @etc@/one.key
junk.test @etc@/junk
"""
NAMES = [None, "one.test", "ONE.test", "two.test", "dot.test", "a.dot.test", "a.b.dot.test", "split.test", "both.test",
         "late.test", "junk.test", "other.test", "_x.test", "one.test.", "-.test"]
ABOUT_TLS = re.compile(r"TLS|SSL|chain|PEM|BASE64|tls_server_sni_maps|SNI")
LIBRARY = re.compile(r"error:(0\w+:[\w ]+::[\w ]+):.*")
# what exactly the table could not do, each in its own words
TABLE = re.compile(r"lookup error for|tls_server_sni_maps: table|malformed BASE64| is unavailable\. ")


class SniTestCase(ComparisonTestCase):
    maxDiff = None
    table = None

    @classmethod
    def configure(cls, suite):
        for name in ("server", "one", "two", "dot"):
            certificates.make(suite.etc, name, "ec" if name != "two" else "rsa", "/CN=" + name)
        suite.write("etc/junk", "junk\n")
        suite.write("etc/sni", suite.expand(SNI))
        suite.set(smtpd_tls_security_level="may", smtpd_tls_chain_files="@etc@/server.pem", smtpd_tls_loglevel="1",
                  tls_server_sni_maps=cls.table)
        cls.make_table(suite)

    @classmethod
    def make_table(cls, suite):
        pass

    def session(self, suite, name):
        """Whose certificate came, or what went wrong; and the log."""
        mark = suite.log_mark()
        client = SmtpClient(("127.0.0.1", suite.port))
        client.greeting()
        client.ehlo()
        client.cmd("STARTTLS")
        try:
            context = certificates.client()
            client.sock = context.wrap_socket(client.sock, server_hostname=name)
            client.pending = b""
            client.ehlo()
            got = [certificates.subject(client.sock.getpeercert(True))]
        except ssl.SSLError as error:
            got = [error.reason]
        client.close()
        suite.wait_for_log(r"disconnect from ", since=mark)
        got += [LIBRARY.sub(r"error:\1", line) for line in suite.log_lines(mark)
                if ABOUT_TLS.search(line) and not TABLE.search(line) and "cleanup" not in line]
        return mask_lines(got, suite)

    def test_names(self):
        for name in NAMES:
            with self.subTest(name):
                self.assert_same(self.session(self.ours, name), self.session(self.theirs, name), str(name))


@oracle.needed
class Indexed(SniTestCase):
    table = "hash:@etc@/sni"

    @classmethod
    def make_table(cls, suite):
        suite.run("postmap", "-F", "hash:" + os.path.join(suite.etc, "sni"))


@oracle.needed
class NotEncoded(SniTestCase):
    """postmap without -F: the table has names of files, which is no base64."""
    table = "hash:@etc@/sni"

    @classmethod
    def make_table(cls, suite):
        suite.run("postmap", "hash:" + os.path.join(suite.etc, "sni"))


@oracle.needed
class Texthash(SniTestCase):
    table = "texthash:@etc@/sni"


@oracle.needed
class Pcre(SniTestCase):
    table = "pcre:@etc@/sni.pcre"

    @classmethod
    def make_table(cls, suite):
        suite.write("etc/sni.pcre", suite.expand("/^one\\.test$/ @etc@/one.pem\n/\\.dot\\.test$/ @etc@/dot.pem\n"
                                                 "/junk/ @etc@/junk\n/^\\.?(both)/ @etc@/none\n"))


@oracle.needed
class Inline(SniTestCase):
    table = "inline:{one.test=@etc@/one.pem, {both.test=@etc@/one.pem, @etc@/two.pem}}"


@oracle.needed
class Unavailable(SniTestCase):
    table = "fail:no"


del SniTestCase

if __name__ == "__main__":
    unittest.main()

"""A process that ends with its last client says its last word to it."""
import unittest

from support import certificates
from support.suite import SuiteTestCase


class LastReply(SuiteTestCase):
    """One session a process, one process a session."""
    main_cf = {"smtpd_sessions_per_process": "1", "max_use": "1", "smtpd_tls_security_level": "may",
               "smtpd_tls_chain_files": "@etc@/server.pem", "smtpd_hard_error_limit": "2", "smtpd_error_sleep_time": "0"}

    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "ec", "/CN=server")

    def test_quit(self):
        for secure in (False, True):
            for _ in range(3):
                with self.subTest(secure=secure):
                    client = self.suite.smtp()
                    self.addCleanup(client.close)
                    if secure:
                        client.start_tls(certificates.client())
                    self.assertEqual(client.quit().lines, ["221 2.0.0 Bye"])
                    self.assertTrue(client.at_eof())        # after a close_notify: Python would raise an error

    def test_too_many_errors(self):
        client = self.suite.smtp()
        self.addCleanup(client.close)
        for _ in range(2):
            client.cmd("FOO")
        self.assert_reply(client.cmd("FOO"), 421, "4.7.0")


if __name__ == "__main__":
    unittest.main()

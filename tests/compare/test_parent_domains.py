"""parent_domain_matches_subdomains against the oracle: which lists heed it, each name alone and all together.

A row asks about a subdomain of a name in the list, written bare and with a dot; the answers must be the oracle's
whatever the list of names is, and must change with it for the lists that heed it.
"""
import unittest

from support.compare import ComparisonTestCase, run_session

AS_CLIENT = "XCLIENT NAME=%s ADDR=192.0.2.1"


def client(name, *more):
    """What a client of this name may do."""
    return ("EHLO c.test", AS_CLIENT % name, "EHLO c.test") + more


# the list's name, its value, what is asked with the name in place of %s; the words of the list are p.test and .q.test
ROWS = (
    ("relay_domains", ("EHLO c.test", "MAIL FROM:<s@from.test>", "RCPT TO:<u@%s>")),
    ("smtpd_access_maps", ("EHLO c.test", "MAIL FROM:<u@%s>", "RCPT TO:<u@here.test>")),
    ("transport_maps", ("EHLO c.test", "MAIL FROM:<trusted@from.test>", "RCPT TO:<u@%s>")),
    ("fast_flush_domains", ("EHLO c.test", "ETRN %s")),
    ("mynetworks", client("%s", "MAIL FROM:<s@from.test>", "RCPT TO:<u@elsewhere.test>")),
    ("smtpd_client_event_limit_exceptions",
     client("%s", "MAIL FROM:<s@from.test>", "RSET", "MAIL FROM:<s@from.test>")),
    ("smtpd_authorized_verp_clients", client("%s", "MAIL FROM:<s@from.test> XVERP", "RSET")),
    ("smtpd_authorized_xforward_hosts", client("%s", "XFORWARD NAME=x.test")),
)
HEEDING = ("relay_domains", "smtpd_access_maps", "transport_maps", "fast_flush_domains", "mynetworks")
NAMES = ("sub.p.test", "sub.q.test", "p.test", "q.test")
DOMAINS = "p.test, .q.test"


class ParentDomains(ComparisonTestCase):
    main_cf = {
        "mydestination": "here.test", "relay_domains": DOMAINS, "fast_flush_domains": DOMAINS,
        "mynetworks": DOMAINS, "smtpd_authorized_xclient_hosts": "127.0.0.1",
        "smtpd_client_event_limit_exceptions": DOMAINS, "smtpd_client_message_rate_limit": "1",
        "smtpd_authorized_verp_clients": DOMAINS, "smtpd_authorized_xforward_hosts": DOMAINS,
        "smtpd_sender_restrictions": "check_sender_access inline:{ {p.test = REJECT p}, {.q.test = REJECT q} }",
        "smtpd_relay_restrictions": "permit_mynetworks, "
            "check_sender_access inline:{trusted@from.test=OK}, reject_unauth_destination",
        "transport_maps": "inline:{ {p.test = error:5.1.2 p}, {.q.test = error:5.1.2 q} }",
        "relay_recipient_maps": "", "local_recipient_maps": "", "smtpd_error_sleep_time": "0",
        "smtpd_peername_lookup": "no", "smtpd_client_connection_rate_limit": "0"}

    def answers(self, suite, named):
        suite.set(parent_domain_matches_subdomains=named)
        suite.stop()        # anvil's counts and each process's lists begin anew
        suite.start()
        found = {}
        for title, steps in ROWS:
            for name in NAMES:
                said = [step % name if "%s" in step else step for step in steps]
                found[title, name] = run_session(suite, said)[-1]
        return found

    def test_names(self):
        seen = {}
        for named in ("", *HEEDING, "smtpd_client_event_limit_exceptions, smtpd_authorized_verp_clients, "
                      "smtpd_authorized_xforward_hosts", ", ".join(title for title, _ in ROWS)):
            ours, theirs = self.answers(self.ours, named), self.answers(self.theirs, named)
            seen[named] = theirs
            for key, expected in theirs.items():
                with self.subTest(named=named, list=key[0], asked=key[1]):
                    self.assertEqual(ours[key], expected)
        for title in HEEDING:
            with self.subTest(heeds=title):
                self.assertNotEqual(seen[""][title, "sub.p.test"], seen[title][title, "sub.p.test"])


if __name__ == "__main__":
    unittest.main()

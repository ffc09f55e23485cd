"""Tables that decide who gets mail and with whose rights: no $1 of regular expressions, no tables of strangers."""
import re
import unittest

from support.compare import ComparisonTestCase
from support import oracle

ROUTES = ("transport_maps", "sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps")
# whose rules with $1 are skipped
REFUSED = {*ROUTES, *("address_verify_" + name for name in ROUTES), "alias_maps", "mailbox_command_maps",
           "mailbox_transport_maps", "fallback_transport_maps", "virtual_mailbox_maps", "virtual_uid_maps", "virtual_gid_maps"}
ALLOWED = {"canonical_maps", "sender_canonical_maps", "recipient_canonical_maps", "virtual_alias_maps", "relocated_maps",
           "sender_bcc_maps", "recipient_bcc_maps", "local_recipient_maps", "relay_recipient_maps", "header_checks",
           "mime_header_checks", "nested_header_checks", "body_checks", "smtp_generic_maps", "smtp_sasl_password_maps",
           "smtp_tls_policy_maps", "smtp_header_checks", "smtp_body_checks", "smtp_discard_ehlo_keyword_address_maps",
           "smtp_reply_filter", "smtpd_sender_login_maps", "smtpd_command_filter", "smtpd_discard_ehlo_keyword_address_maps",
           "rbl_reply_maps", "default_delivery_status_filter"}
RECIPIENTS = ("user@virt.test", "nobody-known@here.test", "root@here.test", "x@far.test", "r.steer@far.test")
BASE = {"mydestination": "here.test", "myorigin": "here.test", "virtual_mailbox_domains": "virt.test",
        "virtual_mailbox_base": "@etc@/boxes", "smtp_tls_security_level": "none", "smtpd_relay_restrictions": "permit"}


def table(name):
    return "%s:@etc@/%s.re" % ("pcre" if len(name) % 2 else "regexp", name)


class Mixed(ComparisonTestCase):
    """One message each to a local, a virtual and a remote recipient makes each program open its tables."""

    def send(self, suite):
        mark = suite.log_mark()
        suite.sendmail(["-f", "s@here.test", *RECIPIENTS], "Subject: x\n\nx\n")
        for recipient in RECIPIENTS:
            suite.wait_for_log("to=<%s>.*status=" % re.escape(recipient), since=mark)

    def both(self, pattern):
        """The texts that PATTERN's group finds in the logs of both."""
        found = []
        for suite in (self.ours, self.theirs):
            self.send(suite)
            found.append(set(re.findall(pattern, "\n".join(suite.log_lines()).replace(suite.path("etc"), "@etc@"))))
        return found


@oracle.needed
class Substitution(Mixed):
    main_cf = dict(BASE, smtp_sasl_auth_enable="yes", **{name: table(name) for name in REFUSED | ALLOWED})
    relay = True

    @classmethod
    def configure(cls, suite):
        more = {"virtual_mailbox_maps": "/^user@virt/ box/\n", "virtual_uid_maps": "/./ 1000\n", "virtual_gid_maps": "/./ 1000\n",
                "transport_maps": "/^(r)[.]steer@/ ${1}etry:stolen\n"}
        for name in REFUSED | ALLOWED:
            suite.write("etc/%s.re" % name, "/^(no-such-key.*)$/ $1\n" + more.get(name, ""))
        suite.set(alias_maps=table("alias_maps"))

    def test_rules_that_are_skipped(self):
        ours, theirs = self.both(r"warning: (.* substitution is not allowed.*)")
        self.assertEqual({re.search(r"@etc@/(\w+)\.re", text).group(1) for text in theirs}, REFUSED)
        self.assertEqual(ours, theirs)
        for suite in (self.ours, self.theirs):
            self.assertEqual(suite.count_log(r"to=<r\.steer@far\.test>, relay=127\.0\.0\.1.*status=sent"), 1)


# the first table that each program asks: when that fails, Postfix does not open the others
SERVERS = {"alias_maps": "tcp:127.0.0.1:1", "virtual_mailbox_maps": "socketmap:inet:127.0.0.1:1:m"}


@oracle.needed
class Servers(Mixed):
    main_cf = dict(BASE, local_recipient_maps="", smtpd_reject_unlisted_recipient="no", **SERVERS)
    relay = True

    @classmethod
    def configure(cls, suite):
        suite.set(alias_maps=SERVERS["alias_maps"])

    def test_tables_of_servers(self):
        ours, theirs = self.both(r"warning: (\S+ is unavailable\. .* is not allowed for security.*)")
        self.assertEqual(len(theirs), len(SERVERS))
        self.assertEqual(ours, theirs)
        for suite in (self.ours, self.theirs):
            self.assertEqual(suite.count_log(r"to=<(user@virt|nobody-known@here)\.test>.*status=deferred"), 2, suite.product.label)


if __name__ == "__main__":
    unittest.main()

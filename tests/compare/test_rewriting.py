"""A corpus of messages under each feature that changes headers or addresses: what arrives is what Postfix makes of it."""
import unittest

from support import oracle
from support.rewriting import RewritingTestCase, by_sendmail
from support.sink import KEYWORDS

UTF8 = KEYWORDS + ["SMTPUTF8"]
SEVEN_BIT = [word for word in KEYWORDS if word != "8BITMIME"]
LOCAL = {"local_header_rewrite_clients": "permit_mynetworks"}
CANONICAL = ("bob@old.test bob@new.test\nalice Alice.Example@new.test\ncarol@old.test carol.new\n@sub.old.test @sub.new.test\n"
             "dave@old.test dave+more@new.test\nroot admin@new.test\n@catch.test caught@new.test\nerin e.rin@new.test\n"
             "u01@old.test u02@old.test\nu02@old.test u03@old.test\nfrank \"frank f\"@new.test\n@exempt.masq.test @old.test\n")
VIRTUAL = ("list@virt.test u01@old.test, u02@old.test, u03, virt2@virt.test\nvirt2@virt.test \"a b\"@far.test\n@catch.test caught@new.test\n"
           "bob@old.test bob@new.test, bob@old.test\nalice root, alice@far.test\ncarol carol.new@far.test\nbob@virt.test bob\n"
           "@sub.old.test @sub.new.test\ndave dave@far.test\n")
GENERIC = ("alice@old.test outside@isp.test\n@here.test here@isp.test\nroot@a.masq.test isp+root@isp.test\nbob@old.test bob@isp.test\n"
           "@origin.test @isp.test\nhost @isp.test\n@host @host.isp.test\ncarol@old.test carol.o@isp.test\n")


@oracle.needed
class Addresses(RewritingTestCase):
    def test_nothing(self):
        self.feature(local_header_rewrite_clients="")

    def test_local(self):
        self.feature(**LOCAL)

    def test_local_with_domain(self):
        self.feature(append_dot_mydomain="yes", **LOCAL)

    def test_nothing_appended(self):
        self.feature(append_at_myorigin="no", append_dot_mydomain="no", swap_bangpath="no", allow_percent_hack="no", **LOCAL)

    def test_remote_domain(self):
        self.feature(local_header_rewrite_clients="", remote_header_rewrite_domain="domain.invalid")

    def test_canonical(self):
        self.feature(maps={"canonical": CANONICAL}, canonical_maps="hash:@etc@/canonical", recipient_delimiter="+", **LOCAL)

    def test_canonical_by_class(self):
        self.feature(maps={"s": CANONICAL, "regexp:r": "/^bob@(.*)$/ robert@$1\n/^([a-z]+)\\+.*@old/ $1@plain.test\n/@host$/ at@there.test\n"},
                     sender_canonical_maps="hash:@etc@/s", recipient_canonical_maps="regexp:@etc@/r",
                     sender_canonical_classes="header_sender", recipient_canonical_classes="envelope_recipient, header_recipient",
                     propagate_unmatched_extensions="", recipient_delimiter="+-", **LOCAL)

    def test_masquerade(self):
        self.feature(masquerade_domains="a.masq.test !b.masq.test masq.test old.test", masquerade_exceptions="root, Erin",
                     masquerade_classes="envelope_sender, envelope_recipient, header_sender, header_recipient", **LOCAL)

    def test_virtual_aliases(self):
        self.feature(maps={"virtual": VIRTUAL}, virtual_alias_maps="hash:@etc@/virtual", recipient_delimiter="+",
                     always_bcc="archive@far.test", enable_original_recipient="no", **LOCAL)

    def test_copies(self):
        self.feature(maps={"s": "alice@old.test watch@far.test\nbob@here.test w2\n@there.test w3@far.test\n",
                           "r": "bob@old.test copy+x@far.test\n@far.test c2@old.test\ncarol@old.test c3\n"},
                     sender_bcc_maps="hash:@etc@/s", recipient_bcc_maps="hash:@etc@/r", recipient_delimiter="+", **LOCAL)

    def test_generic(self):
        self.feature(maps={"generic": GENERIC}, smtp_generic_maps="hash:@etc@/generic", recipient_delimiter="+", **LOCAL)

    def test_several_together(self):
        self.feature(maps={"canonical": CANONICAL, "virtual": VIRTUAL, "generic": GENERIC}, canonical_maps="hash:@etc@/canonical",
                     virtual_alias_maps="hash:@etc@/virtual", smtp_generic_maps="hash:@etc@/generic", masquerade_domains="masq.test",
                     recipient_delimiter="+-", propagate_unmatched_extensions="canonical, virtual, generic", append_dot_mydomain="yes",
                     always_add_missing_headers="yes", local_header_rewrite_clients="", remote_header_rewrite_domain="remote.invalid")


@oracle.needed
class BySendmail(RewritingTestCase):
    """Recipients that no SMTP command could carry: those that sendmail -t found in the headers."""

    def test_nothing(self):
        self.feature(keywords=UTF8, submit=by_sendmail)

    def test_virtual_aliases(self):
        self.feature(maps={"virtual": VIRTUAL}, virtual_alias_maps="hash:@etc@/virtual", recipient_delimiter="+", submit=by_sendmail,
                     smtputf8_enable="no")


@oracle.needed
class Headers(RewritingTestCase):
    def test_dropped_and_added(self):
        self.feature(message_drop_headers="x-mailer, subject, resent-to, content-length, bcc", always_add_missing_headers="yes",
                     header_from_format="obsolete", undisclosed_recipients_header="To: nobody:;", local_header_rewrite_clients="")

    def test_small_limits(self):
        self.feature(header_size_limit="1000", mime_nesting_limit="2", mime_boundary_length_limit="5",
                     line_length_limit="512", smtp_line_length_limit="70", hopcount_limit="3", message_size_limit="20000", **LOCAL)

    def test_conversion(self):
        self.feature(keywords=SEVEN_BIT, without=["mime: deeper than allowed"])     # Postfix returns it, we pass it on

    def test_no_conversion(self):
        self.feature(keywords=SEVEN_BIT, disable_mime_output_conversion="yes")

    def test_strict(self):
        self.feature(strict_7bit_headers="yes", strict_8bitmime_body="yes", strict_mime_encoding_domain="yes")

    def test_detect_8bit(self):
        self.feature(detect_8bit_encoding_header="no", strict_8bitmime="yes", smtputf8_enable="no")

    def test_no_input_processing(self):
        self.feature(disable_mime_input_processing="yes", maps={"regexp:h": MARKING, "regexp:m": "/part/ WARN a part\n"},
                     header_checks="regexp:@etc@/h", mime_header_checks="regexp:@etc@/m", **LOCAL)


# what marks, changes or sends elsewhere, and what ends a message
MARKING = """\
/^Subject:.*MONEY/ WARN money
/^Subject: (x|s)$/ REPLACE X-Was-Subject: $1
/^Subject:/ PREPEND X-Prepended: before
/^To:.*bob/ INFO for bob
/^Cc:/ IGNORE
/^Reply-To:/ DUNNO
/^Sender:/ STRIP no sender
/^X-Mailer:/ BCC copy@far.test
/^Resent-To:.*old/ REDIRECT elsewhere@far.test
/^Errors-To:/ FILTER smtp:@sink@
/^Precedence: bulk/ PREPEND X-A: 1
/^X-Header-7:/ REPLACE X-Header-Seven: 7
/^Content-Type:.*digest/ WARN digest
/^Content-Transfer-Encoding: 8BIT/ REPLACE Content-Transfer-Encoding: 8bit
/^From:.*<>/ INFO empty
"""
ENDING = """\
/^Subject:.*MONEY/ REJECT no money
/^Subject: x$/ DISCARD silently
/^Errors-To:/ HOLD to be looked at
/^Sender:/ REJECT 5.7.9 own code
/^Resent-Cc:/ REJECT
/^Apparently-To:/ DISCARD
/^X-Part: after/ HOLD
/^Return-Receipt-To:/ 554 by number
/^Disposition-Notification-To:/ REJECT 4.7.1 come again
"""
BODY = """\
/click here/ WARN click
/^From / PREPEND prepended line
/^>From/ REPLACE replaced line
/^text$/ INFO text
/^\\.\\.$/ IGNORE
/gr\xc3\xbc/ STRIP greeting
/^y{900}/ REJECT long
/EICAR|^begin 644/ DISCARD
/BEGIN:VCALENDAR/ HOLD
/inner/ BCC body@far.test
/^=?end/ REDIRECT end@far.test
"""


@oracle.needed
class Checks(RewritingTestCase):
    def test_header_checks(self):
        self.feature(maps={"regexp:h": MARKING}, header_checks="regexp:@etc@/h", **LOCAL)

    def test_header_checks_that_end(self):
        self.feature(maps={"regexp:h": ENDING}, header_checks="regexp:@etc@/h")

    def test_each_kind(self):
        self.feature(maps={"regexp:h": "/^(X-Part|From|Subject):/ WARN primary\n", "regexp:m": "/^(.*)$/ PREPEND X-Mime: $1\n/^X-/ IGNORE\n",
                           "regexp:n": "/^Subject: (.*)/ REPLACE X-Nested: $1\n/^(From|To):/ INFO nested\n"},
                     header_checks="regexp:@etc@/h", mime_header_checks="regexp:@etc@/m", nested_header_checks="regexp:@etc@/n",
                     without=["mime: deeper than allowed"])     # refused by both, but Postfix logs what comes after

    def test_body_checks(self):
        self.feature(maps={"regexp:b": BODY}, body_checks="regexp:@etc@/b", body_checks_size_limit="1500")

    def test_smtp_checks(self):
        self.feature(maps={"regexp:h": "/^Subject: (.*)/ REPLACE X-Sent: $1\n/^Cc:/ IGNORE\n/^To:/ PREPEND X-To-Follows: yes\n"
                                       "/^From:.*alice/ WARN alice\n/^Sender:/ INFO sender\n",
                           "regexp:m": "/octet/ REPLACE Content-Type: x/y\n/^Content-Disp/ IGNORE\n", "regexp:n": "/^Subject:/ IGNORE\n",
                           "regexp:b": "/click here/ REPLACE click there\n/^text/ IGNORE\n"},
                     smtp_header_checks="regexp:@etc@/h", smtp_mime_header_checks="regexp:@etc@/m",
                     smtp_nested_header_checks="regexp:@etc@/n", smtp_body_checks="regexp:@etc@/b")


if __name__ == "__main__":
    unittest.main()

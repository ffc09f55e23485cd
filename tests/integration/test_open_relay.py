"""Nobody relays through us who may not: addresses that are made to look local, commands of trusted peers sent
by strangers, and commands hidden in a message. Against the default restrictions and those of common tutorials.
"""
import socket
import unittest

from support.sink import Sink
from support.suite import SuiteTestCase

HOST = "mail.example.test"
FAR = "elsewhere.test"

# Recipients outside, in every guise; {host} and {far} are filled in.
ADDRESSES = [
    "a@{far}", "A@{FAR}", "a@{far}.", "a@sub.{far}", "a@{far}@{host}", '"a@{far}"@{host}', '"a@{far}"',
    "a%{far}@{host}", "a%{far}", "a%{far}%{host}@{host}", '"a%{far}"@{host}', "{far}!a@{host}", "{far}!a", '"{far}!a"@{host}',
    "{host}!{far}!a", "@{host}:a@{far}", "@{far}:a@{host}@{far}", "@{host},@{far}:a@{far}", "a@[192.0.2.1]",
    "a@[127.0.0.2]", "a%[192.0.2.1]@{host}", "a@[IPv6:2001:db8::1]", "a@192.0.2.1", "a@[192.0.2.1]@{host}", "a@{far}\\@{host}",
    "a\\@{far}@{host}", "a@{host}.{far}", "a@x{host}", "a@sub.{host}", "a@{far}%{host}", "a%{far}@[127.0.0.1]",
    '"a@{far}"@[127.0.0.1]', "a@{far} @{host}", "a@{far}\t", "a@{host},b@{far}", "<a@{far}>", "a@{far}>", "(x)a@{far}",
    "a@{far}(x)", "a:@{far}", "a;@{far}", "%{far}@{host}", "!{far}", "a@@{far}", "a@{far}@", "a@.{far}", "a@{far}..",
    "a%{far}%@{host}", "a@{host}%{far}", "postmaster@{far}", "postmaster%{far}", "{far}!postmaster", "a@\u00e9{far}", "\u00e9@{far}",
    "\u00e9%{far}@{host}", "a@xn--e1afmkfd.{far}", "a\0@{far}", "a@{far}\0@{host}",
]
SENDERS = ["", "a@" + FAR, "root@" + HOST]
# What a server may take for the end of a message, and the client after it not.
ENDS = [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\n.\r", b"\r.\n", b"\r\r\n.\r\r\n", b"\n\r.\r\n",
        b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\n\n.\n\n"]


class OpenRelay(SuiteTestCase):
    """The default restrictions. Mail that gets through would reach the sink, who is the way to everywhere."""
    main_cf = {"myhostname": HOST, "mydestination": "$myhostname, localhost", "mynetworks": "192.0.2.128/25",
               "relay_domains": "relay.test", "smtpd_hard_error_limit": "10000", "smtpd_error_sleep_time": "0",
               "smtpd_junk_command_limit": "10000"}
    aliases = "postmaster: root\nroot: /dev/null\n"

    @classmethod
    def configure(cls, suite):
        cls.sink = Sink()
        suite.set(relayhost=cls.sink.nexthop)

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.sink.close()

    def try_addresses(self, client):
        """Each as the recipient of a transaction of its own; those taken."""
        taken = []
        for sender in SENDERS:
            for template in ADDRESSES:
                address = template.format(host=HOST, far=FAR, FAR=FAR.upper())
                if client.mail(sender).code != 250:
                    continue
                client.send(("RCPT TO:<%s>\r\n" % address).encode("utf-8"))
                reply = client.read_reply()
                if reply.code < 400:
                    taken.append((sender, address, reply.lines))
                client.cmd("RSET")
        return taken

    def test_addresses(self):
        with self.suite.smtp() as client:
            self.assertEqual(self.try_addresses(client), [])

    def test_addresses_with_smtputf8(self):
        with self.suite.smtp() as client:
            for template in ADDRESSES:
                address = template.format(host=HOST, far=FAR, FAR=FAR.upper())
                self.assertEqual(client.mail("a@" + FAR, "SMTPUTF8").code, 250)
                client.send(("RCPT TO:<%s>\r\n" % address).encode("utf-8"))
                self.assertGreaterEqual(client.read_reply().code, 400, address)
                client.cmd("RSET")

    def test_strangers_may_not_speak_for_others(self):
        for line in ("XCLIENT ADDR=192.0.2.200 NAME=trusted.example.test", "XCLIENT LOGIN=root",
                     "XFORWARD ADDR=192.0.2.200 NAME=trusted.example.test"):
            with self.subTest(line), self.suite.smtp() as client:
                self.assert_reply(client.cmd(line), 550, "5.7.0", "insufficient authorization")
                self.assertEqual(self.try_addresses(client), [])

    def test_our_own_recipients_are_taken(self):
        """What is refused above is refused for its address."""
        with self.suite.smtp() as client:
            for address in ("root@" + HOST, "root", "root@localhost", "user@relay.test", "postmaster"):
                client.mail("a@" + FAR)
                self.assert_reply(client.rcpt(address), 250, "2.1.5")
                client.cmd("RSET")

    def test_commands_hidden_in_a_message(self):
        """One message goes in, whatever its lines end in; nothing in it is a command."""
        for end in ENDS:
            hidden = (b"MAIL FROM:<root@%s>\r\nRCPT TO:<user@relay.test>\r\nDATA\r\nSubject: hidden\r\n\r\nx"
                      % HOST.encode())
            with self.subTest(end=end):
                before = len(self.sink.messages)
                client = self.suite.smtp()
                client.mail("a@" + FAR)
                self.assertEqual(client.rcpt("user@relay.test").code, 250)
                self.assertEqual(client.cmd("DATA").code, 354)
                client.send(b"Subject: seen\r\n\r\ntext" + end + hidden + b"\r\n.\r\n")
                reply = client.read_reply()
                self.assertEqual(reply.code, 250, reply.lines)
                self.assertEqual(client.cmd("QUIT").code, 221)
                client.close()
                message = self.sink.wait_for(before + 1)[before]
                self.assertIn("Subject: hidden", message.text)
                self.suite.wait_queue_empty()
                self.assertEqual(len(self.sink.messages), before + 1)


class RelayRestrictions(OpenRelay):
    """As tutorials write it, everything in the list for recipients."""
    main_cf = dict(OpenRelay.main_cf, smtpd_relay_restrictions="",
                   smtpd_recipient_restrictions="permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination")


class MailServer(OpenRelay):
    """A server with virtual domains, and welcome lists that must not open the relay."""
    main_cf = dict(OpenRelay.main_cf, virtual_alias_domains="alias.test",
                   virtual_alias_maps="inline:{root@alias.test=root}", virtual_mailbox_domains="box.test",
                   virtual_mailbox_maps="inline:{x@box.test=x}", smtpd_helo_required="yes",
                   smtpd_client_restrictions="permit_mynetworks, permit_dnswl_client localhost",
                   smtpd_helo_restrictions="permit_mynetworks, reject_invalid_helo_hostname",
                   smtpd_sender_restrictions="permit_mynetworks, reject_non_fqdn_sender",
                   smtpd_relay_restrictions="permit_mynetworks, permit_sasl_authenticated, permit_mx_backup, "
                                            "reject_unauth_destination",
                   smtpd_recipient_restrictions="permit_dnswl_client localhost, reject_unauth_pipelining")


class NoRestriction(SuiteTestCase):
    """A configuration that closes the relay to nobody is not served at all."""
    main_cf = {"smtpd_relay_restrictions": "permit_mynetworks", "smtpd_recipient_restrictions": "permit, reject"}

    def test_refuses_to_run(self):
        probe = socket.create_connection(("127.0.0.1", self.suite.port), 30)
        self.suite.wait_for_log("fatal: in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, "
                                "specify at least one working instance of: reject_unauth_destination")
        probe.close()


if __name__ == "__main__":
    unittest.main()

"""A first afternoon with the mail server, as school tutorials tell it: mail among the users of one machine,
a dialogue by hand, a look into the queue, aliases, .forward, and a smarthost.
"""
import os
import pwd
import re
import shutil
import subprocess
import unittest

from support.demo import local_user
from support.renew import renew
from support.smtp import SmtpClient
from support.sink import Sink
from support.suite import SuiteTestCase
from support.wait import until

HOST = "servidor.pruebas.test"


def messages(mbox):
    return [m for m in re.split(r"(?m)^(?=From \S+ +\w{3} \w{3} )", mbox) if m]


class Tutorial(SuiteTestCase):
    main_cf = {"myhostname": HOST, "mydomain": "pruebas.test",
               "mydestination": "$myhostname, localhost.pruebas.test, pruebas.test, localhost",
               "forward_path": "@dir@/forward-${user}", "smtpd_error_sleep_time": "0s"}

    @classmethod
    def configure(cls, suite):
        cls.user = local_user()
        suite.set(myorigin=suite.write("etc/mailname", "pruebas.test\n"))

    def inbox(self, subject, user=None):
        """The message of that subject in the user's mailbox."""
        def look():
            return [m for m in messages(self.suite.mailbox(user or self.user)) if "Subject: %s\n" % subject in m]
        return until(look, 30, lambda: "%r in the mailbox\n%s" % (subject, self.suite.tail()))[-1]

    def wait_deferred(self, address):
        return self.suite.wait_for_log(r"(\w+): to=<%s>.*status=deferred" % re.escape(address)).group(1)


class LocalMail(Tutorial):
    def test_mail_on_the_command_line(self):
        """mail USER, a subject, a text; then mail again to read it."""
        mail = shutil.which("mail") or shutil.which("mailx")
        if mail:
            env = dict(self.suite.env, MAILRC="/dev/null", sendmail=self.suite.product.command("sendmail"))
            subprocess.run([mail, "-s", "Saludos", self.user], input=b"Hola, que tal?\n", env=env, check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not mail or not self.sent_by_us():
            self.suite.sendmail(["-i", "-t"], "To: %s\nSubject: Saludos\n\nHola, que tal?\n" % self.user)
        got = self.inbox("Saludos")
        self.assertIn("\nTo: %s@pruebas.test\n" % self.user, got)
        self.assertIn("\nX-Original-To: %s" % self.user, got)
        self.assertIn("\nDelivered-To: %s@pruebas.test\n" % self.user, got)
        self.assertTrue(got.startswith("From %s@pruebas.test " % pwd.getpwuid(os.geteuid()).pw_name), got[:80])
        self.assertIn("Hola, que tal?\n", got)

    def sent_by_us(self):
        """mail(1) may know another sendmail than ours."""
        try:
            until(lambda: "Subject: Saludos" in self.suite.mailbox(self.user), 3, "mail")
            return True
        except AssertionError:
            return False

    def test_root_at_localhost_from_a_user(self):
        self.suite.sendmail(["-f", self.user, self.user + "@localhost"], "Subject: hola\n\nque tal todo\n")
        self.assertIn("\nDelivered-To: %s@localhost\n" % self.user, self.inbox("hola"))
        self.suite.wait_for_log(r"to=<%s@localhost>, relay=local, .*status=sent \(delivered to mailbox\)" % self.user)

    def test_dialogue_by_hand(self):
        """telnet localhost 25, with HELO and bare user names, in any case of letters."""
        client = SmtpClient(("127.0.0.1", self.suite.port))
        self.assertEqual(client.greeting().lines, ["220 %s ESMTP Postfix" % HOST])
        self.assertEqual(client.cmd("HELO root").lines, ["250 " + HOST])
        self.assertEqual(client.cmd("MAIL FROM: root").lines, ["250 2.1.0 Ok"])
        self.assertEqual(client.cmd("rcpt to: " + self.user).lines, ["250 2.1.5 Ok"])
        self.assertEqual(client.cmd("DATA").lines, ["354 End data with <CR><LF>.<CR><LF>"])
        client.send("SUBJECT: Saber que tal vas...\r\n\r\nHola, por ahi?\r\nSaludos.\r\n.\r\n")
        self.assertRegex(client.read_reply().lines[0], r"^250 2\.0\.0 Ok: queued as [0-9A-F]+$")
        self.assertEqual(client.cmd("QUIT").lines, ["221 2.0.0 Bye"])
        self.assertTrue(client.at_eof())
        client.close()

        def arrived():
            return [m for m in messages(self.suite.mailbox(self.user)) if "Saber que tal vas..." in m]
        got = until(arrived, 30, lambda: "the message\n" + self.suite.tail())[0]
        self.assertTrue(got.startswith("From root@pruebas.test "), got[:80])
        self.assertIn("\nHola, por ahi?\nSaludos.\n", got)

    def test_nobody_of_that_name(self):
        with self.suite.smtp() as client:
            client.mail(self.user)
            self.assert_reply(client.rcpt("antoniio"), 550, "5.1.1", "User unknown in local recipient table")

    def test_strangers_may_not_relay(self):
        self.suite.set(mynetworks="192.0.2.0/24")
        renew(self.suite)
        try:
            with self.suite.smtp() as client:
                client.mail("someone@far.test")
                self.assert_reply(client.rcpt("other@elsewhere.test"), 454, "4.7.1", "Relay access denied")
                self.assertEqual(client.rcpt(self.user + "@pruebas.test").code, 250)
        finally:
            self.suite.set(mynetworks="127.0.0.0/8")
            renew(self.suite)


class Queue(Tutorial):
    @classmethod
    def configure(cls, suite):
        super().configure(suite)
        cls.sink = Sink()
        cls.sink.reply("CONNECT", "421 4.3.2 closed today")
        suite.set(relayhost=cls.sink.nexthop)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.sink.close()

    def test_look_and_empty(self):
        """mailq, then postsuper -d ALL."""
        self.assertEqual(self.suite.run("mailq").stdout, "Mail queue is empty\n")
        ids = []
        for name in ("uno", "dos", "tres"):
            self.suite.sendmail(["-f", self.user, name + "@far.test"], "Subject: %s\n\nx\n" % name)
            ids.append(self.wait_deferred(name + "@far.test"))
        until(lambda: len(self.suite.queue_files("deferred")) == 3, 30, "three deferred messages")
        listed = self.suite.run("mailq").stdout
        self.assertTrue(listed.startswith("-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------\n"))
        for queue_id, name in zip(ids, ("uno", "dos", "tres")):
            self.assertRegex(listed, r"(?m)^%s +\d+ \w{3} \w{3} .* %s@pruebas.test$" % (queue_id, self.user))
            self.assertRegex(listed, r"(?m)^ +%s@far.test$" % name)
        self.assertIn("closed today", listed)
        self.assertRegex(listed, r"(?m)^-- \d+ Kbytes in 3 Requests\.$")

        done = self.suite.run("postsuper", "-d", ids[0])
        self.assertIn("Deleted: 1 message", done.stderr)
        done = self.suite.run("postsuper", "-d", "ALL")
        self.assertIn("Deleted: 2 messages", done.stderr)
        self.assertEqual(self.suite.run("mailq").stdout, "Mail queue is empty\n")
        self.assertEqual(self.suite.queue_files("deferred", "defer"), [])


class Aliases(Tutorial):
    def test_alias_after_newaliases(self):
        """A line in aliases means nothing until newaliases has run."""
        self.suite.write("etc/aliases", "postmaster: %s\njefes: %s, postmaster\n" % (self.user, self.user))
        with self.suite.smtp() as client:
            client.mail("a@far.test")
            self.assertEqual(client.rcpt("jefes@pruebas.test").code, 550)
        self.suite.run("newaliases")
        self.assertTrue(os.path.exists(self.suite.path("etc/aliases.db")))

        def accepted():
            with self.suite.smtp() as client:
                client.mail("a@far.test")
                return client.rcpt("jefes@pruebas.test").code == 250
        until(accepted, 30, "the new alias at work")
        self.suite.sendmail(["-f", "a@far.test", "jefes"], "Subject: para los jefes\n\nx\n")
        got = self.inbox("para los jefes")
        self.assertIn("\nX-Original-To: jefes\n", got)
        self.suite.wait_queue_empty()
        self.assertEqual(self.suite.mailbox(self.user).count("Subject: para los jefes\n"), 1)

    def test_redirection_to_another_machine(self):
        with Sink() as sink:
            self.suite.set(relayhost=sink.nexthop)
            renew(self.suite)
            self.suite.write("forward-" + self.user, "lejos@far.test, \\%s\n" % self.user)
            os.chmod(self.suite.path("forward-" + self.user), 0o644)
            if os.geteuid() == 0:
                shutil.chown(self.suite.path("forward-" + self.user), self.user)
            try:
                self.suite.sendmail(["-f", "a@far.test", self.user], "Subject: reenviado\n\nx\n")
                self.assertEqual(sink.wait_for(1)[0].recipients, ["lejos@far.test"])
                self.inbox("reenviado")
                self.suite.wait_queue_empty()
            finally:
                os.unlink(self.suite.path("forward-" + self.user))


class Smarthost(Tutorial):
    def test_relayhost(self):
        """Mail for the rest of the world leaves by one server; mail for here stays."""
        with Sink() as sink:
            self.suite.run("postconf", "-e", "relayhost = " + sink.nexthop)
            renew(self.suite)
            self.suite.sendmail(["-f", self.user, "alguien@far.test", self.user], "Subject: fuera\n\nx\n")
            message = sink.wait_for(1)[0]
            self.assertEqual((message.sender, message.recipients), (self.user + "@pruebas.test", ["alguien@far.test"]))
            self.assertIn("\nFrom: ", message.text)
            self.assertRegex(message.text, r"(?m)^Message-Id: <.*@%s>$" % re.escape(HOST))
            self.inbox("fuera")
            self.assertEqual(len(sink.messages), 1)


if __name__ == "__main__":
    unittest.main()

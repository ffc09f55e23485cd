"""smtp-source and smtp-sink: with each other, and each with a scripted partner."""
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from support import product as products
from support.ports import free_port
from support.sink import Sink
from support.smtp import Disconnected, SmtpClient
from support.wait import until


def listening(port):
    """Does a TCP socket of 127.0.0.1 or of any address listen there? (Connecting would count.)"""
    with open("/proc/net/tcp") as f:
        return any(line.split()[1].endswith(":%04X" % port) and line.split()[3] == "0A"
                   for line in f.readlines()[1:])


def listens(path):
    """Is the Unix socket open for connections? The kernel's list has a flag for it."""
    with open("/proc/net/unix", encoding="utf-8") as f:
        return any(line.split()[3] == "00010000" for line in f if line.rstrip().endswith(" " + path))


class ToolCase(unittest.TestCase):
    def setUp(self):
        self.product = products.staged()
        self.dir = tempfile.mkdtemp(prefix="mta-sink-")
        os.chmod(self.dir, 0o1777)
        self.addCleanup(shutil.rmtree, self.dir)

    def sink(self, *args):
        """Start smtp-sink; its port."""
        port = free_port()
        argv = [self.product.command("smtp-sink")] + list(args)
        argv += ["-u", "nobody"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen(argv + ["127.0.0.1:%d" % port, "100"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.end, self.process)
        until(lambda: listening(port) or self.process.poll() is not None, 30, "smtp-sink to listen")
        self.assertIsNone(self.process.poll())
        return port

    def end(self, process):
        process.kill()
        process.communicate()

    def source(self, port, *args, check=True):
        done = subprocess.run([self.product.command("smtp-source")] + list(args) + ["127.0.0.1:%d" % port],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if check:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def client(self, port):
        client = SmtpClient(("127.0.0.1", port), 20)
        self.addCleanup(client.close)
        client.greeting()
        return client

    def talk(self, port, commands):
        """The replies to commands, the greeting first."""
        client = self.client(port)
        replies = ["\n".join(client.banner.lines)]
        for command in commands:
            try:
                replies.append("\n".join(client.cmd(command).lines))
            except (Disconnected, ConnectionError):
                replies.append("closed")
                break
        return replies

    def dumps(self):
        """Texts of all files in our directory."""
        texts = []
        for where, _, names in os.walk(self.dir):
            for name in sorted(names):
                with open(os.path.join(where, name)) as f:
                    texts.append(f.read())
        return texts


class SinkDialogue(ToolCase):
    def test_commands(self):
        port = self.sink()
        self.assertEqual(self.talk(port, [
            "RCPT TO:<a>", "HELO x", "MAIL FROM:<a>", "MAIL FROM:<b>", "DATA", "RCPT TO:<c>", "NOOP", "VRFY x",
            "XCLIENT NAME=x", "FOO", "", "LHLO x", "RSET", "RCPT TO:<d>", "QUIT"]), [
            "220 smtp-sink ESMTP", "503 5.5.1 Error: need MAIL command", "250 smtp-sink", "250 2.1.0 Ok",
            "503 5.5.1 Error: nested MAIL command", "503 5.5.1 Error: need RCPT command", "250 2.1.5 Ok",
            "250 2.0.0 Ok", "250 2.0.0 Ok", "250 2.0.0 Ok", "500 5.5.1 Error: unknown command",
            "500 5.5.2 Error: unknown command", "500 5.5.1 Error: unknown command", "250 2.1.0 Ok",
            "503 5.5.1 Error: need MAIL command", "221 Bye"])

    def test_keywords(self):
        everything = {"PIPELINING", "8BITMIME", "AUTH PLAIN LOGIN", "XCLIENT NAME HELO",
                      "XFORWARD NAME ADDR PROTO HELO", "ENHANCEDSTATUSCODES", "DSN"}
        for option, missing in (("-4", None), ("-p", "PIPELINING"), ("-8", "8BITMIME"), ("-a", "AUTH PLAIN LOGIN"),
                                ("-C", "XCLIENT NAME HELO"), ("-F", "XFORWARD NAME ADDR PROTO HELO"),
                                ("-E", "ENHANCEDSTATUSCODES"), ("-N", "DSN")):
            with self.subTest(option=option):
                lines = self.talk(self.sink(option, "-h", "name.test"), ["EHLO x"])[1].split("\n")
                self.assertEqual(lines[0], "250-name.test")
                self.assertEqual({line[4:] for line in lines[1:]} - {""}, everything - {missing})

    def test_personalities(self):
        for options, commands, replies in (
                (["-e"], ["EHLO x", "HELO x"], ["220 smtp-sink", "500 5.5.1 Error: unknown command", "250 smtp-sink"]),
                (["-P"], ["EHLO x"], ["220 ********", "500 5.5.1 Error: unknown command"]),
                (["-L"], ["HELO x", "EHLO x"], ["220 smtp-sink ESMTP"] + ["500 5.5.1 Error: unknown command"] * 2),
                (["-r", "rcpt, NOOP"], ["MAIL FROM:<a>", "RCPT TO:<a>", "NOOP"],
                 ["220 smtp-sink ESMTP", "250 2.1.0 Ok"] + ["450 4.3.0 Error: command failed"] * 2),
                (["-f", "CONNECT,helo", "-B", "554 5.0.0 no"], ["HELO x", "NOOP"],
                 ["554 5.0.0 no", "554 5.0.0 no", "250 2.0.0 Ok"]),
                (["-r", "mail", "-b", "451 4.4.4 later"], ["MAIL FROM:<>"], ["220 smtp-sink ESMTP", "451 4.4.4 later"]),
                (["-q", "NOOP"], ["HELO x", "NOOP"], ["220 smtp-sink ESMTP", "250 smtp-sink", "closed"]),
                (["-Q", "vrfy"], ["VRFY x", "NOOP"],
                 ["220 smtp-sink ESMTP", "421 4.0.0 Server closing connection", "closed"])):
            with self.subTest(options=options):
                self.assertEqual(self.talk(self.sink(*options), commands), replies)

    def test_lmtp_replies_once_for_each_recipient(self):
        client = self.client(self.sink("-L"))
        client.lhlo()
        client.mail("a@b.test")
        client.rcpt("c@d.test")
        client.rcpt("e@f.test")
        self.assertEqual(client.data("Subject: x\n\ntext\n").lines, ["250 2.2.0 Ok"])
        self.assertEqual(client.read_reply().lines, ["250 2.2.0 Ok"])

    def test_delay(self):
        client = self.client(self.sink("-W", "noop:1"))
        begun = time.monotonic()
        self.assertEqual(client.noop().code, 250)
        self.assertGreaterEqual(time.monotonic() - begun, 0.99)

    def test_abort_after_data(self):
        client = self.client(self.sink("-A", "0"))
        client.mail("a@b.test")
        client.rcpt("c@d.test")
        self.assertEqual(client.cmd("DATA").code, 354)
        self.assertEqual(client.read_reply().code, 550)

    def test_timeout(self):
        self.assertTrue(self.client(self.sink("-t", "1")).at_eof())

    def test_connection_limit(self):
        port = self.sink("-m", "1")
        first = self.client(port)
        second = SmtpClient(("127.0.0.1", port), 0.5)
        self.addCleanup(second.close)
        with self.assertRaises(TimeoutError):
            second.greeting()
        first.close()
        second.sock.settimeout(20)
        self.assertEqual(second.greeting().code, 220)

    def test_overlong_command(self):
        client = self.client(self.sink())
        try:
            client.send(b"N" * 2000000)
        except ConnectionError:
            pass
        self.assertTrue(client.at_eof())

    def test_bad_command_lines(self):
        for args, reason in (([], "usage:"), (["-r", "foo"], "unknown command: foo"), (["-W", "mail:1:200"], "odds"),
                             (["-n", "x"], "quit count"), (["-b", "550 no"], "begin with 4")):
            tail = ["127.0.0.1:1", "10"] if args else []
            done = subprocess.run([self.product.command("smtp-sink"), "-u", "nobody"] + args + tail,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertIn(reason, done.stderr.decode())


class SinkDumps(ToolCase):
    def test_single_file(self):
        port = self.sink("-d", self.dir + "/sub/%Y.", "-S", "START\\n\\101\\n")
        client = self.client(port)
        client.ehlo("my.name")
        client.cmd("MAIL FROM:<a@b.test> SIZE=5")
        client.rcpt("c@d.test")
        client.data("Subject: x\n\n.dot\nlast\n")
        text, = self.dumps()
        self.assertRegex(text, re.compile(
            r"\ASTART\nA\nX-Client-Addr: 127.0.0.1\nX-Client-Proto: ESMTP\nX-Helo-Args: my.name\n"
            r"X-Mail-Args: <a@b.test> SIZE=5\nX-Rcpt-Args: <c@d.test>\n"
            r"Received: from my.name \(\[127.0.0.1\]\)\n\tby smtp-sink \(smtp-sink\) with ESMTP id [0-9a-f]{8};\n"
            r"\t\w{3}, [^\n]+\nSubject: x\n\n.dot\nlast\n\n\Z"))

    def test_shared_file_and_unfinished_messages(self):
        port = self.sink("-D", self.dir + "/all")
        lost = self.client(port)
        lost.mail("lost@b.test")
        lost.rcpt("c@d.test")
        lost.cmd("DATA")
        lost.send("Subject: half\r\n")
        self.source(port, "-m", "5", "-s", "3")
        lost.close()
        text, = self.dumps()
        self.assertEqual(text.count("X-Client-Addr:"), 5)
        self.assertEqual(text.count("La de da de da 4.\n\n"), 5)
        self.assertNotIn("half", text)


class Together(ToolCase):
    def test_counts(self):
        port = self.sink("-c", "-n", "30")
        done = self.source(port, "-m", "30", "-s", "7", "-r", "3", "-l", "5000", "-c")
        self.assertTrue(done.stdout.endswith(b"\r30\r\n"), done.stdout)
        out, err = self.process.communicate(timeout=60)
        self.assertEqual((self.process.returncode, err), (0, b""))
        self.assertIn(b"sess=30 quit=30 mesg=30\r", out)

    def test_ends_after_messages(self):
        port = self.sink("-M", "3")
        self.source(port, "-m", "3", "-d")
        self.assertEqual(self.process.wait(60), 0)

    def test_kept_session(self):
        port = self.sink("-c", "-n", "1")
        self.source(port, "-m", "10", "-d")
        out, _ = self.process.communicate(timeout=60)
        self.assertIn(b"sess=1 quit=1 mesg=10\r", out)

    def test_unix_socket(self):
        path = os.path.join(self.dir, "socket")
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        sink = subprocess.Popen([self.product.command("smtp-sink"), "-L", "-n", "4"] + user + ["unix:" + path, "10"])
        self.addCleanup(self.end, sink)
        until(lambda: listens(path), 30, "the socket")
        os.chmod(path, 0o777)
        done = subprocess.run([self.product.command("smtp-source"), "-L", "-m", "4", "-r", "2", "unix:" + path],
                              timeout=60)
        self.assertEqual((done.returncode, sink.wait(60)), (0, 0))


class SourceDialogue(ToolCase):
    def test_message(self):
        with Sink() as sink:
            self.source(sink.port, "-f", "from@a.test", "-t", "to@b.test", "-S", "words", "-M", "me.test")
            message = sink.wait_for(1)[0]
            self.assertEqual((message.helo, message.sender, message.recipients),
                             ("me.test", "from@a.test", ["to@b.test"]))
            self.assertRegex(message.text, r"\AFrom: <from@a.test>\nTo: <to@b.test>\nDate: [^\n]+\n"
                             r"Message-Id: <[0-9a-f]{4,}\.[0-9a-f]{4}\.0000@me.test>\nSubject: words\n\n"
                             r"La de da de da 1.\nLa de da de da 2.\nLa de da de da 3.\nLa de da de da 4.\n\Z")

    def test_recipients(self):
        for options, recipients in ((["-r", "3"], ["3x@y", "2x@y", "x@y"]),
                                    (["-r", "2", "-N", "-m", "2", "-d"], ["1x@y", "2x@y", "3x@y", "4x@y"])):
            with self.subTest(options=options), Sink() as sink:
                self.source(sink.port, "-t", "x@y", *options)
                self.assertEqual([r for m in sink.messages for r in m.recipients], recipients)

    def test_file(self):
        path = os.path.join(self.dir, "message")
        with open(path, "w") as f:
            f.write("Subject: q\n\n.dot\nlast")
        with Sink() as sink:
            self.source(sink.port, "-F", path)
            self.assertEqual(sink.messages[0].text, "Subject: q\n\n.dot\nlast\n")

    def test_length_and_old_mode(self):
        with Sink() as sink:
            self.source(sink.port, "-o", "-l", "200")
            text = sink.messages[0].text
            self.assertEqual(text, "1" + "X" * 77 + "\n2" + "X" * 77 + "\n" + "X" * 40 + "\n")
            self.assertFalse([c for c in sink.commands if c.startswith("HELO")])

    def test_refusals(self):
        for verb, name in (("CONNECT", "rejected at server banner"), ("HELO", "HELO rejected"),
                           ("MAIL", "sender rejected"), ("RCPT", "recipient rejected"), ("DATA", "data rejected"),
                           (".", "end of data rejected")):
            with self.subTest(verb=verb), Sink() as sink:
                sink.reply(verb, "550-5.0.0 two\n550 5.0.0 lines")
                done = self.source(sink.port, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn("fatal: %s: 550 5.0.0 two?5.0.0 lines" % name, done.stderr.decode())
                done = self.source(sink.port, "-A", "-m", "2", "-d")
                self.assertIn("warning: %s: 550" % name, done.stderr.decode())

    def test_lost_connection(self):
        with Sink() as sink:
            sink.reply("RCPT", Sink.DROP)
            done = self.source(sink.port, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("lost connection", done.stderr.decode())

    def test_nobody_listens(self):
        done = self.source(free_port(), "-C", "2", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("fatal: connect: Connection refused", done.stderr.decode())


if __name__ == "__main__":
    unittest.main()

"""qmqp-source and qmqp-sink: with each other, with qmqpd(8), and each with a scripted partner."""
import os
import re
import socket
import subprocess
import threading

from support import qmqp
from support.ports import free_port
from support.suite import SuiteTestCase
from support.wait import until


class Server:
    """Takes one request, answers with ANSWER, and closes."""

    def __init__(self, answer):
        self.request = b""
        self.answer = answer
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with self.socket.accept()[0] as conn:
            conn.settimeout(60)
            while True:
                piece = conn.recv(65536)
                if not piece:
                    return
                self.request += piece
                size = re.match(rb"(\d+):", self.request)
                if size and len(self.request) == len(size[0]) + int(size[1]) + 1:
                    break
            conn.sendall(self.answer)

    def close(self):
        self.thread.join(60)
        self.socket.close()


class QmqpTools(SuiteTestCase):
    main_cf = {"qmqpd_authorized_clients": "127.0.0.1", "default_transport": "discard:"}

    @classmethod
    def configure(cls, suite):
        cls.qmqpd = free_port()
        suite.master_cf = "127.0.0.1:%d inet n - n - - qmqpd\n" % cls.qmqpd
        suite.write_config()

    def source(self, port, *options):
        command = [self.suite.product.command("qmqp-source"), *options, "127.0.0.1:%d" % port]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, text=True)

    def sink(self, *options):
        """Start qmqp-sink: the process and its port."""
        port = free_port()
        process = subprocess.Popen([self.suite.product.command("qmqp-sink"), *options, "127.0.0.1:%d" % port, "50"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)

        def answers():
            try:
                return qmqp.send(port, qmqp.request("first", "a", "b")) == b"KOk"
            except ConnectionRefusedError:
                return False
        until(answers, 60, "qmqp-sink answers")
        return process, port

    def test_with_each_other(self):
        process, port = self.sink("-c", "-x", "5")
        done = self.source(port, "-c", "-m", "50", "-s", "7", "-l", "200000")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.endswith("\n49\n50\n"), done.stdout)      # CR, and CR LF, read as LF
        self.assertEqual(process.wait(30), 0)
        self.assertIn("\n51\n", process.stdout.read())

    def test_into_the_queue(self):
        done = self.source(self.qmqpd, "-f", "s@x.test", "-t", "r@y.test", "-r", "3", "-l", "500", "-m", "4", "-s", "2")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for number in range(3):
            self.suite.wait_for_log(r"to=<%dr@y\.test>.*status=sent" % number)
        self.suite.wait_queue_empty()

    def test_request(self):
        for length in (10, 300, 5000):
            server = Server(b"5:Kok 1,")
            done = self.source(server.port, "-f", "s@x", "-t", "r@x", "-M", "me.test", "-l", str(length))
            server.close()
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            content = re.match(rb"\d+:(\d+):", server.request)
            self.assertEqual(int(content[1]), length)
            self.assertTrue(server.request.endswith(b"\n,3:s@x,3:r@x,," if length > 10 else b",3:s@x,3:r@x,,"))
            if length > 10:
                self.assertRegex(server.request[content.end():], rb"\AFrom: <s@x>\nTo: <r@x>\nDate: .*\nMessage-Id: <\d+@me.test>\n\n")

    def test_answers(self):
        for answer, said in ((b"6:Zbusy!,", "recoverable error: busy!"), (b"4:Dno\n,", "unrecoverable error: no?"),
                             (b"2:Q!,", "unexpected reply"), (b"0:,", "unexpected reply"), (b"x", "lost connection"),
                             (b"9999999999999:", "format"), (b"2:Kok", "format"), (b"", "lost connection")):
            with self.subTest(answer=answer):
                server = Server(answer)
                done = self.source(server.port)
                server.close()
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, "fatal: .*" + re.escape(said))
        done = self.source(free_port())
        self.assertRegex(done.stderr, "fatal: connect: Connection refused")
        self.assertRegex(self.source(1, "-A").stderr, "usage: .*qmqp-source")

    def test_what_is_no_request(self):
        process, port = self.sink("-v")
        for data in (b"garbage", b"5:hello;", b"-1:a,", b"9" * 40, b":,", b"\0"):
            self.assertEqual(qmqp.send(port, data), b"", data)
        with socket.create_connection(("127.0.0.1", port), 30) as conn:
            for byte in qmqp.request(b"x" * 50, "a", "b"):
                conn.sendall(bytes([byte]))
            self.assertEqual(conn.recv(100), b"3:KOk,")
        self.assertEqual(qmqp.send(port, b"0:,"), b"KOk")
        process.kill()
        self.assertIn("warning: netstring format error", process.communicate()[1])


class OldNames(SuiteTestCase):
    """Programs of Postfix that have little to do here, or have another's name."""

    main_cf = {"default_transport": "discard:"}
    master_cf = ("scache unix - - n - 1 scache\nqmgr unix n - n 300 1 oqmgr\n")

    def test_mail_goes_through_oqmgr(self):
        self.suite.sendmail(["r@y.test"], "Subject: x\n\nx\n")
        self.suite.wait_for_log(r"to=<r@y\.test>.*status=sent")
        self.suite.wait_queue_empty()

    def test_scache_says_that_it_holds_nothing(self):
        with socket.socket(socket.AF_UNIX) as conn:
            conn.settimeout(30)
            conn.connect(self.suite.path("queue/private/scache"))
            self.assertEqual(conn.recv(10), b"")
        self.suite.wait_for_log(r"scache\[\d+\]: warning: scache: a program asked for a kept connection")

    def test_fsstone(self):
        program = os.path.join(self.suite.product.root, "usr/lib/postfix/sbin/fsstone")
        where = self.suite.path("stone")
        os.mkdir(where)
        for options in ([], ["-c"], ["-r"], ["-cr", "-s", "20"]):
            done = subprocess.run([program, *options, "25", "10"], cwd=where, stdout=subprocess.PIPE, text=True, check=True)
            self.assertRegex(done.stdout, r"\Aelapsed time: \d+\.\d{6}\n\Z")
            self.assertEqual(os.listdir(where), [])
        with open(os.path.join(where, "000003"), "w") as f:
            f.write("not ours")
        done = subprocess.run([program, "5", "10"], cwd=where, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("open 000003: File exists", done.stderr)
        with open(os.path.join(where, "000003")) as f:
            self.assertEqual(f.read(), "not ours")
        for wrong in (["5"], ["0", "5"], ["5", "x"], ["-s", "0", "1", "1"], ["-q", "1", "1"]):
            self.assertEqual(subprocess.run([program, *wrong], cwd=where, stderr=subprocess.DEVNULL).returncode, 1)

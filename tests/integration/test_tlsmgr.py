"""TLS sessions resumed in other processes and after restarts, and what happens when tlsmgr is not there."""
import os
import re
import signal
import ssl
import struct
import unittest

from support import certificates
from support.cleanup import INT, TEXT, Connection, field, frame
from support.ports import free_port
from support.suite import Suite, SuiteTestCase
from support.wait import until

ASK_STATE, STATE, FIND, SAVE, REMOVE, SESSION = range(0xa01, 0xa07)
BLOB = 2
VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
SETTINGS = {"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": "@etc@/server.pem", "smtpd_tls_loglevel": "2",
            "smtpd_peername_lookup": "no", "smtpd_sessions_per_process": "1", "service_throttle_time": "1s"}


class Base(SuiteTestCase):
    @classmethod
    def configure(cls, suite):
        certificates.make(suite.etc, "server", "ec", "/CN=server")

    def open(self, context, session=None, port=None):
        """A client with TLS: its process id is client.process."""
        mark = self.suite.log_mark()
        client = self.suite.smtp(port=port)
        self.addCleanup(client.close)
        client.process = self.suite.wait_for_log(r"smtpd\[(\d+)\]: connect from", since=mark).group(1)
        self.assert_reply(client.start_tls(context, session), 220)
        self.assert_reply(client.ehlo(), 250)   # in TLSv1.3 tickets come after the handshake
        return client

    def resumes(self, between=lambda: None, **options):
        """Does a session go on in another process than that which began it?"""
        context = certificates.client(**options)
        first = self.open(context)
        between()
        second = self.open(context, first.sock.session)
        self.assertNotEqual(first.process, second.process)
        return second.sock.session_reused

    def kill_tlsmgr(self):
        old = self.suite.processes()["tlsmgr"]
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        until(lambda: not set(old) & set(self.suite.pids()), 30, "end of tlsmgr")


class Tickets(Base):
    main_cf = SETTINGS

    def test_in_another_process(self):
        for name, version in VERSIONS.items():
            with self.subTest(name):
                mark = self.suite.log_mark()
                self.assertTrue(self.resumes(highest=version))
                self.suite.wait_for_log(r"Reusing old session \(RFC 5077 session ticket\)", since=mark)

    def test_new_keys(self):
        """tlsmgr begins anew: a ticket of its new keys is good in a process that has the old ones."""
        context = certificates.client()
        old = self.open(context)
        self.kill_tlsmgr()
        for pid in self.suite.processes()["smtpd"]:
            if pid != int(old.process):
                os.kill(pid, signal.SIGTERM)
        until(lambda: self.suite.processes()["smtpd"] == [int(old.process)], 30, "end of the other smtpd")
        new = self.open(context)
        self.assertNotEqual(new.process, old.process)
        old.quit()
        self.assertTrue(self.open(context, new.sock.session).sock.session_reused)

    def test_no_cache_no_files(self):
        self.resumes()
        self.assertEqual(os.listdir(self.suite.path("data")).count("prng_exch"), 1)
        exchange = os.stat(self.suite.path("data", "prng_exch"))
        self.assertEqual((exchange.st_size, exchange.st_mode & 0o777), (1024, 0o600))

    def test_other_demands(self):
        """A session without a certificate is none for a service that asks for one."""
        port = free_port()
        with open(self.suite.path("etc/master.cf"), "a", encoding="ascii") as out:
            out.write("127.0.0.1:%d inet n - n - - smtpd -o smtpd_tls_ask_ccert=yes\n" % port)
        self.suite.reload()
        context = certificates.client()
        first = self.open(context)
        self.assertFalse(self.open(context, first.sock.session, port=port).sock.session_reused)
        second = self.open(context, port=port)
        self.assertTrue(self.open(context, second.sock.session, port=port).sock.session_reused)


class Ids(Base):
    main_cf = dict(SETTINGS, tls_ssl_options="NO_TICKET",
                   smtpd_tls_session_cache_database="btree:@dir@/data/smtpd_scache")

    def test_in_another_process(self):
        for name, version in VERSIONS.items():
            with self.subTest(name):
                mark = self.suite.log_mark()
                self.assertTrue(self.resumes(highest=version))
                self.suite.wait_for_log(r"reloaded session \S+ from smtpd cache", since=mark)
        self.assertEqual(os.stat(self.suite.path("data", "smtpd_scache.db")).st_mode & 0o777, 0o600)

    def test_restart(self):
        for name, version in VERSIONS.items():
            with self.subTest(name):
                context = certificates.client(highest=version)
                session = self.open(context).sock.session
                self.suite.restart()
                self.assertTrue(self.open(context, session).sock.session_reused)

    def test_reload(self):
        context = certificates.client()
        session = self.open(context).sock.session
        self.suite.reload()
        self.assertTrue(self.open(context, session).sock.session_reused)

    def test_crash(self):
        """The table may be broken: it begins anew, and so do the sessions."""
        context = certificates.client()
        session = self.open(context).sock.session
        self.assertTrue(self.open(context, session).sock.session_reused)    # tlsmgr has it
        self.kill_tlsmgr()
        again = self.open(context, session)
        self.assertFalse(again.sock.session_reused)
        self.assertTrue(self.open(context, again.sock.session).sock.session_reused)

    def test_broken_file(self):
        context = certificates.client()
        self.open(context)
        self.suite.stop()
        with open(self.suite.path("data", "smtpd_scache.db"), "wb") as out:
            out.write(b"\xff" * 20000)
        self.suite.start()
        session = self.open(context).sock.session
        self.assertTrue(self.open(context, session).sock.session_reused)


class Lmdb(Base):
    main_cf = dict(SETTINGS, tls_session_ticket_cipher="",
                   smtpd_tls_session_cache_database="lmdb:@dir@/data/smtpd_scache")

    def test_in_another_process(self):
        self.assertTrue(self.resumes())


class Off(Base):
    main_cf = dict(SETTINGS, smtpd_tls_session_cache_timeout="0",
                   smtpd_tls_session_cache_database="btree:@dir@/data/smtpd_scache")

    def test_no_session_is_kept(self):
        for version in VERSIONS.values():
            self.assertFalse(self.resumes(highest=version))
        self.assertFalse(os.path.exists(self.suite.path("data", "smtpd_scache.db")))


class Absent(Base):
    main_cf = dict(SETTINGS, tlsmgr_service_name="nobody")

    def test_sessions_begin_anew(self):
        for version in VERSIONS.values():
            self.assertFalse(self.resumes(highest=version))
        self.suite.wait_for_log(r"warning: problem talking to private/nobody: .*TLS sessions are not resumed")


class Frozen(unittest.TestCase):
    def test_a_handshake_waits_and_nobody_else(self):
        suite = Suite(dict(SETTINGS, smtpd_sessions_per_process="100"))
        certificates.make(suite.etc, "server", "ec", "/CN=server")
        with suite:
            with suite.smtp() as client:        # tlsmgr runs from now on
                client.start_tls(certificates.client())
                client.ehlo()
            tlsmgr = suite.processes()["tlsmgr"][0]
            for pid in suite.processes()["smtpd"]:
                os.kill(pid, signal.SIGTERM)
            until(lambda: "smtpd" not in suite.processes(), 30, "end of smtpd")
            os.kill(tlsmgr, signal.SIGSTOP)
            try:
                with suite.smtp() as other, suite.smtp() as waiting:
                    waiting.send("STARTTLS\r\n")
                    self.assertEqual(waiting.read_reply().code, 220)
                    raw = ssl.MemoryBIO(), ssl.MemoryBIO()
                    tls = certificates.client().wrap_bio(*raw, server_hostname="server.test")
                    with self.assertRaises(ssl.SSLWantReadError):
                        tls.do_handshake()
                    waiting.send(raw[1].read())
                    self.assertEqual(other.noop().code, 250)
                    while True:                 # until the server goes on without tlsmgr
                        raw[0].write(waiting.sock.recv(65536))
                        try:
                            tls.do_handshake()
                            break
                        except ssl.SSLWantReadError:
                            pass
                    waiting.send(raw[1].read())
                    self.assertEqual(other.noop().code, 250)
                    waiting.close()
                suite.wait_for_log(r"problem talking to private/tlsmgr: .*no answer")
            finally:
                os.kill(tlsmgr, signal.SIGCONT)


class Asker(Connection):
    def ask(self, kind, *parts):
        self.send(kind, b"".join(parts))
        return self.receive()


def text(name, value):
    return field(name, TEXT, value.encode())


def entry(cache, key, session=b""):
    return [text("cache", cache), text("id", key), field("session", BLOB, session)]


class Protocol(Base):
    main_cf = dict(SETTINGS, smtpd_tls_session_cache_database="btree:@dir@/data/smtpd_scache")

    def asker(self):
        asker = Asker(os.path.join(self.suite.queue_directory, "private/tlsmgr"))
        self.addCleanup(asker.close)
        return asker

    def test_questions(self):
        asker = self.asker()
        kind, got = asker.ask(FIND, *entry("smtpd", "K"))
        self.assertEqual((kind, got["is_found"]), (SESSION, 0))
        asker.ask(SAVE, *entry("smtpd", "K", b"\0secret"))
        self.assertEqual(asker.ask(FIND, *entry("smtpd", "K"))[1]["session"], b"\0secret")
        self.assertEqual(asker.ask(FIND, *entry("smtp", "K"))[1]["is_found"], 0)    # another cache, and off
        asker.ask(REMOVE, *entry("smtpd", "K"))
        self.assertEqual(asker.ask(FIND, *entry("smtpd", "K"))[1]["is_found"], 0)
        kind, got = asker.ask(ASK_STATE, text("cache", "smtpd"), field("seed_size", INT, struct.pack("<q", 32)))
        self.assertEqual((kind, got["has_cache"], got["lifetime"], len(got["seed"])), (STATE, 1, 3600, 32))

    def test_bad_requests(self):
        """Whoever sends them is cut off; the others go on."""
        good = self.asker()
        for name, request in {
            "no such cache": frame(FIND, b"".join(entry("other", "K"))),
            "blank in an id": frame(FIND, b"".join(entry("smtpd", "closed in order"))),
            "empty id": frame(FIND, b"".join(entry("smtpd", ""))),
            "long id": frame(SAVE, b"".join(entry("smtpd", "K" * 401))),
            "large session": frame(SAVE, b"".join(entry("smtpd", "K", b"x" * (32 * 1024 + 1)))),
            "much randomness": frame(ASK_STATE, text("cache", "smtpd") + field("seed_size", INT, struct.pack("<q", 1 << 40))),
            "negative": frame(ASK_STATE, text("cache", "smtpd") + field("seed_size", INT, struct.pack("<q", -1))),
            "unknown kind": frame(0xaff),
            "an answer": frame(SESSION, field("is_found", INT, struct.pack("<q", 1)) + field("session", BLOB, b"x")),
            "half a field": frame(FIND, b"\5cac"),
        }.items():
            with self.subTest(name):
                mark, bad = self.suite.log_mark(), self.asker()
                bad.sock.sendall(request)
                self.assertEqual(bad.sock.recv(100), b"")
                self.suite.wait_for_log(r"tlsmgr\[\d+\]: warning: bad request: ", since=mark)
                self.assertEqual(good.ask(FIND, *entry("smtpd", "K"))[1]["is_found"], 0)


class OtherDirectory(Base):
    main_cf = dict(SETTINGS, tls_ssl_options="NO_TICKET",
                   smtpd_tls_session_cache_database="btree:@etc@/elsewhere", tls_random_exchange_name="@etc@/exchange",
                   tls_random_source="egd:/no/such")

    @unittest.skipIf(os.geteuid() != 0, "all directories belong to who runs the tests")
    def test_files_go_to_data_directory(self):
        self.assertTrue(self.resumes())
        self.assertFalse(os.path.exists(self.suite.path("etc/elsewhere.db")))
        for name in ("elsewhere.db", "exchange"):
            self.assertTrue(os.path.exists(self.suite.path("data", name)))
        self.suite.wait_for_log(r"request to update file \S+/etc/elsewhere in non-postfix directory \S+/etc$")
        self.suite.wait_for_log(r"redirecting the request to postfix-owned data_directory %s"
                                % re.escape(self.suite.path("data")))
        self.suite.wait_for_log(r"warning: tls_random_source = egd:/no/such: OpenSSL knows no EGD")


del Base

if __name__ == "__main__":
    unittest.main()

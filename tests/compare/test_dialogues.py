"""The sessions of dialogues/*.txt: replies and log lines, as they are written down there.

What is written down is what Debian's Postfix said and logged; where it is unpacked, it is asked again, so that
the files stay true. MTA_RECORD=1 writes its answers into the files (and ours, where it is too old).
"""
import glob
import os
import sys
import threading
import unittest

from support import compare, dialogue, oracle, product as products
from support.dns import DnsServer
from support.ports import free_port

FILES = sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "dialogues", "*.txt")))
RECORD = bool(os.environ.get("MTA_RECORD"))
ONLY = os.environ.get("MTA_DIALOGUES", "").split()      # names of files; all when empty

MAIN_CF = {
    "mydestination": "$myhostname, localhost, local.test", "relay_domains": "relay.test",
    "smtpd_authorized_xclient_hosts": "127.0.0.1", **compare.ONCE, "smtpd_error_sleep_time": "0",
    "smtpd_hard_error_limit": "1000", "smtpd_client_connection_count_limit": "0", "in_flow_delay": "0",
    # as before Postfix 3.8, which is what Debian has
    "smtpd_forbid_bare_newline": "no", "smtpd_forbid_unauth_pipelining": "no",
    "local_transport": "discard:", "default_transport": "discard:", "relay_transport": "discard:",
}


class Side:
    """One product, with a service for each of the scripts'."""

    def __init__(self, product, scripts, resolver):
        self.ports = {(s.name, service): free_port() for s in scripts for service in s.services}
        text = "".join(s.service_text(lambda name, s=s: self.ports[s.name, name]) for s in scripts)
        self.suite = compare.Side(MAIN_CF, text, product, resolver)
        self.suite.make_aliases("postmaster: root\nroot: /dev/null\nuser: /dev/null\n")
        for script in scripts:
            for name, content in script.maps.items():
                self.suite.make_map("%s-%s" % (script.name, name), content)

    def run(self, script, session):
        port = self.ports[script.name, session.service]
        return dialogue.run(self.suite, port, session, script.prelude)


@unittest.skipUnless(os.geteuid() == 0, "only root may answer on the DNS port")
class Dialogues(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        names = ONLY or [os.path.splitext(os.path.basename(path))[0] for path in FILES]
        cls.scripts = {s.name: s for s in map(dialogue.Script, FILES) if s.name in names}
        zone = {}
        for script in cls.scripts.values():
            zone.update(script.zone)
        cls.dns = DnsServer(zone)
        wanted = [] if RECORD and not os.environ.get("MTA_STAGE") else [("ours", products.staged())]
        if oracle.missing():
            print("without Debian's Postfix: " + oracle.missing(), file=sys.stderr)
        else:
            wanted.append(("Postfix", oracle.product()))
        cls.sides = {}
        try:
            for name, product in wanted:
                cls.sides[name] = Side(product, cls.scripts.values(), cls.dns.address)
                cls.sides[name].suite.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for side in cls.sides.values():
            side.suite.close()
        cls.dns.close()

    def ask(self, script, session):
        """{side: lines}; both are asked at the same time."""
        got, errors = {}, []

        def ask_one(name):
            try:
                got[name] = self.sides[name].run(script, session)
            except Exception as error:
                errors.append(error)
        threads = [threading.Thread(target=ask_one, args=(name,)) for name in self.sides
                   if not (name == "Postfix" and session.is_ours())]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        return got

    def check(self, name):
        script = self.scripts[name]
        for session in script.sessions:
            with self.subTest(session="%s: %s" % (session.service, session.title), line=session.line):
                got = self.ask(script, session)
                if RECORD and got:
                    dialogue.record(session, got.get("Postfix") or got["ours"])
                for who, lines in got.items():
                    self.assertEqual("\n".join(session.expected()), "\n".join(lines), who)
        if RECORD:
            script.write()


def _add(name):
    def test(self):
        self.check(name)
    setattr(Dialogues, "test_" + name, test)


for _path in FILES:
    _name = os.path.splitext(os.path.basename(_path))[0]
    if not ONLY or _name in ONLY:
        _add(_name)


if __name__ == "__main__":
    unittest.main()

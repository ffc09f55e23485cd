"""Which keys the programs ask their tables for, and in which order.

Debian's Postfix asks a memcache: server that notes the keys; ours logs them with debug: tables.
"""
import collections
import re
import socketserver
import threading
import unittest

from support import oracle, product as products
from support.suite import Suite

ADDRESS_MAPS = ("virtual_alias_maps", "canonical_maps", "sender_canonical_maps",
                "recipient_canonical_maps", "transport_maps", "sender_bcc_maps",
                "recipient_bcc_maps", "sender_dependent_relayhost_maps",
                "sender_dependent_default_transport_maps", "virtual_mailbox_maps")
ACCESS = ("client", "helo", "sender", "recipient")

# sender, recipient
ENVELOPES = (("s+e@a.from.test", "u+x@sub.far.test"),
             ("s@here.test", "l+y@here.test"),
             ("S.Upper@From.Test", "Box@virtual.test"),
             ("", "plain@far.test"),
             ('"a;b"@from.test', '"c;d+e"@here.test'), # no blanks: memcache has no such keys
             ("owner-list@from.test", "list-request@far.test"))


# Postfix asks for * once a process, and asks canonical tables for "", the null sender
NOT_COMPARED = ("*", '""')


class Notes(socketserver.ThreadingTCPServer):
    """A memcache that has nothing and remembers what it was asked."""
    allow_reuse_address = daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                words = line.decode("utf-8", "replace").rstrip("\r\n").split(" ", 1)
                if words[0] == "get":
                    self.server.keys.append(words[1])
                    self.wfile.write(b"END\r\n")

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.keys = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


def settings(table):
    values = {name: table(name) for name in ADDRESS_MAPS}
    values.update({
        "mydestination": "here.test", "myorigin": "here.test", "recipient_delimiter": "+-",
        "virtual_mailbox_domains": "virtual.test", "default_transport": "discard:",
        "local_transport": "discard:", "virtual_transport": "discard:", "local_recipient_maps": "",
        "smtpd_reject_unlisted_recipient": "no", "parent_domain_matches_subdomains": "",
        "smtpd_delay_reject": "yes", "smtpd_recipient_restrictions": ", ".join(
            f"check_{name}_access {table(name)}" for name in ACCESS) + ", permit"})
    return values


def in_order(pairs):
    """Each table's keys, in the order of their first use: how often a program asks is its own
    matter (caches, a second look by another program)."""
    keys = collections.defaultdict(list)
    for table, key in pairs:
        key = key.lower()       # debug: shows the key before it is folded
        if key not in keys[table] and key not in NOT_COMPARED:
            keys[table].append(key)
    return dict(keys)


@oracle.needed
class MapKeys(unittest.TestCase):
    maxDiff = None

    def deliver(self, suite, sender, recipient):
        mark = suite.log_mark()
        with suite.smtp(ehlo="mail.client.test") as client:
            client.message(sender, [recipient], "Subject: x\n\nx\n")
        suite.wait_for_log(r"qmgr\[\d+\]: [^:]+: removed", since=mark)

    def theirs(self):
        notes = Notes()
        self.addCleanup(notes.server_close)
        self.addCleanup(notes.shutdown)
        found = []
        suite = Suite(settings(lambda name: f"memcache:@etc@/{name}.cf"), product=oracle.product())
        for name in ADDRESS_MAPS + ACCESS:
            suite.write(f"etc/{name}.cf", f"memcache = inet:127.0.0.1:{notes.server_address[1]}\n"
                        f"key_format = {name}:%s\n")
        with suite:
            for sender, recipient in ENVELOPES:
                notes.keys.clear()
                self.deliver(suite, sender, recipient)
                found.append(in_order(key.split(":", 1) for key in list(notes.keys)))
        return found

    def ours(self):
        found = []
        with Suite(settings(lambda name: "debug:inline:{" + name + "=1}"),
                   product=products.staged()) as suite:
            for sender, recipient in ENVELOPES:
                mark = suite.log_mark()
                self.deliver(suite, sender, recipient)
                found.append(in_order(re.findall(r'debug:inline:\{(\w+)=1\} lookup: "(.*)" = ',
                                                 "\n".join(suite.log_lines(mark)))))
        return found

    def test_the_same_keys_in_the_same_order(self):
        all_theirs, all_ours = self.theirs(), self.ours()
        for tables in all_theirs:
            self.assertGreater(sum(map(len, tables.values())), 20)
        for envelope, theirs, ours in zip(ENVELOPES, all_theirs, all_ours):
            for name in ADDRESS_MAPS + ACCESS:
                with self.subTest(envelope=envelope, table=name):
                    asked, expected = ours.get(name, []), theirs.get(name, [])
                    if name.startswith("sender_dependent"):
                        if not envelope[1].endswith("far.test"):
                            continue    # ours also asks when it resolves the sender's address
                        # Postfix's smtpd also resolves each address as if it had no sender
                        expected = [key for key in expected if key in asked]
                    self.assertEqual(asked, expected)


if __name__ == "__main__":
    unittest.main()

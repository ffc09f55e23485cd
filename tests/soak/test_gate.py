"""Ten thousand clients wait at postscreen at the same time, each from an address of its own.

Memory is printed; MTA_GATE changes the number.
"""
import os
import sys
import unittest

from support import gate
from support.memory import is_sanitized, pss, want_descriptors
from support.suite import Suite

COUNT = int(os.environ.get("MTA_GATE", "10000"))
BYTES_EACH = 4096


class Gate(unittest.TestCase):
    def setUp(self):
        if not want_descriptors(COUNT + 1000):
            self.skipTest("needs %d descriptors" % (COUNT + 1000))
        self.suite = Suite({"postscreen_pre_queue_limit": str(2 * COUNT), "postscreen_post_queue_limit": str(2 * COUNT),
                            "postscreen_access_list": "", "postscreen_greet_wait": "600s", "smtpd_peername_lookup": "no"})
        self.addCleanup(self.suite.close)
        self.suite.make_aliases("")
        self.suite.gate_port = gate.new_port()
        self.suite.master_cf = gate.services(self.suite.gate_port)
        self.suite.write_config()
        self.suite.start()

    def client(self, i):
        client = gate.GateClient(self.suite.gate_port, "127.%d.%d.%d" % (1 + i // 62500, i // 250 % 250 + 1, i % 250 + 1))
        self.addCleanup(client.close)
        self.assertTrue(client.read_line().startswith("220-"))
        return client

    def test_waiting_clients_cost_little(self):
        self.client(0)
        pid = self.suite.processes()["postscreen"][0]
        before = pss(pid)
        clients = [self.client(i) for i in range(1, COUNT)]
        each = (pss(pid) - before) / COUNT
        print("%d clients wait, %.0f bytes each" % (COUNT, each), file=sys.stderr)
        self.assertEqual(self.suite.processes()["postscreen"], [pid])
        self.suite.wait_for_count(r"postscreen\[\d+\]: CONNECT from ", COUNT)
        if not is_sanitized(os.path.join(self.suite.product.daemons, "postscreen")):
            self.assertLess(each, BYTES_EACH)
        clients[0].send("EHLO x\r\n")       # one that does not wait is seen among all the others
        self.suite.wait_for_log(r"PREGREET 8 after \S+ from \[127\.1\.1\.2\]")


if __name__ == "__main__":
    unittest.main()

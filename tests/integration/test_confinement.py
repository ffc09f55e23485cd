"""What a running service has given up, as the kernel tells it, and mail that passes all the same."""
import unittest

from support.suite import SuiteTestCase
from support.wait import until

TEXT = "From: a@far.example\nSubject: x\n\nbody\n"
# confined with their seccomp filter; local runs commands, with set-id bits too, for its users
FILTERED = {"smtpd", "cleanup", "qmgr", "pickup", "error", "bounce"}
FILTER, NOTHING = "2", "0"


def statuses(suite):
    """(seccomp mode, no_new_privs) by the name of the program; master itself is not among them."""
    found = {}
    for pid in suite.pids():
        try:
            with open("/proc/%d/status" % pid, encoding="ascii") as f:
                state = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[state["Name"]] = (state["Seccomp"], state["NoNewPrivs"])
    return found


class ConfinementTestCase(SuiteTestCase):
    main_cf = {"transport_maps": "inline:{gone.example=error:gone}", "smtpd_reject_unlisted_recipient": "no"}
    filtered = FILTER

    def expected(self):
        return {**{name: (self.filtered, "1") for name in FILTERED}, "local": (NOTHING, "0"), "master": (NOTHING, "0")}

    def all_as_expected(self):
        """What has just been started is still on its way there."""
        found = statuses(self.suite)
        return all(found.get(name) == status for name, status in self.expected().items())

    def test_services_after_mail_has_passed(self):
        mark = self.suite.log_mark()
        with self.suite.smtp() as client:
            self.assert_reply(client.mail("a@mail.example.test"), 250)
            self.assert_reply(client.rcpt("u@gone.example"), 250)
            self.assert_reply(client.data(TEXT), 250)
            self.suite.wait_for_log(r"sender non-delivery notification", since=mark)
            self.suite.wait_for_log(r"local\[\d+\]: .* status=", since=mark)
            until(self.all_as_expected, 30, lambda: "%s; there are %s" % (self.expected(), statuses(self.suite)))


class Confined(ConfinementTestCase):
    pass


class Unconfined(ConfinementTestCase):
    main_cf = dict(ConfinementTestCase.main_cf, service_confinement="no")
    filtered = NOTHING


del ConfinementTestCase

if __name__ == "__main__":
    unittest.main()

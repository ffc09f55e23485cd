"""Settings that are in force at once."""
from .suite import Suite
from .wait import until

# the programs that take connections and messages, with the settings they began with
TAKERS = ("smtpd", "smtp", "lmtp", "qmgr", "pickup", "cleanup", "local", "virtual", "pipe")


def renew(suite):
    """Reload, and wait until nobody is left who would take the next connection or message with the old settings."""
    old = {pid for name, pids in suite.processes().items() if name in TAKERS for pid in pids}
    Suite.reload(suite)
    until(lambda: not old & set(suite.pids()), 60, lambda: "the end of %s; %s" % (old, suite.describe_pids()))

"""Daemons under valgrind: slow, but it sees uses of unset memory, which the sanitizers do not.

MTA_VALGRIND=1 in the environment does it for every Suite; `valgrind = True` in a SuiteTestCase for
that one. What valgrind has to say goes where the sanitizers report, and fails the test in the same
way. For builds without sanitizers only: the two do not go together.
"""
import copy
import os
import shutil

# Reports are the only output (-q); a child that master or local starts from here is its own affair.
# What is still reachable at the end is not a leak: daemons end without tidying up.
OPTIONS = ["-q", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
           "--track-origins=yes", "--child-silent-after-fork=yes", "--num-callers=30", "--vgdb=no",
           "--error-exitcode=99", "--suppressions=" + os.path.join(os.path.dirname(__file__), "valgrind.supp")]

SCRIPT = """\
#!/bin/sh
exec %(valgrind)s %(options)s --log-file=%(reports)s/valgrind.%(name)s.%%p %(program)s "$@"
"""


def wanted():
    return bool(os.environ.get("MTA_VALGRIND"))


def missing(product):
    """Why PRODUCT cannot run under valgrind, or None."""
    if not shutil.which("valgrind"):
        return "valgrind is not installed"
    with open(product.daemon("master"), "rb") as f:
        if b"__asan_init" in f.read():
            return "built with sanitizers, which do not go together with valgrind"
    return None


def wrapped(product, directory, reports):
    """PRODUCT with its daemons replaced by scripts in DIRECTORY; reports go to files below REPORTS."""
    reason = missing(product)
    if reason:
        raise RuntimeError("cannot use valgrind: " + reason)
    os.mkdir(directory)
    for name in os.listdir(product.daemons):
        script = os.path.join(directory, name)
        with open(script, "w") as f:
            f.write(SCRIPT % {"valgrind": shutil.which("valgrind"), "options": " ".join(OPTIONS), "name": name,
                              "reports": reports, "program": product.daemon(name)})
        os.chmod(script, 0o755)
    product = copy.copy(product)
    product.daemons = directory
    return product

"""Who may include whom: the floors of lib/, and programs that do not know each other.

docs/STYLE.md explains the floors; this is the table of them.
"""
import os
import re
import unittest

SOURCE = os.environ.get("MTA_SOURCE") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))

FLOORS = {"base": 0, "log": 1, "io": 1, "ipc": 2, "config": 2, "map": 3, "mail": 4, "dns": 4, "tls": 4,
          "sasl": 4, "esmtp": 5, "milter": 5, "service": 6, "delivery": 6}
# on the same floor: who may use whom
NEIGHBOURS = {("io", "log"), ("config", "ipc"), ("tls", "dns"), ("milter", "esmtp"), ("delivery", "service")}

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
NOT_PROGRAMS = {"lib", "tests", "build", "docs", "conf", "cmake", "bench", "tools"}


def sources(top):
    for where, folders, names in os.walk(os.path.join(SOURCE, top)):
        folders[:] = [f for f in folders if not f.startswith(("build", "."))]
        for name in names:
            if name.endswith((".c", ".h", ".def")):
                yield os.path.relpath(os.path.join(where, name), SOURCE)


def includes(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as f:
        return INCLUDE.findall(f.read())


def programs():
    """Folders with a program: at the top, and below tools/."""
    top = [d for d in os.listdir(SOURCE) if d not in NOT_PROGRAMS and not d.startswith((".", "build"))]
    found = [d for d in top if os.path.exists(os.path.join(SOURCE, d, "CMakeLists.txt"))]
    tools = os.path.join(SOURCE, "tools")
    if os.path.isdir(tools):
        found += ["tools/" + d for d in os.listdir(tools) if os.path.isdir(os.path.join(tools, d))]
    return found


def floor_fault(path, included):
    """Why a file of lib/ may not include that, or None."""
    mine, theirs = path.split("/")[1], included.split("/")[0]
    if mine not in FLOORS:
        return "%s: lib/%s is on no floor" % (path, mine)
    if theirs not in FLOORS:
        return '%s: "%s" is in no folder of lib/' % (path, included)
    if theirs == mine or FLOORS[theirs] < FLOORS[mine] or (mine, theirs) in NEIGHBOURS:
        return None
    return "%s: %s (floor %d) may not include %s (floor %d)" % (path, mine, FLOORS[mine], included, FLOORS[theirs])


def program_fault(path, program, included):
    """Why a program may not include that, or None."""
    own = (program + "/", program.split("/")[-1] + "/")     # a tool may leave out tools/
    if "/" not in included or included.split("/")[0] in FLOORS or included.startswith(own):
        return None
    return '%s: "%s" is neither in lib/ nor in %s/' % (path, included, program)


class Layers(unittest.TestCase):
    def test_floors(self):
        faults = [floor_fault(path, i) for path in sources("lib") for i in includes(path)]
        self.assertEqual([f for f in faults if f], [])

    def test_programs(self):
        faults = [program_fault(path, program, i)
                  for program in programs() for path in sources(program) for i in includes(path)]
        self.assertEqual([f for f in faults if f], [])

    def test_sees_faults(self):
        """The checks themselves can fail."""
        self.assertIsNotNone(floor_fault("lib/base/err.c", "log/log.h"))
        self.assertIsNotNone(floor_fault("lib/mail/address.c", "dns/dns.h"))
        self.assertIsNone(floor_fault("lib/mail/address.c", "map/map.h"))
        self.assertIsNotNone(program_fault("qmgr/qmgr.c", "qmgr", "smtpd/smtpd.h"))


if __name__ == "__main__":
    unittest.main()

"""sendmail(1): senders, arguments and options, and lines of a mailbox: what is said, and what is handed to pickup."""
import os
import unittest
from concurrent.futures import ThreadPoolExecutor

from compare.test_sendmail_recipients import records
from support import oracle
from support.compare import sides
from support.suite import Suite

BODY = b"To: x@far.test\n\nbody\n"
SENDERS = ["q q@x.test", "a@b, c@d", "Name <a@b>", "<a@b>", "(c)", "a b@c", "@", "a@b c@d", "grp: a@b;", "<a@b", "a@b>", '"q q"@x', "a@b (c)",
           "<>", "<> (c)", "", " ", "a@b,", "@r:a@b", "<@r:a@b>", "a@", "a . b@c", "a..b", '"a@b', "\u00e9@x", "N <a@b> M", "<a@b> <c@d>", "-x"]
RECIPIENTS = ["", "<>", "@", "a b", "a@b c@d", "N <a@b>", "a@b,c@d", "grp: a@b, c@d;", "grp:;", "(c)", "<@r:a@b>", '""', "a,,b", ",", "@r", "a\nb"]
FROM_LINES = [b"From a\n", b"From a\nFrom b\n", b">From a\n>From b\n", b">>From a\n", b"from a\n", b"From  a\n", b"From\ta\n", b"From\n",
              b"Fromm a\n", b"\nFrom a\n", b"To: x\nFrom a\n", b"From a\n b\n", b"From :a\n", b"From a: b\n", b"From a\n\nFrom b\n",
              b"From " + b"x" * 3000 + b"\n", b"From a\nX: y\nFrom b\n"]
OPTIONS = [["-N", word, "r@x"] for word in ("bogus", "never,success", "success,failure", "success,bogus", "", "NEVER", " success , delay")]
OPTIONS += [["-V", word, "r@x"] for word in ("", "a b", "a\u00e9", "a+2bc", "x" * 100, "x" * 101, "a\tb", "=", "a+zz")]
OPTIONS += [["-q", "x"], ["-qx"], ["-bp", "x"], ["-bd", "x"], ["-bi", "x"], ["-bs", "x"], ["-qIx", "y"], ["-qRx", "y"], ["-I", "x"], ["-qR"],
            ["-qI"], ["-q15m"], ["-q15m", "x"], ["-bh", "x"], ["-bH", "x"], ["-R", "x", "r@x"], ["-F", "a\nb", "r@x"], ["-r", "a@b", "-t"],
            ["-B", "x", "r@x"], ["-t", "-bv"], ["-h", "3", "r@x"], ["-o", "7", "r@x"], ["-bx"], ["-X", "log", "r@x"], ["-XV", "r@x"],
            ["-XV+=", "r@x"], ["-XVab", "r@x"], ["-n", "r"], ["a@b", ""], [",", ","], ["-bv"], ["-bv", "-f", "a@b"], ["-p", "x", "y"],
            ["-oi", "-om", "-odi", "x@y"], ["-bm", "x@y"], ["-O", "x=y", "r@x"], ["-t", "q@r"], ["-bv", "-f", "<a@b>", "r@x"]]
CASES = [(["-t", "-f", sender], b"x: y\n\n") for sender in SENDERS] + [(["-f", "a@b", rcpt], b"\n") for rcpt in RECIPIENTS]
CASES += [(["-i", "r@x"], lines + BODY) for lines in FROM_LINES] + [(["-t"], lines + BODY) for lines in FROM_LINES]
CASES += [(options, b"") for options in OPTIONS]


def handed_in(product):
    """For each case: exit status, what was said, and the records of the file (without those that tell times)."""
    found = []
    with Suite(product=product) as suite:
        suite.stop()            # what is handed in stays in maildrop/
        maildrop = suite.path("queue", "maildrop")
        for args, text in CASES:
            done = suite.run("sendmail", *args, stdin=text, check=False)
            found.append([done.returncode, done.stderr + done.stdout])
            for name in os.listdir(maildrop):
                path = os.path.join(maildrop, name)
                with open(path, "rb") as f:
                    lines = records(f.read())
                # the order within the envelope is nobody's business; a long line may come in pieces
                lines = [(kind, value) for kind, value in lines if kind not in b"TEF" and not value.startswith(b"create_time=")]
                envelope = [line for line in lines if line[0] not in b"NL"]
                found[-1] += [sorted(envelope), b"".join(v + (b"\n" if k == b"N" else b"") for k, v in lines if k in b"NL")]
                os.unlink(path)
    return found


@oracle.needed
class Options(unittest.TestCase):
    def test_all(self):
        with ThreadPoolExecutor() as pool:
            ours, theirs = pool.map(handed_in, sides())
        different = ["%s %s\n    Postfix: %s\n    ours:    %s" % (args, text[:30], b, a)
                     for (args, text), a, b in zip(CASES, ours, theirs) if a != b]
        self.assertEqual(different, [], "\n".join(different))


if __name__ == "__main__":
    unittest.main()

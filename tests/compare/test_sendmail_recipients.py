"""sendmail -t: the recipients found in the headers of the corpus, as they are handed to pickup."""
import os
import unittest
from concurrent.futures import ThreadPoolExecutor

from support import oracle
from support.compare import sides
from support.header_corpus import messages
from support.suite import Suite


def records(data):
    """(type, value) of the records of a queue file; the length has seven bits a byte, low ones first."""
    at = 0
    while at < len(data):
        kind, length, shift, more = data[at:at + 1], 0, 0, True
        at += 1
        while more:
            length |= (data[at] & 0x7f) << shift
            more, shift, at = data[at] & 0x80, shift + 7, at + 1
        yield kind, data[at:at + length]
        at += length


def recipients_found(product, corpus):
    """For each message: the exit status, and the recipients in the file it became."""
    found = []
    with Suite(product=product) as suite:
        suite.stop()            # what is handed in stays in maildrop/
        maildrop = suite.path("queue", "maildrop")
        for message in corpus:
            done = suite.run("sendmail", "-t", "-i", "-f", "sender@here.test", stdin=message.data, check=False)
            found.append([done.returncode])
            for name in os.listdir(maildrop):
                path = os.path.join(maildrop, name)
                with open(path, "rb") as f:
                    found[-1] += [value for kind, value in records(f.read()) if kind == b"R"]
                os.unlink(path)
    return found


@oracle.needed
class Recipients(unittest.TestCase):
    maxDiff = None

    def test_those_of_the_header(self):
        corpus = list(messages())
        with ThreadPoolExecutor() as pool:
            ours, theirs = pool.map(lambda product: recipients_found(product, corpus), sides())
        self.assertGreater(sum(map(len, theirs)), 2 * len(corpus))
        different = ["%s\n    Postfix: %s\n    ours:    %s" % (message.name, b, a)
                     for message, a, b in zip(corpus, ours, theirs) if a != b]
        self.assertEqual(different, [], "\n".join(different))


if __name__ == "__main__":
    unittest.main()

"""Directories on a disk, for what a tmpfs does not do: there is no journal of the queue (docs/decisions/0024)."""
import subprocess
import tempfile
import unittest


def directory_on_disk():
    """Where temporary files may be: the usual place, or /var/tmp where that one is in memory."""
    for place in (tempfile.gettempdir(), "/var/tmp"):
        kind = subprocess.run(["stat", "--file-system", "--format=%T", place], stdout=subprocess.PIPE, text=True, check=True)
        if kind.stdout.strip() != "tmpfs":
            return place
    raise unittest.SkipTest("both %s and /var/tmp are in memory" % tempfile.gettempdir())

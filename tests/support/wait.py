"""Waiting for events: poll until a deadline, never sleep for luck."""
import time


class TimedOut(AssertionError):
    """Something that had to happen did not."""


def until(condition, timeout, what):
    """Call CONDITION until it returns something true; return that.

    WHAT says what was awaited: text, or a function that makes it when the wait has failed.
    """
    deadline = time.monotonic() + timeout
    pause = 0.005
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > deadline:
            raise TimedOut("not within %g s: %s" % (timeout, what() if callable(what) else what))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)

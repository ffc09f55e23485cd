"""What processes cost."""
import resource


def pss(pid):
    """Bytes of memory of a process, shared pages divided among those who share them."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        for line in f:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    raise AssertionError("no Pss of process %d" % pid)


def is_sanitized(path):
    """True for a program built with a sanitizer, whose memory tells nothing."""
    with open(path, "rb") as f:
        return b"__asan_init" in f.read()


def want_descriptors(count):
    """Raise the limit of open files to COUNT, for this process and what it starts; False: not allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return True
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(hard, count)))
    except (ValueError, OSError):
        return False
    return True

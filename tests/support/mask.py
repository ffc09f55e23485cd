"""Hide what differs from run to run: queue ids, times, pids, ports, directories, versions."""
import re

# in this order
MASKS = [
    (re.compile(r"\b[0-9A-F]{6,15}\.\d{9,11}/"), "QID.N/"),       # boundaries of reports
    (re.compile(r"(?m)^\w{3} [ \d]\d \d\d:\d\d:\d\d [^ ]+ "), "TIME HOST "),
    (re.compile(r"(?m)^\d{4}-\d\d-\d\dT[^ ]+ [^ ]+ "), "TIME HOST "),
    (re.compile(r"(postfix(?:/[\w-]+)+)\[\d+\]"), r"\1[PID]"),
    (re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), +\d+ \w{3} \d{4} \d\d:\d\d:\d\d [-+]\d{4}"
                r"(?: \([^)]*\))?"), "DATE"),
    (re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} [ \d]\d \d\d:\d\d:\d\d( \d{4})?"), "DATE"),
    (re.compile(r"delays?=[\d./]+"), "delay=N"),
    (re.compile(r"\[127\.0\.0\.1\]:\d+"), "[127.0.0.1]:PORT"),
    (re.compile(r"\b[0-9]+\.[0-9A-F]+/"), "N.ID/"),
    (re.compile(r"\(in \d+ms\)"), "(in Nms)"),
    (re.compile(r"\b(pid|process id|process) \d+"), r"\1 PID"),
]
ID = "[0-9A-F]{6,15}"
# Where an id stands, it may be digits only; elsewhere it needs a letter or nine digits, for numbers to stay.
ID_CONTEXT = re.compile(r'(queued as |\bid |\[PID\]: (?:warning: )?|Queue-ID: |notification: |[A-Z]i\||"queue_id": "|postsuper: |'
                        r"\b(?:maildrop|incoming|active|deferred|defer|hold|bounce|trace|corrupt|saved)/(?:[0-9A-F]/)*|^)"
                        r"%s\b(?!\.)" % ID, re.M)
ID_LETTERS = re.compile(r"\b(?:(?=[0-9]*[A-F])%s|[0-9]{9,15})\b" % ID)
STAMPED_ID = re.compile(r"\b\d{14}\.%s(?=@)" % ID)
LONG_ID = re.compile(r"\b(?=[0-9A-Za-z]*\d)[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,15}\b")


def mask(text, suite=None, long_ids=False):
    """TEXT with everything that may differ replaced by a word."""
    if suite:
        for what, word in ((suite.dir, "DIR"), (suite.product.root, "ROOT"),
                           (":%d" % suite.port, ":PORT")):
            text = text.replace(what, word)
    text = STAMPED_ID.sub("STAMP.QID", text)
    for pattern, word in MASKS:
        text = pattern.sub(word, text)
    text = ID_CONTEXT.sub(r"\1QID", text)
    return (LONG_ID if long_ids else ID_LETTERS).sub("QID", text)


def mask_lines(lines, suite=None, long_ids=False):
    return [mask(line, suite, long_ids) for line in lines]

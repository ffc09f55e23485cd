"""What ./demo shows, step by step, on a private instance; any step that fails ends it loudly."""
import os
import pwd
import re
import subprocess
import sys

from .ports import free_port, listens
from .product import staged
from .suite import Suite
from .wait import until

MAIL = "From: %s\nTo: %s\nSubject: %s\n\n%s\n"


def step(text):
    print("\n=== " + text, flush=True)


def show(text):
    print("\n".join("    " + line for line in text.rstrip("\n").split("\n")), flush=True)


def local_user():
    """Who gets the local mail: the caller, or for root an account that every Debian has."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    for name in ("games", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            pass
    raise SystemExit("demo: no ordinary account to deliver to")


class Demo:
    def __init__(self):
        self.user = local_user()
        self.sink_port, self.dead_port = free_port(), free_port()
        self.sink = None
        self.suite = Suite({"transport_maps": "hash:@etc@/transport"})
        self.here = "%s@%s" % (self.user, "mail.example.test")

    def run(self):
        try:
            self.prepare()
            self.local_mail()
            self.smtp_mail()
            self.remote_mail()
            self.bounce()
            self.deferred()
            step("the log")
            show("\n".join(self.suite.log_lines()))
            step("stop")
            self.suite.stop()
            show("no process is left")
        except BaseException:
            print(self.suite.tail(), file=sys.stderr)
            raise
        finally:
            if self.sink:
                self.sink.kill()
                self.sink.wait()
            self.suite.close()
        print("\nAll of it worked.")

    def prepare(self):
        step("a private instance in %s, SMTP on 127.0.0.1:%d" % (self.suite.dir, self.suite.port))
        self.suite.make_aliases("postmaster: %s\n" % self.user)
        self.suite.make_map("transport", "far.test smtp:[127.0.0.1]:%d\ndead.test smtp:[127.0.0.1]:%d\n"
                            % (self.sink_port, self.dead_port))
        self.suite.start()
        show(self.suite.describe_pids())

        step("a second mail server, smtp-sink, on port %d" % self.sink_port)
        os.mkdir(self.suite.path("sink"))
        os.chmod(self.suite.path("sink"), 0o1777)
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.sink = subprocess.Popen([staged().command("smtp-sink")] + user
                                     + ["-d", self.suite.path("sink") + "/message.",
                                        "127.0.0.1:%d" % self.sink_port, "100"])
        until(lambda: listens(self.sink_port), 30, "smtp-sink to listen")

    def wait_mailbox(self, pattern):
        """The message in the mailbox that has PATTERN in it."""
        def look():
            messages = re.split(r"(?m)^(?=From \S)", self.suite.mailbox(self.user))
            return [m for m in messages if re.search(pattern, m)]
        return until(look, 30, lambda: "%r in the mailbox of %s" % (pattern, self.user))[-1]

    def local_mail(self):
        step("sendmail to %s, and the mailbox after it" % self.here)
        self.suite.sendmail(["-f", self.here, self.here], MAIL % (self.here, self.here, "by sendmail", "Hello."))
        show(self.wait_mailbox("Subject: by sendmail"))

    def smtp_mail(self):
        step("the same by SMTP")
        with self.suite.smtp() as client:
            show("\n".join(client.banner.lines))
            for reply in (client.mail("someone@far.test"), client.rcpt(self.here),
                          client.data(MAIL % ("someone@far.test", self.here, "by SMTP", "Hello again."))):
                show("\n".join(reply.lines))
                if reply.code != 250:
                    raise SystemExit("demo: refused")
        show(self.wait_mailbox("Subject: by SMTP"))

    def remote_mail(self):
        step("mail to user@far.test goes to the other server, which wrote down")
        self.suite.sendmail(["-f", self.here, "user@far.test"],
                            MAIL % (self.here, "user@far.test", "to far", "Far away."))
        self.suite.wait_for_log(r"to=<user@far\.test>.* status=sent")
        name = until(lambda: [n for n in os.listdir(self.suite.path("sink"))],
                     30, "the other server's file")[0]
        with open(self.suite.path("sink", name)) as f:
            show(f.read())

    def bounce(self):
        step("mail to a user who does not exist comes back")
        self.suite.sendmail(["-f", self.here, "no-such-user@mail.example.test"],
                            MAIL % (self.here, "no-such-user@mail.example.test", "lost", "Where to?"))
        show(self.wait_mailbox("Subject: Undelivered Mail Returned to Sender"))

    def deferred(self):
        step("mail to a server that is down waits in the queue; mailq shows it")
        self.suite.sendmail(["-f", self.here, "user@dead.test"],
                            MAIL % (self.here, "user@dead.test", "later", "No hurry."))
        self.suite.wait_for_log(r"to=<user@dead\.test>.* status=deferred")
        show(self.suite.run("mailq").stdout)
        if "user@dead.test" not in self.suite.postqueue():
            raise SystemExit("demo: the waiting message is not listed")


if __name__ == "__main__":
    Demo().run()

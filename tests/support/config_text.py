"""main.cf and master.cf of a private instance."""
import grp
import os
import pwd

# service type private unpriv chroot wakeup limit command
SERVICES = """\
pickup     unix       n - n 60    1 pickup
cleanup    unix       n - n -     0 cleanup
qmgr       unix       n - n 300   1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n -     - trivial-rewrite
bounce     unix       - - n -     0 bounce
defer      unix       - - n -     0 bounce
trace      unix       - - n -     0 bounce
verify     unix       - - n -     1 verify
flush      unix       n - n 1000? 0 flush
proxymap   unix       - - n -     - proxymap
proxywrite unix       - - n -     1 proxymap
smtp       unix       - - n -     - smtp
relay      unix       - - n -     - smtp
showq      unix       n - n -     - showq
error      unix       - - n -     - error
retry      unix       - - n -     - error
discard    unix       - - n -     - discard
local      unix       - n n -     - local
virtual    unix       - n n -     - virtual
lmtp       unix       - - n -     - lmtp
anvil      unix       - - n -     1 anvil
scache     unix       - - n -     1 scache
postlog    unix-dgram n - n -     1 postlogd
"""


def owner():
    """(user, group) to run as: the caller, or the two system names when the caller is root."""
    if os.geteuid() == 0:
        return "postfix", "postdrop"
    return pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name


def main_cf(product, directory, settings):
    """The text of main.cf; SETTINGS (a dict) win, a value of None leaves a parameter out."""
    user, group = owner()
    etc = os.path.join(directory, "etc")
    sanitizer = "log_path=%s/sanitizer/report" % directory
    values = {
        "compatibility_level": "3.6",
        "mail_owner": user,
        "setgid_group": group,
        "command_directory": product.sbin,
        "daemon_directory": product.daemons,
        "sendmail_path": product.command("sendmail"),
        "mailq_path": product.command("mailq"),
        "newaliases_path": product.command("newaliases"),
        "meta_directory": etc,
        "queue_directory": directory + "/queue",
        "data_directory": directory + "/data",
        "maillog_file": directory + "/maillog",
        "maillog_file_prefixes": directory,
        "html_directory": "no",
        "manpage_directory": product.root + "/usr/share/man",
        "readme_directory": "no",
        "myhostname": "mail.example.test",
        "mydomain": "example.test",
        "mydestination": "$myhostname, localhost",
        "mynetworks": "127.0.0.0/8",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "alias_maps": "hash:%s/aliases" % etc,
        "alias_database": "hash:%s/aliases" % etc,
        "mail_spool_directory": directory + "/mail",
        "smtp_dns_support_level": "disabled",
        "import_environment": "MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C "
                              "ASAN_OPTIONS=%s:detect_leaks=0 UBSAN_OPTIONS=%s"
                              % (sanitizer, sanitizer),
    }
    if product.shlib_directory:
        values["shlib_directory"] = product.shlib_directory
    values.update(settings)
    return "".join("%s = %s\n" % item for item in values.items() if item[1] is not None)


def _service_key(line):
    return tuple(line.split()[:2])


def master_cf(product, port, extra):
    """The text of master.cf.

    EXTRA is text with further entries (and their -o lines), which replace those of the same
    name and type. Services whose program the product lacks are left out.
    """
    given = [line for line in extra.splitlines() if line.strip()]
    replaced = {_service_key(line) for line in given if not line[0].isspace()}
    lines = ["127.0.0.1:%d inet n - n - - smtpd" % port] + SERVICES.splitlines()
    kept = [line for line in lines
            if _service_key(line) not in replaced and product.has_daemon(line.split()[7])]
    return "\n".join(kept + given) + "\n"

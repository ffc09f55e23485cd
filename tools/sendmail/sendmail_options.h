/* sendmail_options: the command line that sendmail has had since the eighties. */
#ifndef SENDMAIL_SENDMAIL_OPTIONS_H
#define SENDMAIL_SENDMAIL_OPTIONS_H

#include "base/argv.h"

enum sendmail_mode {
    SENDMAIL_SUBMIT,     /* -bm */
    SENDMAIL_VERIFY,     /* -bv */
    SENDMAIL_SMTP,       /* -bs */
    SENDMAIL_DAEMON,     /* -bd, -bl */
    SENDMAIL_NEWALIASES, /* -bi, -I, newaliases */
    SENDMAIL_LIST_QUEUE, /* -bp, mailq */
    SENDMAIL_FLUSH,      /* -q */
    SENDMAIL_FLUSH_SITE, /* -qRsite */
    SENDMAIL_FLUSH_ONE,  /* -qIqueueid */
    SENDMAIL_NOTHING,    /* -bh, -bH: accepted, no such thing here */
};

struct sendmail_options {
    enum sendmail_mode mode;
    const char *config_dir;
    const char *sender;     /* -f; NULL: the login name */
    const char *full_name;  /* -F; NULL: from the account */
    const char *flush_what; /* site or queue id */
    const char *alias_file; /* -oA */
    const char *encoding;   /* "7bit", "8bit" or NULL */
    const char *envelope_id;
    const char *verp; /* two characters, "" for the default, or NULL */
    int64_t dsn_notify, dsn_ret;
    int verbose;
    bool extract;       /* -t */
    bool dots_are_data; /* -i */
    bool gateway;       /* -G */
    bool full_name_given;
    struct argv recipients;
};

/* Fatal lines on the program's behalf for what Postfix refuses, warnings for what it ignores aloud.
 */
void sendmail_options_parse(struct sendmail_options *o, int argc, char **argv);
void sendmail_options_done(struct sendmail_options *o);

#endif

#include "unit/cm.h"

#include "base/xmem.h"
#include "log/log.h"
#include "mail/envelope.h"
#include "sendmail/sendmail_options.h"

#include <getopt.h>

static char said[512];

static void hear(enum log_level level, const char *line)
{
    (void)level;
    snprintf(said, sizeof said, "%s", line);
}

/* WORDS as a shell would split them. */
static void parse(struct sendmail_options *o, const char *words, struct argv *args)
{
    struct slice in = slice_of(words), word;
    while (slice_next_token(&in, " ", &word))
        argv_add_slice(args, word);
    optind = 0; /* getopt starts over */
    said[0] = 0;
    log_hook = hear;
    sendmail_options_parse(o, (int)args->count, args->at);
}

static void modes_by_option_and_by_name(void **unused)
{
    (void)unused;
    static const struct {
        const char *words;
        enum sendmail_mode mode;
        const char *what;
    } rows[] = {
        {"sendmail a", SENDMAIL_SUBMIT, NULL},
        {"sendmail -bm a", SENDMAIL_SUBMIT, NULL},
        {"sendmail -bv a", SENDMAIL_VERIFY, NULL},
        {"sendmail -bs", SENDMAIL_SMTP, NULL},
        {"sendmail -bd", SENDMAIL_DAEMON, NULL},
        {"sendmail -bd -q15m", SENDMAIL_DAEMON, NULL},
        {"sendmail -bi", SENDMAIL_NEWALIASES, NULL},
        {"sendmail -I", SENDMAIL_NEWALIASES, NULL},
        {"sendmail -bp", SENDMAIL_LIST_QUEUE, NULL},
        {"sendmail -bh", SENDMAIL_NOTHING, NULL},
        {"sendmail -q", SENDMAIL_FLUSH, NULL},
        {"sendmail -qRsite.test", SENDMAIL_FLUSH_SITE, "site.test"},
        {"sendmail -qIABC123", SENDMAIL_FLUSH_ONE, "ABC123"},
        {"/usr/bin/mailq", SENDMAIL_LIST_QUEUE, NULL},
        {"/usr/bin/newaliases", SENDMAIL_NEWALIASES, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(argv_done) struct argv args = ARGV_INIT;
        struct sendmail_options o;
        ROW(rows[i].words);
        parse(&o, rows[i].words, &args);
        assert_int_equal(o.mode, rows[i].mode);
        if (rows[i].what)
            assert_string_equal(o.flush_what, rows[i].what);
        sendmail_options_done(&o);
    }
}

static void options_may_follow_recipients(void **unused)
{
    (void)unused;
    CLEANUP(argv_done) struct argv args = ARGV_INIT;
    struct sendmail_options o;
    parse(&o, "sendmail -oi -f me@x a b -t -F Name -B8BITMIME -Rhdrs -Nsuccess,failure -Vid1 c",
          &args);
    assert_int_equal(o.recipients.count, 3);
    assert_string_equal(o.recipients.at[2], "c");
    assert_string_equal(o.sender, "me@x");
    assert_string_equal(o.full_name, "Name");
    assert_string_equal(o.encoding, "8bit");
    assert_string_equal(o.envelope_id, "id1");
    assert_true(o.extract);
    assert_true(o.dots_are_data);
    assert_int_equal(o.dsn_ret, DSN_RET_HDRS);
    assert_int_equal(o.dsn_notify, DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE);
    sendmail_options_done(&o);
}

static void old_options_are_accepted_and_ignored(void **unused)
{
    (void)unused;
    CLEANUP(argv_done) struct argv args = ARGV_INIT;
    struct sendmail_options o;
    parse(&o, "sendmail -Am -h 5 -L tag -m -O x=y -o7 -oem -U -p smtp a", &args);
    assert_int_equal(o.mode, SENDMAIL_SUBMIT);
    assert_int_equal(o.recipients.count, 1);
    assert_string_equal(said, "");
    sendmail_options_done(&o);
}

static void verp_has_a_new_and_an_old_form(void **unused)
{
    (void)unused;
    static const struct {
        const char *words, *verp;
        bool warns;
    } rows[] = {
        {"sendmail -XV a", "", false},
        {"sendmail -XV+= a", "+=", false},
        {"sendmail -V-= a", "-=", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(argv_done) struct argv args = ARGV_INIT;
        struct sendmail_options o;
        ROW(rows[i].words);
        parse(&o, rows[i].words, &args);
        assert_string_equal(o.verp, rows[i].verp);
        assert_int_equal(said[0] != 0, rows[i].warns);
        sendmail_options_done(&o);
    }
}

static void bad_dsn_values_only_warn(void **unused)
{
    (void)unused;
    static const char *const rows[] = {"sendmail -Nsometimes a", "sendmail -Nnever,delay a",
                                       "sendmail -Rsome a"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(argv_done) struct argv args = ARGV_INIT;
        struct sendmail_options o;
        ROW(rows[i]);
        parse(&o, rows[i], &args);
        assert_non_null(strstr(said, "option value -- ignored"));
        assert_int_equal(o.dsn_notify, 0);
        assert_int_equal(o.dsn_ret, 0);
        sendmail_options_done(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_by_option_and_by_name),
        cmocka_unit_test(options_may_follow_recipients),
        cmocka_unit_test(old_options_are_accepted_and_ignored),
        cmocka_unit_test(verp_has_a_new_and_an_old_form),
        cmocka_unit_test(bad_dsn_values_only_warn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "delivery/delivery_log.h"

#include "config/common_params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char last_line[2000];

static void keep_line(enum log_level level, const char *line)
{
    (void)level;
    size_t len = MIN(strlen(line), sizeof last_line - 1);
    memcpy(last_line, line, len);
    last_line[len] = '\0';
}

static void status_line_is_as_log_readers_know_it(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *address, *orig, *extra, *tls, *end;
    } rows[] = {
        {"plain", "u@x.test", "", NULL, NULL,
         "ID1: to=<u@x.test>, relay=none, delay=3, delays=1/0.5/0/1.5, dsn=2.0.0, status=sent "
         "(ok)"},
        {"same original", "u@x.test", "U@X.test", NULL, NULL,
         "ID1: to=<u@x.test>, relay=none, delay=3, delays=1/0.5/0/1.5, dsn=2.0.0, status=sent "
         "(ok)"},
        {"other original", "u@x.test", "v@x.test", "conn_use=2, ", NULL,
         "ID1: to=<u@x.test>, orig_to=<v@x.test>, relay=none, conn_use=2, delay=3, "
         "delays=1/0.5/0/1.5, dsn=2.0.0, status=sent (ok)"},
        {"tls", "u@x.test", "", "conn_use=2, ", "tls=may:none",
         "relay=none, conn_use=2, delay=3, delays=1/0.5/0/1.5, tls=may:none, dsn=2.0.0, "
         "status=sent (ok)"},
        {"quoted", "a b@x.test", "", NULL, NULL,
         "ID1: to=<\"a b\"@x.test>, relay=none, delay=3, delays=1/0.5/0/1.5, dsn=2.0.0, "
         "status=sent (ok)"},
    };
    common_params.delay_logging_resolution_limit = 2;
    common_params.info_log_address_format = "external";
    log_hook = keep_line;
    struct envelope env = {.arrival_s = 1000, .arrival_us = 0};
    struct delivery_job job = {.envelope = &env, .log = {.queue_id = "ID1"}};
    job.request.active_at_us = 1001000000;
    job.request.sent_at_us = 1001500000;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct recipient rcpt = {.address = rows[i].address, .orig_address = rows[i].orig};
        struct delivery_outcome o = {.dsn = "2.0.0",
                                     .relay = "none",
                                     .text = "ok",
                                     .log_extra = rows[i].extra,
                                     .log_tls = rows[i].tls};
        print_message("  row: %s\n", rows[i].name);
        delivery_log_outcome(&job, &rcpt, &o, "sent", 1003000000);
        size_t len = strlen(last_line), end = strlen(rows[i].end);
        assert_true(len >= end);
        assert_string_equal(last_line + len - end, rows[i].end);
    }
}

static void dsn_is_split_off(void **unused)
{
    (void)unused;
    static const struct {
        const char *in, *dsn, *text;
    } rows[] = {
        {"5.1.1 no such user", "5.1.1", "no such user"},
        {"4.2.2", "4.2.2", ""},
        {"plain text", "", "plain text"},
        {"3.1.1 text", "", "3.1.1 text"},
        {"5.1 text", "", "5.1 text"},
        {"5.1.1text", "", "5.1.1text"},
        {"55.1.1 text", "", "55.1.1 text"},
        {"5.1234.1 text", "", "5.1234.1 text"},
        {"", "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice dsn, text;
        print_message("  row: %s\n", rows[i].in);
        assert_int_equal(delivery_split_dsn(slice_of(rows[i].in), &dsn, &text),
                         rows[i].dsn[0] != 0);
        assert_true(slice_eq(dsn, rows[i].dsn));
        assert_true(slice_eq(text, rows[i].text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_line_is_as_log_readers_know_it),
        cmocka_unit_test(dsn_is_split_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

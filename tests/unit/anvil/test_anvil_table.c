/* Counts, rates, what a lost server process gives back, peaks. */
#include "anvil/anvil_table.h"
#include "base/clock.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static int64_t now_ms;
static int64_t fake_now(void)
{
    return now_ms;
}

static struct anvil_counts event(struct anvil_table *t, struct anvil_peer *p, uint16_t kind)
{
    struct anvil_counts counts;
    assert_true(anvil_table_event(t, p, kind, "smtp", "192.0.2.1", &counts));
    return counts;
}

static void connections_are_counted_and_released(void **unused)
{
    (void)unused;
    struct anvil_table *t = anvil_table_new(60);
    struct anvil_peer *a = anvil_peer_new(t), *b = anvil_peer_new(t);
    assert_int_equal(event(t, a, ANVIL_CONNECT).count, 1);
    assert_int_equal(event(t, b, ANVIL_CONNECT).count, 2);
    assert_int_equal(event(t, b, ANVIL_CONNECT).rate, 3);
    event(t, a, ANVIL_DISCONNECT);
    event(t, a, ANVIL_DISCONNECT); /* it has none left to give back */
    assert_int_equal(event(t, b, ANVIL_LOOKUP).count, 2);
    anvil_peer_free(b);
    assert_int_equal(event(t, a, ANVIL_LOOKUP).count, 0);
    anvil_peer_free(a);
    anvil_table_free(t);
}

static void rates_start_anew(void **unused)
{
    (void)unused;
    struct anvil_table *t = anvil_table_new(60);
    struct anvil_peer *p = anvil_peer_new(t);
    event(t, p, ANVIL_MAIL);
    assert_int_equal(event(t, p, ANVIL_MAIL).rate, 2);
    now_ms += 60 * 1000;
    assert_int_equal(event(t, p, ANVIL_MAIL).rate, 1);
    anvil_table_expire(t);
    assert_int_equal(anvil_table_size(t), 1);
    now_ms += 60 * 1000;
    anvil_table_expire(t);
    assert_int_equal(anvil_table_size(t), 0);
    anvil_peer_free(p);
    anvil_table_free(t);
}

static struct strbuf lines = STRBUF_INIT(4096);
static void add_line(const char *line)
{
    strbuf_addf(&lines, "%s\n", line);
}

static void peaks_are_reported_once(void **unused)
{
    (void)unused;
    struct anvil_table *t = anvil_table_new(60);
    struct anvil_peer *p = anvil_peer_new(t);
    event(t, p, ANVIL_CONNECT);
    event(t, p, ANVIL_RCPT);
    strbuf_reset(&lines);
    anvil_table_report(t, add_line);
    assert_non_null(strstr(lines.s, "max connection rate 1/60s for (smtp:192.0.2.1) at "));
    assert_non_null(strstr(lines.s, "max connection count 1 for (smtp:192.0.2.1) at "));
    assert_non_null(strstr(lines.s, "max recipient rate 1/60s for (smtp:192.0.2.1) at "));
    assert_non_null(strstr(lines.s, "max cache size 1 at "));
    assert_null(strstr(lines.s, "message rate"));
    strbuf_reset(&lines);
    anvil_table_report(t, add_line);
    assert_string_equal(lines.s, "");
    strbuf_done(&lines);
    anvil_peer_free(p);
    anvil_table_free(t);
}

static void unknown_events_are_refused(void **unused)
{
    (void)unused;
    struct anvil_table *t = anvil_table_new(60);
    struct anvil_peer *p = anvil_peer_new(t);
    struct anvil_counts counts;
    assert_false(anvil_table_event(t, p, 0x700, "smtp", "192.0.2.1", &counts));
    anvil_peer_free(p);
    anvil_table_free(t);
}

int main(void)
{
    clock_now_ms = fake_now;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_counted_and_released),
        cmocka_unit_test(rates_start_anew),
        cmocka_unit_test(peaks_are_reported_once),
        cmocka_unit_test(unknown_events_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

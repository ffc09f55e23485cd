#include "unit/cm.h"

#include "smtp/smtp_hosts.h"

#include <string.h>

/* "4.10 6.20": family and preference of each address. */
static struct smtp_host_list list_of(const char *text, struct smtp_host *hosts)
{
    struct smtp_host_list list = {.at = hosts};
    struct slice rest = slice_of(text), word;
    while (slice_next_token(&rest, " ", &word)) {
        struct smtp_host *host = &hosts[list.count++];
        *host =
            (struct smtp_host){.preference = (unsigned)(word.s[2] - '0'), .address_text = "other"};
        host->address.ss_family = word.s[0] == '4' ? AF_INET : AF_INET6;
        if (word.len > 3)
            host->address_text = "127.0.0.1"; /* "4.1me" */
    }
    return list;
}

static void assert_list(const struct smtp_host_list *list, const char *want)
{
    CLEANUP(strbuf_done) struct strbuf got = STRBUF_ANY;
    for (size_t i = 0; i < list->count; i++)
        strbuf_addf(&got, "%s%c.%u", i ? " " : "",
                    list->at[i].address.ss_family == AF_INET ? '4' : '6', list->at[i].preference);
    assert_string_equal(got.s, want);
}

static void sorts_by_preference_then_family(void **unused)
{
    (void)unused;
    struct smtp_host hosts[8];
    struct smtp_host_list list = list_of("4.2 6.1 4.1 6.2", hosts);
    smtp_hosts_sort(&list, AF_INET6, false);
    assert_list(&list, "6.1 4.1 6.2 4.2");
    assert_true(list.at[1].is_best && !list.at[2].is_best);
    list = list_of("6.2 6.1 4.1", hosts);
    smtp_hosts_sort(&list, AF_INET, false);
    assert_list(&list, "4.1 6.1 6.2");
    list = list_of("4.3 4.1 4.2 6.1 6.3", hosts);
    smtp_hosts_sort(&list, 0, true);
    for (size_t i = 1; i < list.count; i++)
        assert_true(list.at[i - 1].preference <= list.at[i].preference);
}

static void shuffling_reaches_every_order(void **unused)
{
    (void)unused;
    bool first[2] = {false, false};
    for (int i = 0; i < 200; i++) {
        struct smtp_host hosts[2];
        struct smtp_host_list list = list_of("4.1 6.1", hosts);
        smtp_hosts_sort(&list, 0, true);
        first[list.at[0].address.ss_family == AF_INET] = true;
    }
    assert_true(first[0] && first[1]);
}

static void limit_leaves_both_families(void **unused)
{
    (void)unused;
    struct smtp_host hosts[8];
    struct smtp_host_list list = list_of("6.1 6.1 6.1 4.2", hosts);
    smtp_hosts_limit(&list, 2, true);
    assert_list(&list, "6.1 4.2");
    list = list_of("6.1 6.1 6.1 4.2", hosts);
    smtp_hosts_limit(&list, 2, false);
    assert_list(&list, "6.1 6.1");
    list = list_of("6.1 4.1 6.1", hosts);
    smtp_hosts_limit(&list, 0, true);
    assert_int_equal(list.count, 3);
}

static void mail_does_not_go_to_worse_hosts_than_us(void **unused)
{
    (void)unused;
    struct argv own = ARGV_INIT;
    struct smtp_host hosts[8];
    argv_add(&own, "127.0.0.1");
    struct smtp_host_list list = list_of("4.1 4.2me 4.2 4.3", hosts);
    assert_true(smtp_hosts_drop_self(&list, &own, 0));
    assert_list(&list, "4.1");
    assert_true(list.we_are_mx);
    list = list_of("4.1me 4.2", hosts);
    assert_false(smtp_hosts_drop_self(&list, &own, 0));
    list = list_of("4.1 4.2", hosts);
    assert_true(smtp_hosts_drop_self(&list, &own, 0));
    assert_list(&list, "4.1 4.2");
    assert_false(list.we_are_mx);
    argv_done(&own);
}

static void our_address_at_another_port_is_another_server(void **unused)
{
    (void)unused;
    struct argv own = ARGV_INIT;
    struct smtp_host hosts[8];
    argv_add(&own, "127.0.0.1");
    struct smtp_host_list list = list_of("4.1me 4.2", hosts);
    list.at[0].port = 587;
    assert_true(smtp_hosts_drop_self(&list, &own, 25));
    assert_int_equal(list.count, 2);
    argv_done(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_by_preference_then_family),
        cmocka_unit_test(shuffling_reaches_every_order),
        cmocka_unit_test(limit_leaves_both_families),
        cmocka_unit_test(mail_does_not_go_to_worse_hosts_than_us),
        cmocka_unit_test(our_address_at_another_port_is_another_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

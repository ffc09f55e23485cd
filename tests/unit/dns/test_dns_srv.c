#include "unit/cm.h"

#include "dns/dns_srv.h"

/* RFC 2782: the priority first; within one, what is drawn first is drawn by weight. */
static void services_are_drawn_by_weight(void **unused)
{
    (void)unused;
    enum { RUNS = 8000 };
    unsigned heavy = 0, weightless = 0;
    for (int i = 0; i < RUNS; i++) {
        struct dns_record records[] = {
            {.text = "last", .preference = 9, .weight = 900},
            {.text = "h", .weight = 30},
            {.text = "l", .weight = 10},
            {.text = "0", .weight = 0},
            {.text = "lonely", .preference = 3},
        };
        dns_srv_order(records, COUNT_OF(records));
        assert_string_equal(records[3].text, "lonely");
        assert_string_equal(records[4].text, "last");
        heavy += records[0].text[0] == 'h';
        weightless += records[0].text[0] == '0';
    }
    /* 30/41 and 1/41 of the runs; ten deviations to either side */
    assert_in_range(heavy, RUNS * 30 / 41 - 400, RUNS * 30 / 41 + 400);
    assert_in_range(weightless, 50, RUNS / 41 + 140);
    dns_srv_order(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(services_are_drawn_by_weight)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit/cm.h"

#include "config/common_params.h"
#include "mail/verify_sender.h"

static void senders(void **unused)
{
    (void)unused;
    static const struct {
        const char *setting;
        int64_t ttl;
        time_t now;
        const char *expect;
    } rows[] = {
        {"double-bounce", 0, 1795327740, "double-bounce@mail.test"},
        {"double-bounce", 3600, 1795327740, "double-bounceJQY5@mail.test"},
        {"probe@other.test", 3600, 1795327740, "probeJQY5@other.test"},
        {"probe@other.test", 3600, 0, "probe0@other.test"},
        {"", 3600, 1795327740, ""},
        {"<>", 0, 1, ""},
    };
    common_params.myorigin = "mail.test";
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf got = STRBUF_ANY;
        common_params.address_verify_sender = rows[i].setting;
        common_params.address_verify_sender_ttl = rows[i].ttl;
        print_message("  row: %s\n", rows[i].expect);
        verify_sender_make(rows[i].now, &got);
        assert_string_equal(got.s, rows[i].expect);
    }
}

static void recognised(void **unused)
{
    (void)unused;
    static const struct {
        const char *local;
        int64_t ttl;
        bool expect;
    } rows[] = {
        {"double-bounce", 0, true},
        {"Double-Bounce", 0, true},
        {"double-bounceJQY5", 0, false},
        {"double-bounceJQY5", 3600, true},
        {"double-bounceJQY4", 3600, true},
        {"double-bounceJQY3", 3600, false},
        {"double-bounceJQY6", 3600, false},
        {"double-bounce", 3600, false},
        {"", 3600, false},
    };
    common_params.address_verify_sender = "double-bounce";
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        common_params.address_verify_sender_ttl = rows[i].ttl;
        print_message("  row: %s\n", rows[i].local);
        assert_int_equal(verify_sender_has_local_part(1795327740, slice_of(rows[i].local)),
                         rows[i].expect);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(senders), cmocka_unit_test(recognised)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

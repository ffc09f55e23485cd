#include "unit/cm.h"

#include "master/master.h"

static void names_split_into_host_and_port(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        bool works;
        const char *host, *port;
    } rows[] = {
        {"25", true, "", "25"},
        {"smtp", true, "", "smtp"},
        {"127.0.0.1:2525", true, "127.0.0.1", "2525"},
        {"::1:smtp", true, "::1", "smtp"},
        {"[::1]:smtp", true, "::1", "smtp"},
        {"[127.0.0.1]:25", true, "127.0.0.1", "25"},
        {":25", true, "", "25"},
        {"host:", false, "", ""},
        {"[::1]", false, "", ""},
        {"[::1]25", false, "", ""},
        {"[::1", false, "", ""},
        {"", false, "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf host = STRBUF_ANY;
        CLEANUP(strbuf_done) struct strbuf port = STRBUF_ANY;
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].name);
        assert_int_equal(master_port_split(rows[i].name, &host, &port, &err), rows[i].works);
        assert_string_equal(host.s, rows[i].host);
        assert_string_equal(port.s, rows[i].port);
    }
}

static void ports_have_numbers_and_names(void **unused)
{
    (void)unused;
    static const char table[] = "lmtp=24, smtp=25, smtps=submissions=465, bad=x";
    static const struct {
        const char *text;
        bool works;
        int port;
    } rows[] = {
        {"25", true, 25},       {"smtp", true, 25},
        {"smtps", true, 465},   {"submissions", true, 465},
        {"lmtp", true, 24},     {"0", false, 0},
        {"65535", true, 65535}, {"65536", false, 0},
        {"bad", false, 0},      {"", false, 0},
        {"25x", false, 0},      {"no-such-port", false, 0},
        {"465=465", false, 0},  {"-1", false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        int port = 0;
        print_message("  row: %s\n", rows[i].text);
        assert_int_equal(master_port_find(rows[i].text, table, &port, &err), rows[i].works);
        assert_int_equal(port, rows[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_split_into_host_and_port),
        cmocka_unit_test(ports_have_numbers_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

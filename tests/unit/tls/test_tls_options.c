#include "unit/cm.h"

#include "tls/tls_options.h"

#include <openssl/ssl.h>

static void lists(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        uint64_t want;
        const char *problems;
    } rows[] = {
        {"", 0, ""},
        {"NO_TICKET", SSL_OP_NO_TICKET, ""},
        {"no_ticket, Prioritize_ChaCha", SSL_OP_NO_TICKET | SSL_OP_PRIORITIZE_CHACHA, ""},
        {"NO_TICKET FOO", SSL_OP_NO_TICKET,
         "unknown tls_ssl_options value \"FOO\" in \"NO_TICKET FOO\"\n"},
        {"0x4000", 0x4000, ""},
        {"0xZZ", 0, "unknown tls_ssl_options value \"0xZZ\" in \"0xZZ\"\n"},
        {"NO_TLSv1_3", 0, "unknown tls_ssl_options value \"NO_TLSv1_3\" in \"NO_TLSv1_3\"\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
        print_message("  row: %s\n", rows[i].list);
        assert_int_equal(tls_options_parse(rows[i].list, &problems), rows[i].want);
        assert_string_equal(problems.s, rows[i].problems);
    }
}

static void a_number_does_not_reach_what_others_decide(void **state)
{
    (void)state;
    CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    strbuf_addf(&text, "0x%llx",
                (unsigned long long)(SSL_OP_NO_TLSv1_3 | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_NO_TICKET));
    assert_int_equal(tls_options_parse(text.s, &problems), SSL_OP_NO_TICKET);
}

static void workarounds(void **state)
{
    (void)state;
    CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
    assert_int_equal(tls_options_workarounds("", &problems), SSL_OP_ALL);
    assert_int_equal(tls_options_workarounds("tlsext_padding", &problems),
                     SSL_OP_ALL & ~SSL_OP_TLSEXT_PADDING);
    assert_int_equal(tls_options_workarounds("0xFFFFFFFF", &problems), 0);
    assert_int_equal(tls_options_workarounds("CVE-2010-4180", &problems), SSL_OP_ALL);
    assert_string_equal(problems.s, "");
    assert_int_equal(tls_options_workarounds("NO_TICKET", &problems), SSL_OP_ALL);
    assert_string_equal(problems.s,
                        "unknown tls_disable_workarounds value \"NO_TICKET\" in \"NO_TICKET\"\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(a_number_does_not_reach_what_others_decide),
        cmocka_unit_test(workarounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit/cm.h"

#include "smtp/smtp_tlsrpt_text.h"
#include "tls/tls_dane.h"

#include <string.h>

static void members(void **unused)
{
    (void)unused;
    static const struct tls_dane_record records[] = {{3, 1, 1, {"\1\377", 2}}, {2, 0, 0, {"", 0}}};
    static const struct tls_dane dane = {.records = records, .count = 2, .base = "mx.test"};
    static const char *strings[] = {"version: \"STSv1\""}, *patterns[] = {"*.a.test", "b.test"};
    static const struct smtp_tls_policy none = {.level = SMTP_TLS_MAY},
                                        tlsa = {.level = SMTP_TLS_DANE, .dane = &dane},
                                        unknown = {.level = SMTP_TLS_DANE_ONLY},
                                        sts = {.level = SMTP_TLS_SECURE,
                                               .sts = {.type = "sts",
                                                       .domain = "d.test",
                                                       .ttl_s = 9,
                                                       .strings = strings,
                                                       .string_count = 1,
                                                       .patterns = patterns,
                                                       .pattern_count = 2}};
    // clang-format off
    static const struct { const struct smtp_tls_policy *policy; const char *type, *reason, *own, *text; } rows[] = {
        {&none, NULL, NULL, "192.0.2.1",
         "\"policy\":{\"policy-type\":\"no-policy-found\",\"policy-domain\":\"far.test\"},"
         "\"result\":{\"sending-mta-ip\":\"192.0.2.1\",\"receiving-mx-hostname\":\"mx.far.test\",\"receiving-ip\":\"192.0.2.9\"}"},
        {&tlsa, "validation-failure", "a \"b\"\x01\xff", "",
         "\"policy\":{\"policy-type\":\"tlsa\",\"policy-string\":[\"3 1 1 01FF\",\"2 0 0 \"],\"policy-domain\":\"mx.test\"},"
         "\"result\":{\"result-type\":\"validation-failure\",\"receiving-mx-hostname\":\"mx.far.test\",\"receiving-ip\":\"192.0.2.9\","
         "\"failure-reason-code\":\"a \\\"b\\\"??\"}"},
        {&unknown, "dane-required", NULL, "",
         "\"policy\":{\"policy-type\":\"tlsa\",\"policy-domain\":\"mx.far.test\"},"
         "\"result\":{\"result-type\":\"dane-required\",\"receiving-mx-hostname\":\"mx.far.test\",\"receiving-ip\":\"192.0.2.9\"}"},
        {&sts, NULL, NULL, "",
         "\"policy\":{\"policy-type\":\"sts\",\"policy-string\":[\"version: \\\"STSv1\\\"\"],\"policy-domain\":\"d.test\","
         "\"mx-host\":[\"*.a.test\",\"b.test\"],\"policy-ttl\":9},"
         "\"result\":{\"receiving-mx-hostname\":\"mx.far.test\",\"receiving-ip\":\"192.0.2.9\"}"},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        const struct smtp_tlsrpt_result result = {.policy = rows[i].policy,
                                                  .domain = "far.test",
                                                  .host = "mx.far.test",
                                                  .host_address = "192.0.2.9",
                                                  .own_address = rows[i].own,
                                                  .type = rows[i].type,
                                                  .reason = rows[i].reason};
        smtp_tlsrpt_text_result(&result, &out);
        assert_string_equal(out.s, rows[i].text);
    }
}

static void too_long(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(SMTP_TLSRPT_MAX), body = STRBUF_ANY;
    strbuf_add_fill(&body, 'x', SMTP_TLSRPT_MAX);
    smtp_tlsrpt_text_whole("far.test", "v=TLSRPTv1;", body.s, &out);
    assert_true(out.overflow);
    strbuf_reset(&out);
    smtp_tlsrpt_text_whole("far.test", "v=TLSRPTv1;", "\"a\":1", &out);
    assert_non_null(strstr(out.s, ",\"domain\":\"far.test\",\"record\":\"v=TLSRPTv1;\",\"a\":1}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(members), cmocka_unit_test(too_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

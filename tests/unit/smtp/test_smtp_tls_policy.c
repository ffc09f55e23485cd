#include "unit/cm.h"

#include "config/common_params.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_tls_policy.h"
#include "tls/tls_dane.h"

#include <string.h>

static void set_up(const char *level, const char *maps)
{
    common_params.myhostname = "me.test";
    smtp_params = (struct smtp_params){.smtp_tls_security_level = level,
                                       .smtp_tls_policy_maps = maps,
                                       .smtp_tls_protocols = "may-p",
                                       .smtp_tls_ciphers = "may-c",
                                       .smtp_tls_exclude_ciphers = "x",
                                       .smtp_tls_mandatory_protocols = "must-p",
                                       .smtp_tls_mandatory_ciphers = "must-c",
                                       .smtp_tls_mandatory_exclude_ciphers = "y",
                                       .smtp_tls_fingerprint_cert_match = "",
                                       .smtp_tls_verify_cert_match = "hostname",
                                       .smtp_tls_secure_cert_match = "nexthop, dot-nexthop",
                                       .smtp_tls_servername = "",
                                       .smtp_tls_trust_anchor_file = "",
                                       .smtp_tls_per_site = "",
                                       .smtp_tls_enforce_sts_mx_patterns = true,
                                       .smtp_tls_enforce_peername = true};
    smtp_tls_policy_open();
}

/* The policy for mx.far.test, destination TEXT, as its key with spaces, or what is wrong with it.
 */
static const char *found(const char *text, const char *host)
{
    static struct strbuf out = STRBUF_ANY;
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    CLEANUP(strbuf_done) struct strbuf warnings = STRBUF_ANY;
    const struct smtp_nexthop nexthop = {.kind = SMTP_NEXTHOP_DOMAIN, .text = text, .host = host};
    struct smtp_tls_policy policy;
    strbuf_reset(&out);
    if (!smtp_tls_policy_find(&nexthop, "mx.far.test", arena, &policy, &warnings)) {
        strbuf_addf(&out, "!%s", warnings.s);
        return out.s;
    }
    smtp_tls_policy_key(&policy, &out);
    for (size_t i = 0; i < out.len; i++)
        if (out.s[i] == '\n')
            out.s[i] = ' ';
    return out.s;
}

static void levels(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *level, *key; } rows[] = {
        {"", "0"}, {"none", "0"},
        {"may", "1 may-p may-c x  "}, {"MAY", "1 may-p may-c x  "},
        {"encrypt", "2 must-p must-c x y "},
        {"verify", "4 must-p must-c x y  mx.far.test"},
        {"secure", "5 must-p must-c x y  far.test .far.test"},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ROW(rows[i].level);
        set_up(rows[i].level, "");
        assert_string_equal(found("far.test", "far.test"), rows[i].key);
        assert_int_equal(smtp_tls_policy_may_need_tls(), i >= 2);
    }
}

static void old_parameters(void **unused)
{
    (void)unused;
    set_up("", "");
    smtp_params.smtp_use_tls = true;
    smtp_tls_policy_open();
    assert_string_equal(found("far.test", "far.test"), "1 may-p may-c x  ");
    smtp_params.smtp_enforce_tls = true;
    smtp_tls_policy_open();
    assert_string_equal(found("far.test", "far.test"), "4 must-p must-c x y  mx.far.test");
    smtp_params.smtp_tls_enforce_peername = false;
    smtp_tls_policy_open();
    assert_string_equal(found("far.test", "far.test"), "2 must-p must-c x y ");
}

static void entries(void **unused)
{
    (void)unused;
#define WHERE "!smtp_tls_policy_maps, next-hop destination \"far.test\": "
    // clang-format off
    static const struct { const char *entry, *key; } rows[] = {
        {"none", "0"},
        {"Encrypt", "2 must-p must-c x y "},
        {"may protocols=a ciphers=b exclude=c", "1 a b x c "},
        {"encrypt protocols=", "2  must-c x y "},
        {"encrypt servername=hostname", "2 must-p must-c x y mx.far.test"},
        {"secure servername=nexthop match=a:.b:hostname", "5 must-p must-c x y far.test a .b mx.far.test"},
        {"secure match=a match=b", "5 must-p must-c x y  a b"},
        {"fingerprint match=AA:BB|CC match=DD", "3 must-p must-c x y  AA:BB CC DD"},
        {"bogus", WHERE "invalid security level \"bogus\"\n"},
        {"encrypt protocols", WHERE "malformed attribute/value pair \"protocols\": missing '=' after attribute name\n"},
        {"encrypt color=red", WHERE "invalid attribute name: \"color\"\n"},
        {"may match=a", WHERE "attribute \"match\" invalid at security level \"may\"\n"},
        {"verify match=", WHERE "attribute \"match\" has empty value\n"},
        {"encrypt connection_reuse=maybe", WHERE "attribute \"connection_reuse\" has bad value: \"maybe\"\n"},
        {"dane", "7 must-p must-c x y "},
        {"dane-only protocols=a", "8 a must-c x y "},
        {"half-dane", WHERE "invalid security level \"half-dane\"\n"},
        {"dane match=a", WHERE "attribute \"match\" invalid at security level \"dane\"\n"},
        {"encrypt tafile=a", WHERE "attribute \"tafile\" invalid at security level \"encrypt\"\n"},
        {"verify tafile=/nowhere/a", "!error opening trust anchor file: /nowhere/a: No such file or directory\n"},
        {"secure match=a { policy_string = x y } policy_type=sts mx_host_pattern=*.far.test", "5 must-p must-c x y  mx.far.test"},
        {"secure match=a policy_type=no-policy-found mx_host_pattern=*.test", "5 must-p must-c x y  a"},
        {"secure match=a policy_type=sts mx_host_pattern=far.test", "!"},
        {"encrypt policy_type=sts mx_host_pattern=far.test", "2 must-p must-c x y "},
        {"{ protocols = a }", WHERE "invalid security level \"{ protocols = a }\"\n"},
        {"encrypt { protocols = a b } { ciphers=c }", "2 a b c x y "},
        {"fingerprint", "!nexthop domain far.test: configured at fingerprint security level, but with no fingerprints to match.\n"},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf maps = STRBUF_ANY;
        ROW(rows[i].entry);
        strbuf_addf(&maps, "inline:{{far.test=%s}}", rows[i].entry);
        set_up("none", maps.s);
        assert_string_equal(found("far.test", "far.test"), rows[i].key);
    }
}

/* The destination as it is written, then the domains above it; the level of main.cf after that. */
static void keys(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *text, level; } rows[] = {
        {"far.test", '2'}, {"a.far.test", '4'}, {"a.b.far.test", '4'}, {"FAR.test", '2'},
        {"[far.test]", '1'}, {"[near.test]:25", '0'}, {"far.test:25", '1'}, {"other", '1'},
    };
    // clang-format on
    set_up("may", "inline:{far.test=encrypt, .far.test=verify, [near.test]:25=none}");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ROW(rows[i].text);
        assert_int_equal(*found(rows[i].text, "x"), rows[i].level);
    }
}

/* Another level: what an entry has stays, the rest is as main.cf has it for that level. */
static void a_level_becomes_another(void **unused)
{
    (void)unused;
    // clang-format off
    static const struct { const char *entry; enum smtp_tls_level level; const char *key; } rows[] = {
        {"dane", SMTP_TLS_MAY, "1\nmay-p\nmay-c\nx \n"},
        {"dane", SMTP_TLS_ENCRYPT, "2\nmust-p\nmust-c\nx y\n"},
        {"dane protocols=a", SMTP_TLS_MAY, "1\na\nmay-c\nx \n"},
        {"dane ciphers=b exclude=c", SMTP_TLS_MAY, "1\nmay-p\nb\nx c\n"},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
        CLEANUP(strbuf_done)
        struct strbuf maps = STRBUF_ANY, warnings = STRBUF_ANY, key = STRBUF_ANY;
        const struct smtp_nexthop nexthop = {.text = "far.test", .host = "far.test"};
        struct smtp_tls_policy policy;
        ROW(rows[i].entry);
        strbuf_addf(&maps, "inline:{{far.test=%s}}", rows[i].entry);
        set_up("none", maps.s);
        assert_true(smtp_tls_policy_find(&nexthop, "mx.far.test", arena, &policy, &warnings));
        smtp_tls_policy_set_level(&policy, rows[i].level, arena);
        smtp_tls_policy_key(&policy, &key);
        assert_string_equal(key.s, rows[i].key);
    }
}

/* A session is for the same records only. */
static void records_are_in_the_key(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    const struct tls_dane_record records[] = {{3, 1, 1, {"\1\377", 2}}, {2, 0, 0, {"", 0}}};
    const struct tls_dane dane = {.records = records, .count = 2, .base = "mx.test"};
    const struct smtp_tls_policy policy = {
        .level = SMTP_TLS_DANE, .protocols = "p", .ciphers = "c", .exclude = "", .dane = &dane};
    smtp_tls_policy_key(&policy, &key);
    assert_string_equal(key.s, "7\np\nc\n\n\n3 1 1 01ff\n2 0 0 ");
}

static void a_table_fails(void **unused)
{
    (void)unused;
    set_up("none", "fail:x");
    assert_non_null(strstr(found("far.test", "far.test"), "policy table lookup error"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels),
        cmocka_unit_test(old_parameters),
        cmocka_unit_test(entries),
        cmocka_unit_test(keys),
        cmocka_unit_test(a_level_becomes_another),
        cmocka_unit_test(records_are_in_the_key),
        cmocka_unit_test(a_table_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

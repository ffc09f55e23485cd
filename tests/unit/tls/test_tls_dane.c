#include "unit/cm.h"

#include "tls/tls_dane.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void digests(void **state)
{
    (void)state;
    // clang-format off
    static const struct { const char *list, *problems; } rows[] = {
        {"sha512 sha256",      ""},
        {"sha256=1, SHA512=2", ""},
        {"",                   ""},
        {"sha384=200",         ""},
        {"sha256=2",           "tls_dane_digests: matching type 2 can only be sha512\n"},
        {"sha512=1",           "tls_dane_digests: matching type 1 can only be sha256\n"},
        {"sha256 sha256",      "tls_dane_digests: matching type 1 specified more than once\n"},
        {"sha384",             "tls_dane_digests: digest algorithm sha384 needs an explicit number\n"},
        {"sha256=0",           "tls_dane_digests: invalid matching type number: sha256=0\n"},
        {"sha256=256",         "tls_dane_digests: invalid matching type number: sha256=256\n"},
        {"sha256=x",           "tls_dane_digests: invalid matching type number: sha256=x\n"},
        {"rot13=3",            "tls_dane_digests: digest algorithm \"rot13\" unknown\n"},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        print_message("  row: %s\n", rows[i].list);
        assert_true(tls_dane_set_up(ctx, rows[i].list, &problems));
        assert_string_equal(problems.s, rows[i].problems);
        SSL_CTX_free(ctx);
    }
}

static void long_data_is_shown_in_part(void **state)
{
    (void)state;
    char data[200];
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    memset(data, 0xab, sizeof data);
    data[0] = 1;
    const struct tls_dane_record some = {3, 1, 1, {data, 2}}, none = {2, 0, 255, SLICE_EMPTY},
                                 many = {3, 0, 0, {data, sizeof data}};
    tls_dane_print(&some, &out);
    assert_string_equal(out.s, "3 1 1 01AB");
    strbuf_reset(&out);
    tls_dane_print(&none, &out);
    assert_string_equal(out.s, "2 0 255 ");
    strbuf_reset(&out);
    tls_dane_print(&many, &out);
    assert_int_equal(out.len, strlen("3 0 0 ") + 64 + strlen("...") + 64);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static const char public_key[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
                                 "-----END PUBLIC KEY-----\n";

/* What is no trust anchor is an error that names the file. */
static void trust_anchors(void **state)
{
    (void)state;
    // clang-format off
    static const struct { const char *name, *text; size_t count; } rows[] = {
        {"key",       public_key, 1},
        {"empty",     "", 0},
        {"text",      "no PEM at all\n", 0},
        {"cut",       "-----BEGIN CERTIFICATE-----\nMCow\n", 0},
        {"private",   "-----BEGIN PRIVATE KEY-----\nMCow\n-----END PRIVATE KEY-----\n", 0},
    };
    // clang-format on
    char path[] = "/tmp/test_tls_dane.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
        struct err err = ERR_INIT;
        struct tls_dane dane;
        print_message("  row: %s\n", rows[i].name);
        write_file(path, rows[i].text);
        assert_int_equal(tls_dane_load_anchors(path, arena, &dane, &err), rows[i].count > 0);
        if (rows[i].count == 0) {
            assert_non_null(strstr(err.reason, path));
            continue;
        }
        assert_int_equal(dane.count, 2);
        assert_int_equal(dane.records[0].usage, TLS_DANE_EE);
        assert_int_equal(dane.records[1].usage, TLS_DANE_TA);
        assert_int_equal(dane.records[1].selector, 1);
        assert_null(dane.base);
    }
    unlink(path);
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
    struct err err = ERR_INIT;
    struct tls_dane dane;
    assert_false(tls_dane_load_anchors(path, arena, &dane, &err));
    assert_non_null(strstr(err.reason, "No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests),
        cmocka_unit_test(long_data_is_shown_in_part),
        cmocka_unit_test(trust_anchors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

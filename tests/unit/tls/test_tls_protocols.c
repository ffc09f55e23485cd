#include "tls/tls_protocols.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ALL                                                                                        \
    (SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_3)

static const struct {
    const char *list;
    bool ok;
    int lowest, highest;
    uint64_t excluded;
} rows[] = {
    {"", true, 0, 0, 0},
    {">=TLSv1", true, TLS1_VERSION, 0, 0},
    {">=tlsv1.2, <=TLSv1.3", true, TLS1_2_VERSION, TLS1_3_VERSION, 0},
    {">=0x0303", true, 0x0303, 0, 0},
    {"<=771", true, 0, 771, 0},
    {">=", true, 0, 0, 0},
    {"<=0", true, 0, 0, 0},
    {"!SSLv2, !SSLv3", true, 0, 0, SSL_OP_NO_SSLv3},
    {"!TLSv1:!TLSv1.1", true, 0, 0, SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1},
    {"TLSv1.2", true, 0, 0, ALL & ~SSL_OP_NO_TLSv1_2},
    {"TLSv1.2 TLSv1.3 !TLSv1.2", true, 0, 0, ALL & ~SSL_OP_NO_TLSv1_3},
    {"SSLv2", true, 0, 0, ALL},
    {"TLSv7", false, 0, 0, 0},
    {"!TLSv7", false, 0, 0, 0},
    {">=TLSv7", false, 0, 0, 0},
    {">=70000", false, 0, 0, 0},
    {">=-1", false, 0, 0, 0},
    {"!", false, 0, 0, 0},
};

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_protocols got;
        struct err err = ERR_INIT;
        if (tls_protocols_parse(rows[i].list, &got, &err) != rows[i].ok)
            fail_msg("\"%s\": %s", rows[i].list, err.reason);
        if (!rows[i].ok)
            continue;
        if (got.lowest != rows[i].lowest || got.highest != rows[i].highest ||
            got.excluded != rows[i].excluded)
            fail_msg("\"%s\": %d %d %llx", rows[i].list, got.lowest, got.highest,
                     (unsigned long long)got.excluded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

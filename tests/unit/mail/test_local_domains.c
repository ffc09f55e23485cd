/* Which domains are this host, and which ones stand behind table keys without a domain. */
#include "unit/cm.h"

#include "config/common_params.h"
#include "mail/local_domains.h"

static void domains_are_judged(void **unused)
{
    (void)unused;
    static const struct {
        const char *mydestination, *domain;
        enum map_status is_local;
        bool owns_bare_names;
    } rows[] = {
        {"h.example", "h.example", MAP_FOUND, true},
        {"h.example", "H.Example", MAP_FOUND, true},
        {"h.example", "sub.h.example", MAP_NOT_FOUND, false},
        {"h.example", "origin.example", MAP_NOT_FOUND, true}, /* myorigin */
        {"h.example", "[127.0.0.1]", MAP_FOUND, true},
        {"h.example", "[192.0.2.1]", MAP_NOT_FOUND, false},
        {"h.example", "far.example", MAP_NOT_FOUND, false},
        {"fail:why", "far.example", MAP_FAILED, false},
    };
    common_params.inet_interfaces = "127.0.0.1";
    common_params.proxy_interfaces = "";
    common_params.myorigin = "origin.example";
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        common_params.mydestination = rows[i].mydestination;
        struct local_domains *domains = local_domains_new(&err);
        assert_non_null(domains);
        struct local_domains_query query = {domains, &err, false};
        print_message("  row: %s\n", rows[i].domain);
        assert_int_equal(local_domains_find(domains, rows[i].domain, &err), rows[i].is_local);
        assert_int_equal(local_domains_own_bare_names(&query, rows[i].domain),
                         rows[i].owns_bare_names);
        assert_int_equal(query.has_failed, rows[i].is_local == MAP_FAILED);
        local_domains_free(domains);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(domains_are_judged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

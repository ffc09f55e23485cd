#include "unit/cm.h"

#include "postlint/postlint_refs.h"

static void references_are_found(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *text, *asked;
        bool found;
    } rows[] = {
        {"plain", "x $a_b y", "a_b", true},
        {"braces", "${a_b}", "a_b", true},
        {"condition", "${a_b?x}", "a_b", true},
        {"parentheses", "$(a_b)", "a_b", true},
        {"blank in braces", "${ a_b }", "a_b", true},
        {"escaped", "$$a_b", "a_b", false},
        {"escaped, then not", "$$$a_b", "a_b", true},
        {"part of a name", "$a_b", "a", false},
        {"table", "ldap:users", "users_server_host", true},
        {"table behind proxy", "hash:/x, proxy:mysql:users", "users_hosts", true},
        {"table in a file", "ldap:/etc/users", "users_server_host", false},
        {"table of another type", "hash:users", "users_server_host", false},
        {"dollar at the end", "x$", "x", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(argv_done) struct argv refs = ARGV_INIT;
        ROW(rows[i].name);
        postlint_refs_add(&refs, slice_of(rows[i].text));
        postlint_refs_sort(&refs);
        assert_int_equal(postlint_refs_has(&refs, rows[i].asked), rows[i].found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(references_are_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "unit/cm.h"

#include "mail/rewrite.h"

/* seen on Postfix 3.7 */
static void addresses_take_standard_form(void **unused)
{
    (void)unused;
    static const struct {
        const char *in, *local, *remote;
    } rows[] = {
        {"root", "root@o", "root"},
        {"u@host.", "u@host", "u@host"},
        {"a!b!c", "b!c@a", "b!c@a"},
        {"a!b@c", "a!b@c", "a!b@c"},
        {"u%h%g", "u%h@g", "u%h@g"},
        {"@a,@b:u@c", "u@c", "u@c"},
        {"", "", ""},
        {"u@", "u@", "u@"},
        {"u@.", "u@.", "u@."},
        {"u@h..", "u@h..", "u@h.."},
        {"a!b%c", "b%c@a", "b%c@a"},
        {"a b", "a b@o", "a b"},
    };
    const struct rewrite_rules rules = {true, true, true, false, "o", "d", "", "MAILER-DAEMON",
                                        NULL};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        print_message("  row: %s\n", rows[i].in);
        rewrite_address(&rules, REWRITE_LOCAL, slice_of(rows[i].in), &out);
        cm_slice_is(strbuf_slice(&out), rows[i].local, __FILE__, __LINE__);
        strbuf_reset(&out);
        rewrite_address(&rules, REWRITE_REMOTE, slice_of(rows[i].in), &out);
        cm_slice_is(strbuf_slice(&out), rows[i].remote, __FILE__, __LINE__);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses_take_standard_form)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

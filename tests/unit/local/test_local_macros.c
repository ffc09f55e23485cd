#include "unit/cm.h"

#include "config/common_params.h"
#include "local/local_macros.h"

static void values_are_cleaned_and_not_expanded_again(void **unused)
{
    (void)unused;
    common_params.recipient_delimiter = "+-";
    const struct local_user joe = {.name = "joe", .home = "/users/joe", .shell = "/bin/sh"};
    const struct local_context plain = {
        .address = "joe@a.b", .local_part = "joe", .name = "joe", .domain = "a.b", .delimiter = ""};
    const struct local_context hostile = {.address = "joe-$home/../x@a.b",
                                          .local_part = "joe-$home/../x",
                                          .name = "joe",
                                          .extension = "$home/../x",
                                          .domain = "a.b",
                                          .delimiter = "-"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz/@.-";
    const struct {
        const char *name, *text, *filter, *out;
        const struct local_context *ctx;
        const struct local_user *user;
    } rows[] = {
        {"all", "$user $home $shell $domain $local $recipient", NULL,
         "joe /users/joe /bin/sh a.b joe joe@a.b", &plain, &joe},
        {"no user", "${home:none} ${shell?some}", NULL, "none ", &plain, NULL},
        {"no extension", "x${extension?y}${recipient_delimiter}", NULL, "x+", &plain, &joe},
        {"its delimiter", "$recipient_delimiter", NULL, "-", &hostile, &joe},
        {"filtered", "$extension", letters, "_home/../x", &hostile, &joe},
        {"not expanded", "$extension", NULL, "$home/../x", &hostile, &joe},
        {"unknown name", "a${nonsense}b", NULL, "ab", &plain, &joe},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        struct err err = ERR_INIT;
        ROW(rows[i].name);
        assert_true(local_macros_expand(rows[i].ctx, rows[i].user, rows[i].filter,
                                        slice_of(rows[i].text), &out, &err));
        assert_string_equal(out.s, rows[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_cleaned_and_not_expanded_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

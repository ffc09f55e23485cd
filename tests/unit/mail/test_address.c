#include "unit/cm.h"

#include "mail/address.h"

#define IS(buf, text) cm_slice_is(strbuf_slice(&(buf)), text, __FILE__, __LINE__)

/* every row was tried on Postfix 3.7 (RCPT TO:...); NULL: 501 for syntax alone */
static void parse_path_takes_what_clients_send(void **unused)
{
    (void)unused;
    static const struct {
        const char *in, *address, *rest;
    } rows[] = {
        {"<a@b.c>", "a@b.c", ""},
        {" <a@b.c>", "a@b.c", ""},
        {"root", "root", ""},
        {"<\"a b\"@x.y>", "a b@x.y", ""},
        {"\"a b\"@x.y", "a b@x.y", ""},
        {"<a b@x.y>", NULL, NULL},
        {"<@a.b,@c.d:e@f.g>", "e@f.g", ""},
        {"<@a.b:e>", "e", ""},
        {"<@domain>", "@domain", ""},
        {"<a@b@c>", "a@b@c", ""},
        {"<\"a\"b@c.d>", NULL, NULL},
        {"<\"a\\\"b\"@c.d>", "a\"b@c.d", ""},
        {"<a\\@b@c.d>", "a@b@c.d", ""},
        {"<a (com) @b.c>", "a@b.c", ""},
        {"Name <a@b.c>", "Name", " <a@b.c>"},
        {"<a@b.c> (x)", "a@b.c", " (x)"},
        {"<>", "", ""},
        {"<a@b.c", NULL, NULL},
        {"a@b.c>", "a@b.c", ""},
        {"<<a@b.c>>", "a@b.c", ""},
        {"<a,b@c.d>", NULL, NULL},
        {"<a;b@c.d>", NULL, NULL},
        {"<a:b@c.d>", "a:b@c.d", ""},
        {"<g:a@b.c;>", "a@b.c", ""},
        {"<a@b.c>NOTIFY=NEVER", NULL, NULL},
        {"<a@b.c> NOTIFY=NEVER", "a@b.c", " NOTIFY=NEVER"},
        {"a@b.c NOTIFY=NEVER", "a@b.c", " NOTIFY=NEVER"},
        {"<a@[1.2.3.4>", "a@[1.2.3.4]", ""},
        {"<a@b.c><d@e.f>", NULL, NULL},
        {"<a<b@c.d>", NULL, NULL},
        {"<a>b@c.d>", NULL, NULL},
        {"<a[b]@c.d>", NULL, NULL},
        {"<\"x>y\"@c.d>", "x>y@c.d", ""},
        {"<\"a\tb\"@c.d>", "a b@c.d", ""},
        {"<a.\"b c\".d@e.f>", "a.b c.d@e.f", ""},
        {"<@a.b,e@f.g>", NULL, NULL},
        {"<a@ b.c>", "a@b.c", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(1000);
        struct slice rest = SLICE_EMPTY;
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].in);
        bool ok = address_parse_path(slice_of(rows[i].in), false, &out, &rest, &err);
        assert_int_equal(ok, rows[i].address != NULL);
        if (ok) {
            IS(out, rows[i].address);
            cm_slice_is(rest, rows[i].rest, __FILE__, __LINE__);
        }
    }
}

static void strict_path_wants_angles(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(1000);
    struct slice rest;
    struct err err = ERR_INIT;
    assert_false(address_parse_path(slice_of("a@b.c"), true, &out, &rest, &err));
    assert_false(address_parse_path(slice_of("<a(c)@b.c>"), true, &out, &rest, &err));
    assert_true(address_parse_path(slice_of("<a@b.c>"), true, &out, &rest, &err));
}

static void external_form_has_quotes_where_needed(void **unused)
{
    (void)unused;
    static const struct {
        const char *internal, *external;
    } rows[] = {
        {"a@b", "a@b"},
        {"a b@x", "\"a b\"@x"},
        {"a@b@c", "\"a@b\"@c"},
        {"@x", "\"\"@x"},
        {"", ""},
        {"u..@h", "\"u..\"@h"},
        {"a\"b", "\"a\\\"b\""},
        {"a:b@c", "\"a:b\"@c"},
        {"p\xc3\xb6st@h", "p\xc3\xb6st@h"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(1000);
        CLEANUP(strbuf_done) struct strbuf back = STRBUF_INIT(1000);
        address_to_external(slice_of(rows[i].internal), &out);
        IS(out, rows[i].external);
        assert_true(address_to_internal(strbuf_slice(&out), &back));
        IS(back, rows[i].internal);
    }
}

static void names_and_literals(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        bool is_hostname, is_literal;
    } rows[] = {
        {"a.b", true, false},
        {"a..b", false, false},
        {".a", false, false},
        {"a.", false, false},
        {"-a.b", false, false},
        {"a_b.c", true, false},
        {"1.2.3.4", false, false},
        {"[1.2.3.4]", false, true},
        {"[IPv6:::1]", false, true},
        {"[::1]", false, false},
        {"[1.2.3]", false, false},
        {"", false, false},
        {"[IPv6:1.2.3.4]", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        print_message("  row: %s\n", rows[i].text);
        assert_int_equal(address_is_hostname(slice_of(rows[i].text)), rows[i].is_hostname);
        assert_int_equal(address_is_literal(slice_of(rows[i].text)), rows[i].is_literal);
    }
}

static const struct {
    const char *sender, *recipient, *verp;
} verps[] = {
    {"s@there.test", "u@fail.test", "s+u=fail.test@there.test"},
    {"s@there.test", "w=@fail.test", "s+w==fail.test@there.test"},
    {"s@there.test", "local", "s+local@there.test"},
    {"s", "u@fail.test", "s+u=fail.test"},
};

static void verp_names_the_recipient(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(verps); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        ROW(verps[i].recipient);
        address_add_verp(&out, verps[i].sender, "+=", verps[i].recipient);
        assert_strbuf(out, verps[i].verp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verp_names_the_recipient),
        cmocka_unit_test(parse_path_takes_what_clients_send),
        cmocka_unit_test(strict_path_wants_angles),
        cmocka_unit_test(external_form_has_quotes_where_needed),
        cmocka_unit_test(names_and_literals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

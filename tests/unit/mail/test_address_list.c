#include "unit/cm.h"

#include "mail/address.h"

static bool append_origin(void *ctx, struct slice address, bool has_domain, struct strbuf *out)
{
    (void)ctx;
    (void)has_domain;
    strbuf_add_slice(out, address);
    if (slice_find(address, '@') == SIZE_MAX)
        strbuf_add_str(out, "@o");
    return true;
}

/* seen on Postfix 3.7 */
static void list_keeps_names_comments_groups(void **unused)
{
    (void)unused;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {" a", " a@o"},
        {" a, b", " a@o, b@o"},
        {" a b", " a@o, b@o"},
        {" John Smith <js>", " John Smith <js@o>"},
        {" \"John Smith\" <js> (c), (d) x", " \"John Smith\" <js@o>(c), x@o (d)"},
        {" group:a,b;,c", " group: a@o, b@o;, c@o"},
        {" g:;", " g:;"},
        {" a (c) @ b", " a (c) @ b"},
        {" <>", " <>"},
        {"", ""},
        {" a,,b", " a@o, , b@o"},
        {" a <b> c", " a <b@o>, c@o"},
        {" \"q q\"", " \"q q\"@o"},
        {" <@r:u@h>", " <u@h>"},
        {" a;b", " a@o;, b@o"},
        {" John Q. Public <jqp>", " John Q.Public <jqp@o>"},
        {" Smith, John <js>", " Smith@o, John <js@o>"},
        {" b:a", " \"b:a\"@o"},
        {" J (c (n)) <a> (d)", " J (c (n)) <a@o>(d)"},
        {" (unclosed a", " (unclosed a"},
        {" a@b.c\n (x)", " a@b.c\n (x)"},
        {" a@b.c, d@e.f  , g", " a@b.c, d@e.f, g@o"},
        {" p <a b>", " p <ab@o>"},
        {" a; N <b>", " a@o;N <b@o>"},
        {" <a><b>", " <a@o> <b@o>"},
        {" N <a> (c) b", " N <a@o>, b@o (c)"},
        {" a (c) b", " a@o, b@o (c)"},
        {" g.h: a;", " g.h: a@o;"},
        {" g:h:i:a;", " g:h:i: a@o;"},
        {" g: a <b>; x: c;", " g:a <b>;x: c@o;"},
        {" a: N <b>", " a@o:N <b@o>"},
        {" a,", " a@o, "},
        {" N <a, M <b>", " \"N <a\"@o, M <b@o>"},
        {" <a, b>", " <\"a, b\"@o>"},
        {" x, y a>", " \"x, ya\"@o>"},
        {" <<a>>", " < <\"a>\"@o>"},
        {" \"bob\"@c", " bob@c"},
        {" .a@b", " \".a\"@b"},
        {" a@b@c", " \"a@b\"@c"},
        {" \"a\n b\" <c>", " \"a  b\" <c@o>"},
        {" (a\n b) c", " c@o (a  b)"},
        {" N\\ M <a>", " \"N M\" <a@o>"},
        {" <(c)a>", " <a@o (c)>"},
        {" a@b,\tc ", " a@b, c@o"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        print_message("  row: %s\n", rows[i].in);
        address_rewrite_list(slice_of(rows[i].in), 0, 0, append_origin, NULL, &out);
        cm_slice_is(strbuf_slice(&out), rows[i].out, __FILE__, __LINE__);
    }
}

static void token_limit_leaves_the_rest(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    address_rewrite_list(slice_of(" a, b, c@d, e"), 0, 3, append_origin, NULL, &out);
    cm_slice_is(strbuf_slice(&out), " a@o, b, c@d, e", __FILE__, __LINE__);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_keeps_names_comments_groups),
        cmocka_unit_test(token_limit_leaves_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

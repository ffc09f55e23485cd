#include "unit/cm.h"

#include "mail/mime_downgrade.h"

static void emit(void *ctx, struct slice line)
{
    strbuf_add_slice(ctx, line);
    strbuf_add_char(ctx, '\n');
}

static void eight_bit_parts_become_quoted_printable(void **unused)
{
    (void)unused;
    static const char *const lines[] = {"Content-Type: multipart/mixed; boundary=b",
                                        "Content-Transfer-Encoding: 8bit",
                                        "",
                                        "--b",
                                        "Content-Transfer-Encoding: 8bit",
                                        "",
                                        "\xc3\xb6= ",
                                        "--b",
                                        "Content-Transfer-Encoding: base64",
                                        "Content-Type: text/plain",
                                        "",
                                        "plain =",
                                        "--b--"};
    static const char expected[] =
        "Content-Type: multipart/mixed; boundary=b\n"
        "Content-Transfer-Encoding: 7bit\n\n--b\n"
        "Content-Transfer-Encoding: quoted-printable\n\n=C3=B6=3D=20\n"
        "--b\nContent-Transfer-Encoding: base64\nContent-Type: text/plain\n\n"
        "plain =\n--b--\n";
    const struct mime_options options = {.nesting_limit = 10, .boundary_length_limit = 100};
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    struct mime_downgrade *d = mime_downgrade_new(&options, emit, &out);
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        mime_downgrade_feed(d, slice_of(lines[i]));
    mime_downgrade_finish(d);
    mime_downgrade_free(d);
    cm_slice_is(strbuf_slice(&out), expected, __FILE__, __LINE__);
}

static void a_line_in_parts_has_soft_breaks(void **unused)
{
    (void)unused;
    const struct mime_options options = {.nesting_limit = 10, .boundary_length_limit = 100};
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    struct mime_downgrade *d = mime_downgrade_new(&options, emit, &out);
    assert_false(mime_downgrade_says_8bit(d));
    mime_downgrade_feed(d, slice_of("Content-Transfer-Encoding: binary"));
    assert_true(mime_downgrade_says_8bit(d));
    mime_downgrade_feed(d, SLICE_EMPTY);
    mime_downgrade_feed_part(d, slice_of("a\xc3"));
    mime_downgrade_feed_more(d, slice_of("\xb6 "), true);
    mime_downgrade_feed_more(d, slice_of("b"), false);
    mime_downgrade_feed(d, slice_of("c"));
    mime_downgrade_finish(d);
    mime_downgrade_free(d);
    cm_slice_is(strbuf_slice(&out),
                "Content-Transfer-Encoding: quoted-printable\n\na=C3=\n=B6=20=\nb\nc\n", __FILE__,
                __LINE__);
}

static void a_line_that_breaks_off_headers_gets_an_empty_one(void **unused)
{
    (void)unused;
    const struct mime_options options = {.nesting_limit = 10, .boundary_length_limit = 100};
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
    struct mime_downgrade *d = mime_downgrade_new(&options, emit, &out);
    mime_downgrade_feed(d, slice_of("Content-Transfer-Encoding: 8bit"));
    mime_downgrade_feed(d, slice_of("\xc3\xb6: x"));
    mime_downgrade_finish(d);
    mime_downgrade_free(d);
    cm_slice_is(strbuf_slice(&out), "Content-Transfer-Encoding: quoted-printable\n\n=C3=B6: x\n",
                __FILE__, __LINE__);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_bit_parts_become_quoted_printable),
        cmocka_unit_test(a_line_in_parts_has_soft_breaks),
        cmocka_unit_test(a_line_that_breaks_off_headers_gets_an_empty_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

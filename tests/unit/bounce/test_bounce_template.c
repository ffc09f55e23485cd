#include "unit/cm.h"

#include "bounce/bounce_params.h"
#include "bounce/bounce_template.h"
#include "config/common_params.h"

static struct strbuf warned = STRBUF_ANY;

static void on_warning(const char *text)
{
    strbuf_addf(&warned, "%s\n", text);
}

static int setup(void **unused)
{
    (void)unused;
    common_params.myhostname = "mail.example.test";
    common_params.mydomain = "xn--mller-kva.test";
    common_params.delay_warning_time = 5400;
    common_params.maximal_queue_lifetime = 5 * 86400;
    common_params.smtputf8_enable = true;
    return 0;
}

#define TEMPLATE(inside) "failure_template = <<EOF\n" inside "EOF\n"

/* The failure template after reading TEXT; subject and text NULL: the built-in one. */
static const struct {
    const char *name, *text, *subject, *body, *warning;
} rows[] = {
    {"all headers",
     TEMPLATE("Charset: utf-8\nFrom: X <y>\nsubject: S\nPostmaster-Subject: P\n\nt\n"), "S", "t\n",
     ""},
    {"comment and blank lines", "# x\n\n  \t\n" TEMPLATE("Subject: S\n\nt\n"), "S", "t\n", ""},
    {"no header", TEMPLATE("no header\nx\n"), "Undelivered Mail Returned to Sender",
     "no header\nx\n", ""},
    {"folded header is text", TEMPLATE("Subject: S\n more\n\nx\n"), "S", " more\n\nx\n", ""},
    {"text on the line", "failure_template = x\n", "Undelivered Mail Returned to Sender", "x\n",
     ""},
    {"other end", "failure_template=<< END x\n\nff\nEOF\nEND x\n",
     "Undelivered Mail Returned to Sender", "ff\nEOF\n", ""},
    {"the later one", TEMPLATE("Subject: 1\n\nx\n") TEMPLATE("Subject: 2\n\ny\n"), "2", "y\n", ""},
    {"unknown header", TEMPLATE("Foo: x\n\nx\n"), NULL, NULL,
     "f: unknown \"Foo\" header label in failure template -- ignoring this template\n"},
    {"empty header", TEMPLATE("Subject:\n\nx\n"), NULL, NULL,
     "f: empty \"Subject\" header value in failure template -- ignoring this template\n"},
    {"8-bit header", TEMPLATE("Subject: \xc3\xbc\n\nx\n"), NULL, NULL,
     "f: non-ASCII \"Subject\" header value in failure template -- ignoring this template\n"},
    {"no text", TEMPLATE("Subject: x\n"), NULL, NULL,
     "f: missing message text in failure template -- ignoring this template\n"},
    {"8-bit text", TEMPLATE("\n\xc3\xbc\n"), NULL, NULL,
     "f: 8-bit message text in failure template\n"
     "please specify a charset value other than us-ascii\n-- ignoring this template for now\n"},
    {"8-bit text, charset", TEMPLATE("Charset: utf-8\n\n\xc3\xbc\n"),
     "Undelivered Mail Returned to Sender", "\xc3\xbc\n", ""},
    {"no end", "failure_template = <<EOF\nSubject: x\n\nfoo\n", "x", "foo\n",
     "f, line 5: missing \"EOF\" end marker\n"},
    {"unknown template", "foo_template = <<EOF\nSubject: x\n\nfoo\nEOF\n", NULL, NULL,
     "f, line 6: unknown template name: foo_template -- ignoring this template\n"},
};

static void templates_are_read(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
        struct bounce_template t[BOUNCE_TEMPLATES], builtin[BOUNCE_TEMPLATES];
        struct err err = ERR_INIT;
        ROW(rows[i].name);
        strbuf_reset(&warned);
        bounce_template_builtin(t);
        bounce_template_builtin(builtin);
        assert_true(bounce_template_parse("f", slice_of(rows[i].text), arena, t, on_warning, &err));
        assert_string_equal(warned.s, rows[i].warning);
        assert_string_equal(t[0].subject, rows[i].subject ? rows[i].subject : builtin[0].subject);
        assert_string_equal(t[0].text, rows[i].body ? rows[i].body : builtin[0].text);
        assert_string_equal(t[1].text, builtin[1].text);
    }
}

static const struct {
    const char *text, *error;
} refused[] = {
    {"garbage\n", "f, line 2: missing '=' after attribute name: \"garbage\""},
    {"= <<EOF\n\nEOF\n", "f, line 2: missing attribute name: \"= <<EOF\""},
    {"failure_template = <<\n\nx\n", "f, line 2: missing end marker after <<"},
};

static void broken_files_are_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        CLEANUP(arena_free_ptr) struct arena *arena = arena_new("test");
        struct bounce_template t[BOUNCE_TEMPLATES];
        struct err err = ERR_INIT;
        bounce_template_builtin(t);
        assert_false(
            bounce_template_parse("f", slice_of(refused[i].text), arena, t, on_warning, &err));
        assert_string_equal(err.reason, refused[i].error);
    }
}

static const struct {
    const char *text, *expanded, *warning, *error;
} expansions[] = {
    {"$myhostname ${mydomain} $$x", "mail.example.test m\xc3\xbcller.test $x", "", NULL},
    {"$delay_warning_time_hours ${delay_warning_time_minutes} $maximal_queue_lifetime_days",
     "1 90 5", "", NULL},
    {"$maximal_queue_lifetime_weeks", "0",
     "f: zero result in failure template conversion of parameter "
     "\"maximal_queue_lifetime_weeks\"\n"
     "please reduce time unit \"weeks\" of \"maximal_queue_lifetime_weeks\" in failure template\n"
     "for instructions see the bounce(5) manual\n",
     NULL},
    {"$delay_warning_time_years", NULL, "",
     "f: unrecognized suffix \"years\" in parameter \"delay_warning_time_years\""},
    {"a $nosuch b", NULL, "", "f: undefined $name in failure template: nosuch"},
};

static void names_are_expanded(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(expansions); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        struct bounce_template t = {.kind = "failure", .origin = "f", .text = expansions[i].text};
        struct err err = ERR_INIT;
        ROW(expansions[i].text);
        strbuf_reset(&warned);
        bool ok = bounce_template_expand(NULL, &t, &out, on_warning, &err);
        assert_int_equal(ok, expansions[i].expanded != NULL);
        if (ok)
            assert_strbuf(out, expansions[i].expanded);
        else
            assert_string_equal(err.reason, expansions[i].error);
        assert_string_equal(warned.s, expansions[i].warning);
    }
}

static const struct {
    const char *ace, *utf8;
} domains[] = {
    {"example.test", "example.test"},
    {"xn--mller-kva.example", "m\xc3\xbcller.example"},
    {"a.XN--MLLER-KVA", "a.M\xc3\xbcLLER"},
    {"xn--fsqu00a.xn--0zwm56d", "\xe4\xbe\x8b\xe5\xad\x90.\xe6\xb5\x8b\xe8\xaf\x95"},
    {"xn--!", "xn--!"},
    {"xn--99999999999", "xn--99999999999"},
    {"", ""},
};

static void domains_are_decoded(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(domains); i++) {
        CLEANUP(strbuf_done) struct strbuf out = STRBUF_ANY;
        ROW(domains[i].ace);
        bounce_idn_to_utf8(slice_of(domains[i].ace), &out);
        assert_strbuf(out, domains[i].utf8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_read),
        cmocka_unit_test(broken_files_are_refused),
        cmocka_unit_test(names_are_expanded),
        cmocka_unit_test(domains_are_decoded),
    };
    int failed = cmocka_run_group_tests(tests, setup, NULL);
    strbuf_done(&warned);
    return failed;
}

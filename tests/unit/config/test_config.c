#include "config/common_params.h"
#include "config/host_defaults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <unistd.h>

static char dir[] = "/tmp/test_config.XXXXXX";
static char path[64];

static void write_main_cf(const char *text, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static struct config *load(const char *text, struct err *err)
{
    write_main_cf(text, strlen(text));
    struct config *cfg = config_new(dir);
    if (config_load(cfg, err))
        return cfg;
    config_free(cfg);
    return NULL;
}

static void lines_make_values(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *text, *value;
    } rows[] = {
        {"plain", "x = a b\n", "a b"},
        {"no blanks", "x=a=b\n", "a=b"},
        {"blanks around", "x \t=  a \r\n", "a"},
        {"empty", "x =\n", ""},
        {"continued", "x = a\n  b\n\tc\n", "a  b\tc"},
        {"comments inside", "x = a\n# c\n\n  # d\n b\n", "a b"},
        {"value on the next line", "x =\n a\n", "a"},
        {"no line end", "x = a", "a"},
        {"last one counts", "x = a\nx = b\n", "b"},
        {"hash in a value", "x = a # b\n", "a # b"},
        {"other line first", " lost\nx = a\n", "a"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        print_message("  row: %s\n", rows[i].name);
        struct config *cfg = load(rows[i].text, &err);
        assert_non_null(cfg);
        assert_string_equal(config_set_value(cfg, "x"), rows[i].value);
        config_free(cfg);
    }
}

static void bad_lines_are_errors(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"a = 1\nfoo\n", "/main.cf, line 2: missing '=' after attribute name: \"foo\""},
        {"a b = c\n", "/main.cf, line 1: missing '=' after attribute name: \"a b = c\""},
        {"\n= c\n", "/main.cf, line 2: missing attribute name: \"= c\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        assert_null(load(rows[i].text, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
        assert_memory_equal(err.reason, dir, strlen(dir));
        assert_string_equal(err.reason + strlen(dir), rows[i].reason);
    }
    struct err err = ERR_INIT;
    struct config *cfg = config_new(dir);
    write_main_cf("a = b\0c\n", 8);
    assert_false(config_load(cfg, &err));
    assert_non_null(strstr(err.reason, "/main.cf, line 1: NUL byte: not a text"));
    config_free(cfg);
    cfg = config_new("/nonexistent");
    assert_false(config_load(cfg, &err));
    assert_string_equal(err.reason, "open /nonexistent/main.cf: No such file or directory");
    config_free(cfg);
}

static void odd_lines_are_warned_of(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct config *cfg = load(" x\na = 1\na = 2\n", &err);
    assert_non_null(strstr(config_warnings(cfg), "line 3: overriding earlier entry: a=1\n"));
    config_free(cfg);
    cfg = load("\xef\xbb\xbf# \x01 in a comment\na = 1\nb = \x1b[0m\n c\n", &err);
    assert_non_null(strstr(config_warnings(cfg), "main.cf, line 1: byte order mark ignored\n"));
    assert_non_null(strstr(config_warnings(cfg),
                           "main.cf, line 3: control character 0x1b in the value of b\n"));
    assert_null(strstr(config_warnings(cfg), "0x01"));
    assert_string_equal(config_set_value(cfg, "a"), "1");
    config_free(cfg);
    cfg = load(" x = 1\n\n", &err);
    assert_non_null(
        strstr(config_warnings(cfg), "logical line must not start with whitespace: \" x = 1\""));
    config_free(cfg);
}

static void add(void *ctx, const char *name, const char *raw)
{
    strbuf_addf(ctx, "%s=%s;", name, raw);
}

static void sources_have_their_order(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    CLEANUP(strbuf_done) struct strbuf all = STRBUF_ANY;
    struct config *cfg = load("b = file\na = file\n", &err);
    config_override(cfg, "b", "override");
    config_set_default(cfg, "a", "computed");
    config_set_default(cfg, "mail_name", "computed");
    assert_string_equal(config_raw(cfg, "a"), "file");
    assert_string_equal(config_raw(cfg, "b"), "override");
    assert_string_equal(config_raw(cfg, "mail_name"), "computed");
    assert_string_equal(config_raw(cfg, "2bounce_notice_recipient"), "postmaster");
    assert_string_equal(config_default(cfg, "a"), "computed");
    assert_null(config_set_value(cfg, "mail_name"));
    assert_null(config_raw(cfg, "nothing"));
    config_each(cfg, add, &all);
    assert_string_equal(all.s, "a=file;b=override;");
    config_free(cfg);
}

static void values_say_where_they_stand(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *tail;
    } rows[] = {{"a", "/main.cf, line 2"},
                {"b", "/main.cf, line 6"},
                {"c", "-o c"},
                {"d", "default value"}};
    struct err err = ERR_INIT;
    struct config *cfg = load("\na = 1\n  2\nb = 1\n\nb = 2\nc = 3\n", &err);
    config_override(cfg, "c", "4");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf where = STRBUF_ANY;
        config_where(cfg, rows[i].name, &where);
        bool in_file = rows[i].tail[0] == '/';
        assert_int_equal(strncmp(where.s, dir, strlen(dir)) == 0, in_file);
        assert_string_equal(where.s + (in_file ? strlen(dir) : 0), rows[i].tail);
    }
    config_free(cfg);
}

static void a_bad_level_is_refused(void **unused)
{
    (void)unused;
    static const char *const bad[] = {"", "abc", "-1", "1.x", "${none}"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[64];
        struct err err = ERR_INIT;
        (void)snprintf(text, sizeof text, "compatibility_level = %s\n", bad[i]);
        struct config *cfg = load(text, &err);
        assert_false(common_params_load(cfg, &err));
        assert_memory_equal(err.reason, "malformed compatibility level syntax: \"", 39);
        assert_non_null(strstr(err.reason, "/main.cf, line 1; wanted: a release such as 3."));
        config_free(cfg);
    }
}

static void host_names_complete_each_other(void **unused)
{
    (void)unused;
    static const struct {
        const char *host, *set_host, *set_domain, *myhostname, *mydomain;
    } rows[] = {
        {"h.d.example", NULL, NULL, "h.d.example", "d.example"},
        {"h", NULL, NULL, "h.localdomain", "localdomain"},
        {"h", NULL, "d.example", "h.d.example", "d.example"},
        {"h", "m.x.example", NULL, "h.localdomain", "x.example"},
        {"h", "m", NULL, "h.localdomain", "localdomain"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY, domain = STRBUF_ANY;
        host_defaults_names(rows[i].host, rows[i].set_host, rows[i].set_domain, &name, &domain);
        assert_string_equal(name.s, rows[i].myhostname);
        assert_string_equal(domain.s, rows[i].mydomain);
    }
}

static void common_parameters_load(void **unused)
{
    (void)unused;
    char text[256], origin[64];
    struct err err = ERR_INIT;
    (void)snprintf(origin, sizeof origin, "%s/mailname", dir);
    FILE *file = fopen(origin, "w");
    assert_non_null(file);
    assert_true(fputs(" o.example \nrest\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(text, sizeof text,
                   "myhostname = h.d.example\nmyorigin = %s\ncompatibility_level = 3.6\n"
                   "mynetworks_style = host\ninet_interfaces = 127.0.0.1\n",
                   origin);
    struct config *cfg = load(text, &err);
    assert_true(common_params_load(cfg, &err));
    assert_string_equal(common_params.myhostname, "h.d.example");
    assert_string_equal(common_params.mydomain, "d.example");
    assert_string_equal(common_params.myorigin, "o.example");
    assert_string_equal(common_params.mydestination, "h.d.example, localhost.d.example, localhost");
    assert_string_equal(common_params.mynetworks, "127.0.0.1/32");
    assert_string_equal(common_params.config_directory, dir);
    assert_false(common_params.append_dot_mydomain);
    assert_int_equal(common_params.maximal_queue_lifetime, 5 * 86400);
    config_free(cfg);

    cfg = load("mynetworks_style = wide\n", &err);
    assert_false(common_params_load(cfg, &err));
    assert_string_equal(err.reason, "unknown mynetworks_style value: wide");
    config_free(cfg);
    params_done(common_param_rows, &common_params);
    (void)unlink(origin);
}

static int make_dir(void **unused)
{
    (void)unused;
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(path, sizeof path, "%s/main.cf", dir);
    return 0;
}

static int remove_dir(void **unused)
{
    (void)unused;
    (void)unlink(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_make_values),
        cmocka_unit_test(bad_lines_are_errors),
        cmocka_unit_test(odd_lines_are_warned_of),
        cmocka_unit_test(sources_have_their_order),
        cmocka_unit_test(values_say_where_they_stand),
        cmocka_unit_test(a_bad_level_is_refused),
        cmocka_unit_test(host_names_complete_each_other),
        cmocka_unit_test(common_parameters_load),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

#include "unit/cm.h"

#include "map/map.h"
#include "map/map_conf.h"

#include <stdlib.h>
#include <unistd.h>

struct settings {
    const char *hosts;
    int64_t limit, timeout;
    bool bind;
};

static const struct param_row rows[] = {
    {"hosts", PARAM_TEXT, "localhost", 1, 0, "", offsetof(struct settings, hosts), ""},
    {"limit", PARAM_INT, "0", 0, 9, "", offsetof(struct settings, limit), ""},
    {"timeout", PARAM_TIME, "10s", 1, 0, "", offsetof(struct settings, timeout), ""},
    {"bind", PARAM_BOOL, "yes", 0, 0, "", offsetof(struct settings, bind), ""},
    {0},
};

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void files_are_read(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *hosts;
        int64_t limit, timeout;
        bool bind;
        const char *error; /* ends it; NULL: none */
    } cases[] = {
        {"", "localhost", 0, 10, true, NULL},
        {"hosts = a\n  b\n# c\nlimit=3\ntimeout = 2m\nbind = no\n", "a  b", 3, 120, false, NULL},
        {"hosts = $myhostname $$\n", "$myhostname $$", 0, 10, true, NULL},
        {"hosts = a\nhosts = b\nother = x\n", "b", 0, 10, true, NULL},
        {"junk\n", 0, 0, 0, 0, "x.cf, line 1: missing '=' after attribute name: \"junk\""},
        {"hosts =\n", 0, 0, 0, 0, "x.cf: bad string length 0 < 1: hosts = "},
        {"limit = q\n", 0, 0, 0, 0, "x.cf: bad numerical configuration: limit = q"},
        {"bind = maybe\n", 0, 0, 0, 0, "x.cf: bad boolean configuration: bind = maybe"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct settings settings = {0};
        struct err err = ERR_INIT;
        print_message("  row: %s\n", cases[i].text);
        write_text("./x.cf", cases[i].text);
        assert_int_equal(map_conf_load("./x.cf", rows, &settings, &err), cases[i].error == NULL);
        if (cases[i].error) {
            assert_non_null(strstr(err.reason, cases[i].error));
        } else {
            assert_string_equal(settings.hosts, cases[i].hosts);
            assert_int_equal(settings.limit, cases[i].limit);
            assert_int_equal(settings.timeout, cases[i].timeout);
            assert_int_equal(settings.bind, cases[i].bind);
        }
        params_done(rows, &settings);
    }
}

static void an_absent_file_is_an_error(void **unused)
{
    (void)unused;
    struct settings settings = {0};
    struct err err = ERR_INIT;
    assert_false(map_conf_load("/nonexistent/x.cf", rows, &settings, &err));
    assert_non_null(strstr(err.reason, "/nonexistent/x.cf"));
    params_done(rows, &settings);
}

static void names_ask_main_cf(void **unused)
{
    (void)unused;
    struct settings settings = {0};
    struct err err = ERR_INIT;
    struct config *cfg = config_new(".");
    struct map_options before = *map_get_options(), options = before;
    config_override(cfg, "users_hosts", "db.$where");
    config_override(cfg, "where", "example");
    config_override(cfg, "users_limit", "4");
    options.config = cfg;
    map_set_options(&options);
    assert_true(map_conf_load("users", rows, &settings, &err));
    assert_string_equal(settings.hosts, "db.example");
    assert_int_equal(settings.limit, 4);
    assert_true(map_conf_load("others", rows, &settings, &err));
    assert_string_equal(settings.hosts, "localhost");
    config_override(cfg, "users_limit", "10");
    assert_false(map_conf_load("users", rows, &settings, &err));
    assert_string_equal(err.reason, "invalid users_limit parameter value 10 > 9");
    params_done(rows, &settings);
    map_set_options(&before);
    config_free(cfg);
}

static char dir[] = "/tmp/test_map_conf.XXXXXX";

static int enter_dir(void **unused)
{
    (void)unused;
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave_dir(void **unused)
{
    (void)unused;
    unlink("x.cf");
    return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read),
        cmocka_unit_test(an_absent_file_is_an_error),
        cmocka_unit_test(names_ask_main_cf),
    };
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}

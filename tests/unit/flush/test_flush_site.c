#include "unit/cm.h"

#include "config/common_params.h"
#include "flush/flush_site.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void names_are_plain(void **unused)
{
    (void)unused;
    static const struct {
        const char *site, *name;
    } rows[] = {
        {"relay.test", "relay_test"},
        {"a-b.test", "a_b_test"},
        {"[127.0.0.1]", "_127_0_0_1_"},
        {"../etc", "___etc"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct strbuf name = STRBUF_ANY;
        ROW(rows[i].site);
        flush_site_name(&name, rows[i].site);
        assert_strbuf(name, rows[i].name);
        strbuf_done(&name);
    }
}

static void add(const char *id)
{
    struct err err = ERR_INIT;
    assert_true(flush_site_add("relay.test", id, &err));
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void clearing_keeps_what_came_meanwhile(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct flush_site site;
    struct strbuf id = STRBUF_ANY;
    assert_false(flush_site_open("relay_test", &site, &err));
    assert_int_equal(err.kind, ERR_NONE);
    add("A1000001");
    add("A1000002");
    assert_true(flush_site_open("relay_test", &site, &err));
    assert_true(flush_site_next(&site, &id));
    assert_strbuf(id, "A1000001");
    add("A1000003");
    assert_true(flush_site_next(&site, &id));
    assert_strbuf(id, "A1000002");
    assert_false(flush_site_next(&site, &id)); /* what came later is for the next time */
    assert_true(flush_site_clear(&site, &err));
    flush_site_close(&site);
    assert_int_equal(size_of("flush/relay_test"), 9);
    assert_true(flush_site_open("relay_test", &site, &err));
    assert_true(flush_site_next(&site, &id));
    assert_strbuf(id, "A1000003");
    assert_true(flush_site_clear(&site, &err));
    flush_site_close(&site);
    assert_int_equal(size_of("flush/relay_test"), 0);
    strbuf_done(&id);
}

static void odd_lines_are_passed_over(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct flush_site site;
    struct strbuf id = STRBUF_ANY;
    FILE *f = fopen("flush/odd", "w");
    fprintf(f, "../../etc/passwd\n\n%0200d\nA1000001\nA10", 7);
    fclose(f);
    size_t good = 0, steps = 0;
    assert_true(flush_site_open("odd", &site, &err));
    while (flush_site_next(&site, &id)) {
        good += id.len > 0 && strcmp(id.s, "A1000001") == 0;
        steps++;
        assert_true(steps < 100);
        assert_null(strchr(id.s, '/'));
    }
    assert_int_equal(good, 1);
    flush_site_close(&site);
    strbuf_done(&id);
}

static void only_old_empty_lists_are_purged(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    fclose(fopen("flush/empty", "w"));
    add("A1000009");
    assert_true(flush_site_purge("empty", 100, &err));
    assert_int_equal(size_of("flush/empty"), 0);
    assert_true(flush_site_purge("empty", -10, &err));
    assert_int_equal(size_of("flush/empty"), -1);
    assert_true(flush_site_purge("relay_test", -10, &err));
    assert_true(size_of("flush/relay_test") > 0);
    assert_true(flush_site_purge("absent", -10, &err));
}

int main(void)
{
    char dir[] = "/tmp/test_flush_site.XXXXXX";
    common_params.hash_queue_names = "deferred, defer";
    common_params.hash_queue_depth = 1;
    if (!mkdtemp(dir) || chdir(dir) < 0 || mkdir("flush", 0700) < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_plain),
        cmocka_unit_test(clearing_keeps_what_came_meanwhile),
        cmocka_unit_test(odd_lines_are_passed_over),
        cmocka_unit_test(only_old_empty_lists_are_purged),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    const char *const files[] = {"flush/relay_test", "flush/odd", "flush/empty"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        unlink(files[i]);
    if (rmdir("flush") < 0 || chdir("/") < 0 || rmdir(dir) < 0)
        return 1;
    return failed;
}

/* The shared driver test: every type that stores must store, find, list, delete and rebuild alike.
 */
#include "map/map.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/test_map_drivers.XXXXXX";

static int enter_dir(void **unused)
{
    (void)unused;
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : 1;
}

static int leave_dir(void **unused)
{
    (void)unused;
    static const char *const files[] = {"t.db", "t.lmdb", "t.cdb", "t", "text"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        unlink(files[i]);
    return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : 1;
}

static void expect(struct map *map, const char *key, const char *value)
{
    CLEANUP(strbuf_done) struct strbuf found = STRBUF_ANY;
    struct err err = ERR_INIT;
    enum map_status status = map_find(map, key, &found, &err);
    print_message("  key: %s\n", key);
    assert_int_equal(status, value ? MAP_FOUND : MAP_NOT_FOUND);
    if (value)
        assert_string_equal(found.s, value);
}

/* Types that are a file: built, listed, deleted from where they can. */
static const struct file_type {
    const char *table, *file;
    bool updates;
    const char *duplicate; /* what names the table in that warning */
} file_types[] = {
    {"hash:t", "t.db", true, "t.db"},
    {"btree:t", "t.db", true, "t.db"},
    {"lmdb:t", "t.lmdb", true, "lmdb:t"},
    {"cdb:t", "t.cdb", false, "t"},
};

static bool has_type(const struct file_type *type)
{
    struct slice name, rest;
    struct err err = ERR_INIT;
    bool found = slice_split(slice_of(type->table), ':', &name, &rest) &&
                 map_driver_find(name, &err) != NULL;
    print_message("  table: %s%s%s\n", type->table, found ? "" : ", not built: ", err.reason);
    return found;
}

static void build(const char *table, enum map_flags flags, const char *key, const char *value)
{
    struct err err = ERR_INIT;
    struct map *map = map_open_strict(table, MAP_REBUILD | flags, &err);
    assert_string_equal(err.reason, "");
    assert_true(map_put(map, key, value, &err) && map->commit(map, &err));
    map_close(map);
}

static void storing_types_store(void **unused)
{
    (void)unused;
    static const char *const tables[] = {"hash:t", "btree:t", "internal:t", "lmdb:t"};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        if (strncmp(tables[i], "lmdb", 4) == 0 && !has_type(&file_types[2]))
            continue;
        struct err err = ERR_INIT;
        CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        print_message("  table: %s\n", tables[i]);
        unlink("t.db");
        unlink("t.lmdb");
        struct map *map = map_open_strict(tables[i], MAP_WRITE | MAP_FOLD, &err);
        assert_non_null(map);
        assert_true(map_put(map, "Key", "one", &err));
        assert_true(map_put(map, "other", "two", &err));
        expect(map, "KEY", "one");
        expect(map, "none", NULL);
        expect(map, "", NULL);
        int count = 0;
        for (bool first = true; map->next(map, first, &key, &value, &err) == MAP_FOUND;
             first = false)
            count++;
        assert_int_equal(count, 2);
        assert_int_equal(map_remove(map, "kEy", &err), MAP_FOUND);
        assert_int_equal(map_remove(map, "kEy", &err), MAP_NOT_FOUND);
        expect(map, "key", NULL);
        map_close(map);
    }
}

static void duplicates_follow_the_flags(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        enum map_flags flags;
        const char *value;
        bool warns;
    } rows[] = {
        {"default", 0, "first", true},
        {"replace", MAP_KEEP_DUPLICATES_QUIET, "second", false},
        {"ignore", MAP_IGNORE_DUPLICATES, "first", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(file_types); i++) {
        const struct file_type *type = &file_types[i / COUNT_OF(rows)];
        size_t row = i % COUNT_OF(rows);
        struct err err = ERR_INIT;
        CLEANUP(strbuf_done) struct strbuf warning = STRBUF_ANY;
        if (!has_type(type))
            continue;
        print_message("  row: %s\n", rows[row].name);
        struct map *map = map_open_strict(type->table, MAP_REBUILD | rows[row].flags, &err);
        assert_non_null(map);
        assert_true(map_put(map, "k", "first", &err) && map_put(map, "k", "second", &err));
        if (rows[row].warns)
            strbuf_addf(&warning, "%s: duplicate entry: \"k\"\n", type->duplicate);
        assert_string_equal(map_warnings(map), warning.s);
        assert_true(map->commit(map, &err));
        map_close(map);
        map = map_open_strict(type->table, MAP_READ, &err);
        expect(map, "k", rows[row].value);
        map_close(map);
    }
}

static void keys_without_nul_are_found(void **unused)
{
    (void)unused;
    static const enum map_flags written[] = {0, MAP_WITH_NUL, MAP_WITHOUT_NUL};
    struct err err = ERR_INIT;
    for (size_t i = 0; i < COUNT_OF(written) * COUNT_OF(file_types); i++) {
        const struct file_type *type = &file_types[i / COUNT_OF(written)];
        enum map_flags how = written[i % COUNT_OF(written)];
        bool has_nul = how == MAP_WITH_NUL || (how == 0 && strcmp(type->table, "cdb:t") != 0);
        if (!has_type(type))
            continue;
        struct map *map = map_open_strict(type->table, MAP_REBUILD | how, &err);
        assert_true(map_put(map, "a", "1", &err) && map_put(map, "b", "2", &err));
        assert_true(map->commit(map, &err));
        map_close(map);
        map = map_open_strict(type->table, MAP_READ, &err);
        expect(map, "none", NULL);
        expect(map, "b", "2");
        expect(map, "a", "1");
        map_close(map);
        map = map_open_strict(type->table, MAP_WITHOUT_NUL, &err);
        expect(map, "a", has_nul ? NULL : "1");
        map_close(map);
    }
}

static void a_rebuild_shows_at_commit(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct stat st;
    int fd = open("t", O_CREAT | O_WRONLY, 0640);
    assert_true(fd >= 0 && close(fd) == 0);
    for (size_t i = 0; i < COUNT_OF(file_types); i++) {
        const char *table = file_types[i].table, *file = file_types[i].file;
        if (!has_type(&file_types[i]))
            continue;
        unlink(file);
        struct map *map = map_open_strict(table, MAP_REBUILD, &err);
        assert_true(map_put(map, "a", "1", &err));
        assert_int_equal(stat(file, &st), -1);
        assert_true(map->commit(map, &err));
        map_close(map);
        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);

        struct map *reader = map_open_strict(table, MAP_READ, &err);
        assert_false(map_has_changed(reader));
        map = map_open_strict(table, MAP_REBUILD, &err);
        assert_true(map_put(map, "b", "2", &err));
        map_close(map); /* given up */
        assert_false(map_has_changed(reader));
        build(table, 0, "b", "2");
        assert_true(map_has_changed(reader));
        expect(reader, "a", "1");
        map_close(reader);
    }
}

/* Somebody copies another file over the table, or the disk was full. */
static void damaged_files_are_errors(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *text;
        off_t size;
    } rows[] = {
        {"empty", NULL, 0},
        {"one page", NULL, 4096},
        {"a few bytes", NULL, 100},
        {"text", "this is not a database\n", 23},
    };
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(file_types); i++) {
        const struct file_type *type = &file_types[i / COUNT_OF(rows)];
        size_t row = i % COUNT_OF(rows);
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        struct err err = ERR_INIT;
        if (!has_type(type))
            continue;
        print_message("  row: %s\n", rows[row].name);
        struct map *map = map_open_strict(type->table, MAP_REBUILD, &err);
        for (int n = 0; n < 5000; n++) {
            char key[32];
            snprintf(key, sizeof key, "key%d", n);
            assert_true(map_put(map, key, "a value of some length", &err));
        }
        assert_true(map->commit(map, &err));
        map_close(map);
        struct map *reader = map_open_strict(type->table, MAP_READ, &err);
        expect(reader, "key7", "a value of some length");

        int fd = open(type->file, O_WRONLY | O_TRUNC);
        assert_true(fd >= 0 && ftruncate(fd, rows[row].size) == 0);
        if (rows[row].text)
            assert_int_equal(pwrite(fd, rows[row].text, strlen(rows[row].text), 0),
                             strlen(rows[row].text));
        close(fd);
        assert_true(map_has_changed(reader));
        enum map_status status = map_find(reader, "key4321", &value, &err);
        assert_int_equal(status, MAP_FAILED);
        assert_string_not_equal(err.reason, "");
        map_close(reader);

        struct map *again = map_open_strict(type->table, MAP_READ, &err);
        if (again) /* a file of zeros may pass for an empty table of some type */
            assert_int_not_equal(map_find(again, "key4321", &value, &err), MAP_FOUND);
        map_close(again);
        unlink(type->file);
    }
}

static void large_entries_are_kept(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    strbuf_add_fill(&text, 'x', 3 * 1000 * 1000);
    for (size_t i = 0; i < COUNT_OF(file_types); i++) {
        struct err err = ERR_INIT;
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        const char *table = file_types[i].table;
        bool is_lmdb = strcmp(table, "lmdb:t") == 0;
        if (!has_type(&file_types[i]))
            continue;
        struct map *map = map_open_strict(table, MAP_REBUILD, &err);
        for (int n = 0; n < 20; n++) { /* more than lmdb_map_size holds at first */
            char key[32];
            snprintf(key, sizeof key, "key%d", n);
            assert_true(map_put(map, key, text.s, &err));
        }
        assert_int_equal(map_put(map, text.s, "long", &err), !is_lmdb); /* keys up to 511 bytes */
        assert_true(map->commit(map, &err));
        map_close(map);
        map = map_open_strict(table, MAP_READ, &err);
        for (int n = 0; n < 20; n++) {
            char key[32];
            snprintf(key, sizeof key, "key%d", n);
            assert_int_equal(map_find(map, key, &value, &err), MAP_FOUND);
            assert_int_equal(value.len, text.len);
        }
        assert_int_equal(map_find(map, text.s, &value, &err), is_lmdb ? MAP_NOT_FOUND : MAP_FOUND);
        map_close(map);
        unlink(file_types[i].file);
    }
}

static void a_table_that_does_not_open_fails(void **unused)
{
    (void)unused;
    static const struct {
        const char *table, *reason;
    } rows[] = {
        {"hash:absent", "open database absent.db: No such file or directory"},
        {"foo:bar", "unsupported dictionary type: foo"},
        {"hash:", "open dictionary: expecting \"type:name\" form instead of \"hash:\""},
        {"hash", "open dictionary: expecting \"type:name\" form instead of \"hash\""},
        {"regexp:absent", "open absent: No such file or directory"},
        {"static:{x", "bad static:name syntax: missing '}' in \"{x\""},
        {"static:{x}y", "bad static:name syntax: syntax error after '}' in \"{x}y\""},
        {"unix:foo", "unknown table: unix:foo"},
        {"unionmap:{}", "bad syntax: \"unionmap:{}\"; need \"unionmap:{type:name...}\""},
        {"pipemap:{foo}", "bad syntax: \"pipemap:{foo}\"; need \"pipemap:{type:name...}\""},
        {"randmap:{}", "bad syntax: \"randmap:{}\"; need \"randmap:{value...}\""},
        {"inline:{}", "bad syntax: \"inline:{}\"; need \"inline:{name=value...}\""},
        {"inline:{a}",
         "missing '=' after attribute name: \"inline:{a}\"; need \"inline:{name=value...}\""},
        {"regexp:{/a/ x}", "regexp map: no '{' at start of text in \"/a/\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        struct err err = ERR_INIT;
        print_message("  table: %s\n", rows[i].table);
        assert_null(map_open_strict(rows[i].table, MAP_READ, &err));
        assert_string_equal(err.reason, rows[i].reason);
        struct map *map = map_open(rows[i].table, MAP_READ);
        assert_int_equal(map_find(map, "x", &value, &err), MAP_FAILED);
        assert_string_equal(err.reason, rows[i].reason);
        map_close(map);
    }
}

static void read_only_types_answer(void **unused)
{
    (void)unused;
    static const struct {
        const char *table, *key, *value;
    } rows[] = {
        {"static:x", "any", "x"},
        {"static:{ x y }", "any", "x y"},
        {"inline:{a=b,{c = d e}}", "a", "b"},
        {"inline:{a=b,{c = d e}}", "c", "d e"},
        {"inline:{A=b}", "a", "b"},
        {"inline:{a=b, a=c, }", "a", "c"},
        {"unionmap:{static:{a b},static:c}", "x", "a b,c"},
        {"unionmap:{inline:{x=y},inline:{z=w}}", "q", NULL},
        {"unionmap:{inline:{x=y},inline:{z=w}}", "z", "w"},
        {"pipemap:{static:b,inline:{b=c}}", "x", "c"},
        {"pipemap:{inline:{x=y},inline:{z=w}}", "x", NULL},
        {"randmap:{x,x}", "k", "x"},
        {"environ:y", "NO_SUCH_VARIABLE", NULL},
        {"unix:passwd.byname", "no such user", NULL},
        {"cidr:{{1.2.3.4 foo}, {1.2.3.0/24 bar}}", "1.2.3.5", "bar"},
        {"regexp:{{/a(b)c/ x$1}}", "abc", "xb"},
        {"pcre:{{/a(?:b)(c)?/ x${1}y}}", "ab", "xy"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = ERR_INIT;
        print_message("  table: %s\n", rows[i].table);
        struct map *map = map_open_strict(rows[i].table, MAP_FOLD | MAP_UTF8, &err);
        assert_non_null(map);
        expect(map, rows[i].key, rows[i].value);
        map_close(map);
    }
}

static void failures_are_not_absence(void **unused)
{
    (void)unused;
    static const char *const tables[] = {"fail:x", "unionmap:{static:a,fail:x}",
                                         "pipemap:{static:a,fail:x}", "pcre:{{/^(a+)+$/ x}}",
                                         "static:\xff"};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        struct err err = ERR_INIT;
        print_message("  table: %s\n", tables[i]);
        struct map *map = map_open_strict(tables[i], MAP_UTF8, &err);
        assert_non_null(map);
        assert_int_equal(map_find(map, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", &value, &err),
                         MAP_FAILED);
        assert_true(err.reason[0] != 0);
        map_close(map);
    }
}

static void bad_utf8_is_not_looked_up(void **unused)
{
    (void)unused;
    struct err err = ERR_INIT;
    struct map *map = map_open_strict("static:x", MAP_UTF8, &err);
    expect(map, "\xff", NULL);
    assert_string_equal(map_warnings(map),
                        "static:x: non-UTF-8 key \"?\": malformed UTF-8 or invalid codepoint\n");
    map_close(map);
    map = map_open_strict("static:x", MAP_READ, &err);
    expect(map, "\xff", "x");
    map_close(map);
}

static void texthash_reads_a_file(void **unused)
{
    (void)unused;
    FILE *file = fopen("text", "w");
    assert_non_null(file);
    fputs("Key value\n  more\nkey again\n\"q k\" v\nlonely\n", file);
    fclose(file);
    struct err err = ERR_INIT;
    struct map *map = map_open_strict("texthash:text", MAP_FOLD, &err);
    assert_non_null(map);
    expect(map, "KEY", "value  more");
    expect(map, "\"q k\"", "v");
    assert_string_equal(
        map_warnings(map),
        "text, line 3: duplicate entry: \"key\"\n"
        "text, line 5: expected format: key whitespace value -- ignoring this line\n");
    assert_false(map_put(map, "a", "b", &err));
    map_close(map);
}

static void nesting_is_bounded(void **unused)
{
    (void)unused;
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    struct err err = ERR_INIT;
    for (int i = 0; i < 1000; i++)
        strbuf_add_str(&name, "unionmap:{");
    assert_null(map_open_strict(name.s, MAP_READ, &err));
    assert_non_null(strstr(err.reason, "nested too deep"));
}

static void drivers_are_in_order(void **unused)
{
    (void)unused;
    const struct map_driver *const *drivers = map_drivers();
    for (size_t i = 0; drivers[i]; i++) {
        assert_ptr_equal(map_driver_find(slice_of(drivers[i]->type), NULL), drivers[i]);
        if (i > 0)
            assert_true(strcmp(drivers[i - 1]->type, drivers[i]->type) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storing_types_store),
        cmocka_unit_test(duplicates_follow_the_flags),
        cmocka_unit_test(keys_without_nul_are_found),
        cmocka_unit_test(a_rebuild_shows_at_commit),
        cmocka_unit_test(damaged_files_are_errors),
        cmocka_unit_test(large_entries_are_kept),
        cmocka_unit_test(a_table_that_does_not_open_fails),
        cmocka_unit_test(read_only_types_answer),
        cmocka_unit_test(failures_are_not_absence),
        cmocka_unit_test(bad_utf8_is_not_looked_up),
        cmocka_unit_test(texthash_reads_a_file),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(drivers_are_in_order),
    };
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}

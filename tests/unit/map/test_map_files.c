/* Tables whose values name files: what is given is their content. */
#include "unit/cm.h"

#include "base/text.h"
#include "map/map.h"
#include "map/map_files.h"

#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/map-files-XXXXXX";

static void path_of(const char *name, struct strbuf *out)
{
    strbuf_setf(out, "%s/%s", directory, name);
}

static void write_file(const char *name, const char *text)
{
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    path_of(name, &path);
    FILE *file = fopen(path.s, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    write_file("a", "one\n");
    write_file("b", "two\n");
    return 0;
}

static int end(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "table"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
        path_of(names[i], &path);
        unlink(path.s);
    }
    return rmdir(directory);
}

/* "@" in TEXT is the directory. */
static void expand(const char *text, struct strbuf *out)
{
    for (; *text; text++)
        if (*text == '@')
            strbuf_add_str(out, directory);
        else
            strbuf_add_char(out, *text);
}

static void types(void **state)
{
    (void)state;
    static const struct {
        const char *name, *table, *file, *key, *want, *warning;
    } rows[] = {
        {"inline", "inline:{k=@/a}", "", "k", "one\n", ""},
        {"two files", "inline:{{k=@/a, @/b}}", "", "k", "one\n\ntwo\n", ""},
        {"static", "static:{@/b}", "", "anything", "two\n", ""},
        {"texthash", "texthash:@/table", "k @/a\nj @/none\n", "k", "one\n",
         "@/table, line 2: open @/none: No such file or directory: skipping this entry\n"},
        {"pcre", "pcre:@/table", "/x/ @/none\n/k/ @/b\n", "k", "two\n",
         "pcre map @/table, line 1: open @/none: No such file or directory: skipping this rule\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf table = STRBUF_ANY, value = STRBUF_ANY;
        CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY, warning = STRBUF_ANY;
        CLEANUP(strbuf_done) struct strbuf file = STRBUF_ANY;
        struct err err = ERR_INIT;
        ROW(rows[i].name);
        expand(rows[i].file, &file);
        write_file("table", file.s);
        expand(rows[i].table, &table);
        expand(rows[i].warning, &warning);
        struct map *map = map_open_strict(table.s, MAP_FILES, &err);
        assert_string_equal(err.reason, "");
        assert_string_equal(map_warnings(map), warning.s);
        assert_int_equal(map_find(map, rows[i].key, &value, &err), MAP_FOUND);
        assert_true(text_base64_decode(strbuf_slice(&value), &content));
        assert_strbuf(content, rows[i].want);
        map_close(map);
    }
}

static void files_that_are_missing(void **state)
{
    (void)state;
    static const char *const rows[] = {"inline:{k=@/none}", "static:@/none"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf table = STRBUF_ANY;
        struct err err = ERR_INIT;
        ROW(rows[i]);
        expand(rows[i], &table);
        assert_null(map_open_strict(table.s, MAP_FILES, &err));
        assert_non_null(strstr(err.reason, "/none: No such file or directory"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(types),
                                       cmocka_unit_test(files_that_are_missing)};
    return cmocka_run_group_tests(tests, begin, end);
}

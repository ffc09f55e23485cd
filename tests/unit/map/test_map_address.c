/* map_address: the keys that are tried, in order. */
#include "map/map_address.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct strbuf keys_seen = STRBUF_ANY;

static enum map_status record_find(struct map *map, const char *key, struct strbuf *value,
                                   struct err *err)
{
    (void)map;
    (void)value;
    (void)err;
    strbuf_addf(&keys_seen, "%s|", key);
    return MAP_NOT_FOUND;
}

static bool only_local_example(void *ctx, const char *domain)
{
    (void)ctx;
    return slice_eq_nocase(slice_of(domain), "local.example");
}

/* struct maps is private: its first table is replaced by reading the keys through a stand-in. */
struct maps {
    char *title;
    struct map **at;
    size_t count;
};

static void keys_come_in_order(void **unused)
{
    (void)unused;
    static const struct {
        const char *address;
        unsigned keys;
        const char *seen;
    } rows[] = {
        {"u+e@far.example", MAP_ADDR_CANONICAL, "u+e@far.example|u@far.example|@far.example|"},
        {"u+e@local.example", MAP_ADDR_CANONICAL,
         "u+e@local.example|u@local.example|u+e|u|@local.example|"},
        {"u@far.example", MAP_ADDR_MAILBOX, "u@far.example|@far.example|"},
        {"u", MAP_ADDR_CANONICAL, "u|"},
        {"u+e@a.b.c", MAP_ADDR_FULL_EXT | MAP_ADDR_FULL | MAP_ADDR_DOMAIN | MAP_ADDR_DOT_PARENTS,
         "u+e@a.b.c|u@a.b.c|a.b.c|.b.c|.c|"},
        {"u+e@a.b.c",
         MAP_ADDR_FULL_EXT | MAP_ADDR_FULL | MAP_ADDR_DOMAIN | MAP_ADDR_PARENTS | MAP_ADDR_LOCAL_AT,
         "u+e@a.b.c|u@a.b.c|a.b.c|b.c|c|u+e@|u@|"},
        {"u@[192.0.2.1]", MAP_ADDR_FULL | MAP_ADDR_DOMAIN | MAP_ADDR_PARENTS,
         "u@[192.0.2.1]|[192.0.2.1]|"},
        {"a b@far.example", MAP_ADDR_MAILBOX, "\"a b\"@far.example|a b@far.example|@far.example|"},
        {"MAILER-DAEMON@far.example", MAP_ADDR_MAILBOX, "MAILER-DAEMON@far.example|@far.example|"},
    };
    struct maps *maps = maps_open("test", "static:x", MAP_READ);
    maps->at[0]->find = record_find;
    maps->at[0]->is_pattern = false;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        struct err err = ERR_INIT;
        struct map_address_query query = {.address = rows[i].address,
                                          .keys = rows[i].keys,
                                          .recipient_delimiter = "+",
                                          .is_local = only_local_example};
        print_message("  address: %s\n", rows[i].address);
        strbuf_reset(&keys_seen);
        assert_int_equal(map_address_find(maps, &query, &value, NULL, NULL, &err), MAP_NOT_FOUND);
        assert_string_equal(keys_seen.s, rows[i].seen);
    }
    /* a pattern table sees the first key only */
    struct map_address_query query = {
        .address = "u+e@a.b", .keys = MAP_ADDR_CANONICAL, .recipient_delimiter = "+"};
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    maps->at[0]->is_pattern = true;
    strbuf_reset(&keys_seen);
    map_address_find(maps, &query, &value, NULL, NULL, &err);
    assert_string_equal(keys_seen.s, "u+e@a.b|");
    maps_close(maps);
    strbuf_done(&keys_seen);
}

static void extension_left_out_is_returned(void **unused)
{
    (void)unused;
    static const struct {
        const char *table, *extension;
        bool is_domain;
    } rows[] = {
        {"inline:{u+e@a.b=x}", "", false},
        {"inline:{u@a.b=x}", "+e", false},
        {"inline:{@a.b=x}", "+e", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        CLEANUP(strbuf_done) struct strbuf extension = STRBUF_ANY;
        struct err err = ERR_INIT;
        bool is_domain;
        struct map_address_query query = {
            .address = "U+e@A.b", .keys = MAP_ADDR_CANONICAL, .recipient_delimiter = "+-"};
        struct maps *maps = maps_open("test", rows[i].table, MAP_FOLD);
        print_message("  table: %s\n", rows[i].table);
        assert_int_equal(map_address_find(maps, &query, &value, &extension, &is_domain, &err),
                         MAP_FOUND);
        assert_string_equal(extension.s, rows[i].extension);
        assert_int_equal(is_domain, rows[i].is_domain);
        maps_close(maps);
    }
}

static void some_names_are_not_split(void **unused)
{
    (void)unused;
    static const struct {
        const char *local, *delimiter, *user, *extension;
    } rows[] = {
        {"u+e", "+", "u", "e"},
        {"u+e-f", "+-", "u", "e-f"},
        {"u", "+", NULL, NULL},
        {"+e", "+", NULL, NULL},
        {"u+", "+", "u", ""},
        {"owner-list", "-", NULL, NULL},
        {"list-request", "-", NULL, NULL},
        {"mailer-daemon", "-", NULL, NULL},
        {"owner-list+x", "+-", "owner-list", "x"},
        {"u+e", "", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice user, extension;
        print_message("  local part: %s\n", rows[i].local);
        bool split = map_address_split_extension(slice_of(rows[i].local), rows[i].delimiter, &user,
                                                 &extension);
        assert_int_equal(split, rows[i].user != NULL);
        if (split) {
            assert_true(slice_eq(user, rows[i].user));
            assert_true(slice_eq(extension, rows[i].extension));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_in_order),
        cmocka_unit_test(extension_left_out_is_returned),
        cmocka_unit_test(some_names_are_not_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

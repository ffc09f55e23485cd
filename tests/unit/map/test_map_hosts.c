#include "unit/cm.h"

#include "map/map_hosts.h"

#include <stdlib.h>

static void names_are_cut(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *host;
        uint16_t port;
    } rows[] = {
        {"db", "db", 0},
        {"db:3306", "db", 3306},
        {"inet:db:3306", "db", 3306},
        {"inet:db", "db", 0},
        {"unix:/a/b:c", "/a/b:c", 0},
        {"[2001:db8::1]:5432", "2001:db8::1", 5432},
        {"[2001:db8::1]", "2001:db8::1", 0},
        {"2001:db8::1", "2001:db8::1", 0},
        {"db:0", "db:0", 0},
        {"db:65536", "db:65536", 0},
        {"", "", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *host;
        uint16_t port;
        print_message("  row: %s\n", rows[i].name);
        map_hosts_split(rows[i].name, &host, &port);
        assert_string_equal(host, rows[i].host);
        assert_int_equal(port, rows[i].port);
        free(host);
    }
}

/* What each server does, by its name's first letter, and a record of what was done. */
static char record[200];

static void note(char what, const char *name)
{
    size_t len = strlen(record);
    snprintf(record + len, sizeof record - len, "%c%c ", what, name[0]);
}

static bool fake_connect(void *ctx, struct map_host *host, struct deadline deadline,
                         struct err *err)
{
    (void)ctx;
    (void)deadline;
    note('c', host->name);
    if (host->name[0] == 'd') /* dead */
        return err_set(err, ERR_TEMP, "refused");
    host->handle = host->name;
    return true;
}

static enum map_host_result fake_query(void *ctx, struct map_host *host, struct deadline deadline,
                                       struct err *err)
{
    (void)deadline;
    note('q', host->name);
    enum map_host_result result = host->name[0] == 'w' ? MAP_HOST_ANSWERED : MAP_HOST_REFUSED;
    if (ctx) { /* once: the connection turns out to be gone */
        bool *is_lost = ctx;
        if (*is_lost)
            result = MAP_HOST_LOST;
        *is_lost = false;
    }
    if (result != MAP_HOST_ANSWERED)
        err_set(err, ERR_TEMP, "bad query");
    return result;
}

static void fake_disconnect(void *handle)
{
    note('x', handle);
}

static const struct map_hosts_ops ops = {fake_connect, fake_query, fake_disconnect};

static void hosts_open(struct map_hosts *hosts, struct map *map, const char *list)
{
    map_hosts_init(hosts, map, "fake", &ops, list);
    hosts->idle_ms = hosts->retry_ms = 60 * 1000;
    record[0] = 0;
}

static void the_working_server_answers(void **unused)
{
    (void)unused;
    struct map map = {.name = "fake:x"};
    struct map_hosts hosts;
    struct err err = ERR_INIT;
    strbuf_init(&map.warnings, 1000);
    hosts_open(&hosts, &map, "dead works");
    for (int i = 0; i < 20; i++)
        assert_true(map_hosts_ask(&hosts, NULL, &err));
    map_hosts_done(&hosts);
    /* whichever was tried first, the dead one was tried at most once, and told of once */
    assert_true(strstr(record, "cw qw qw ") != NULL);
    const char *dead = strstr(record, "cd");
    assert_true(!dead || !strstr(dead + 1, "cd"));
    if (dead)
        assert_string_equal(map.warnings.s, "table fake:x: connect to fake server dead: refused\n");
    strbuf_done(&map.warnings);
}

static void failures_end_the_search_or_not(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *list;
        bool ok;
        const char *record, *reason;
    } rows[] = {
        {"none works", "dead", false, "cd ", "connect to fake server dead: refused"},
        {"a bad query is bad everywhere", "refuses refuses", false, "cr qr xr ", "bad query"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct map map = {.name = "fake:x"};
        struct map_hosts hosts;
        struct err err = ERR_INIT;
        strbuf_init(&map.warnings, 1000);
        print_message("  row: %s\n", rows[i].name);
        hosts_open(&hosts, &map, rows[i].list);
        assert_int_equal(map_hosts_ask(&hosts, NULL, &err), rows[i].ok);
        assert_string_equal(err.reason, rows[i].reason);
        map_hosts_done(&hosts);
        assert_string_equal(record, rows[i].record);
        strbuf_done(&map.warnings);
    }
}

static void a_lost_connection_is_made_anew(void **unused)
{
    (void)unused;
    struct map map = {.name = "fake:x"};
    struct map_hosts hosts;
    struct err err = ERR_INIT;
    bool is_lost = false;
    hosts_open(&hosts, &map, "works");
    assert_true(map_hosts_ask(&hosts, &is_lost, &err));
    is_lost = true;
    assert_true(map_hosts_ask(&hosts, &is_lost, &err));
    map_hosts_done(&hosts);
    assert_string_equal(record, "cw qw qw xw cw qw xw ");
}

static void a_dead_server_is_left_alone(void **unused)
{
    (void)unused;
    struct map map = {.name = "fake:x"};
    struct map_hosts hosts;
    struct err err = ERR_INIT;
    hosts_open(&hosts, &map, "dead");
    assert_false(map_hosts_ask(&hosts, NULL, &err));
    assert_false(err.is_repeated);
    assert_false(map_hosts_ask(&hosts, NULL, &err));
    assert_true(err.is_repeated);
    assert_string_equal(err.reason, "connect to fake server dead: refused");
    map_hosts_done(&hosts);
    assert_string_equal(record, "cd ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_cut),
        cmocka_unit_test(the_working_server_answers),
        cmocka_unit_test(failures_end_the_search_or_not),
        cmocka_unit_test(a_lost_connection_is_made_anew),
        cmocka_unit_test(a_dead_server_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

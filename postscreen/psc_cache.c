#include "postscreen/psc_cache.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "log/log.h"
#include "map/map.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    RECORDS_PER_TURN = 50, /* of a cleanup: clients do not wait for the rest */
    COMMIT_AFTER_MS = 1000,
    LOCK_TRIES = 50, /* of a tenth of a second: the process before us is about to close it */
    LOCK_PAUSE_MS = 100,
};

/* The time of the last cleanup; no client has such an address. Postfix's name for it. */
static const char last_cleanup_key[] = "_LAST_CACHE_CLEANUP_COMPLETED_";

struct psc_cache {
    char *name;
    struct map *map; /* NULL: nothing is kept */
    struct timer *commit_timer, *cleanup_timer;
    int64_t interval_s, retention_s;
    bool is_cleaning, warned;
    size_t retained, dropped;
    struct strbuf expired; /* key to be removed when the next one has been read */
};

static int64_t now_s(void)
{
    struct timeval now;
    clock_wall(&now);
    return now.tv_sec;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* As root: files are made for the user that the process is going to be. */
static bool become_owner(bool on, struct err *err)
{
    if (on && geteuid() == 0) {
        const struct passwd *owner = getpwnam(common_params.mail_owner);
        if (owner && setegid(owner->pw_gid) == 0 && seteuid(owner->pw_uid) == 0)
            return true;
        return err_set(err, ERR_CONFIG, "become %s: %s", common_params.mail_owner, strerror(errno));
    }
    if (!on && getuid() == 0 && (seteuid(0) < 0 || setegid(0) < 0))
        return err_set(err, ERR_CONFIG, "become root again: %s", strerror(errno));
    return true;
}

static struct map *open_table(const char *table, struct err *err)
{
    for (int i = 0;; i++) {
        *err = (struct err)ERR_INIT;
        struct map *map =
            map_open_strict(table, MAP_WRITE | MAP_TRY_LOCK | MAP_KEEP_DUPLICATES_QUIET, err);
        if (map || err->kind != ERR_TEMP || i == LOCK_TRIES)
            return map;
        const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
}

struct psc_cache *psc_cache_open(const char *table, struct err *err)
{
    struct psc_cache *c = xzalloc(sizeof *c);
    c->name = xstrdup(table);
    strbuf_init(&c->expired, 256);
    if (!*table)
        return c;
    bool ok = become_owner(true, err);
    if (ok) {
        c->map = open_table(table, err);
        ok = c->map != NULL;
    }
    struct err back = ERR_INIT;
    if (!become_owner(false, &back)) {
        *err = back;
        ok = false;
    }
    if (ok)
        return c;
    psc_cache_close(c);
    return NULL;
}

/* One line for an outage, not one for each client. */
static void failed(struct psc_cache *c, const struct err *err)
{
    if (!c->warned)
        log_warn(NULL, "%s: %s", c->name, err->reason);
    c->warned = true;
}

/* --- records ---------------------------------------------------------------------------------- */

static bool find(struct psc_cache *c, const char *key, struct strbuf *value)
{
    struct err err = ERR_INIT;
    if (!c->map)
        return false;
    enum map_status status = map_find(c->map, key, value, &err);
    if (status == MAP_FAILED)
        failed(c, &err);
    else
        c->warned = false;
    return status == MAP_FOUND;
}

static void put(struct psc_cache *c, const char *key, const char *value)
{
    struct err err = ERR_INIT;
    if (!c->map)
        return;
    if (!map_put(c->map, key, value, &err))
        failed(c, &err);
    else if (c->commit_timer && !timer_is_running(c->commit_timer))
        timer_start(c->commit_timer, COMMIT_AFTER_MS);
}

bool psc_cache_find(struct psc_cache *c, const char *address, struct psc_times *ret)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_INIT(1024);
    if (!find(c, address, &value))
        return false;
    if (psc_times_parse(strbuf_slice(&value), ret))
        return true;
    log_warn(NULL, "%s: bad record for %s: %s", c->name, address, value.s);
    return false;
}

void psc_cache_put(struct psc_cache *c, const char *address, const struct psc_times *times)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_INIT(1024);
    psc_times_format(times, &value);
    put(c, address, value.s);
}

/* Records that are in memory only would be lost with the process, and with them the table. */
static void on_commit(void *owner)
{
    struct psc_cache *c = owner;
    struct err err = ERR_INIT;
    if (c->map && c->map->commit && !c->map->commit(c->map, &err))
        failed(c, &err);
}

/* --- cleanup ---------------------------------------------------------------------------------- */

static void remove_expired(struct psc_cache *c)
{
    struct err err = ERR_INIT;
    if (c->expired.len == 0)
        return;
    if (map_remove(c->map, c->expired.s, &err) == MAP_FAILED)
        failed(c, &err);
    c->dropped++;
    strbuf_reset(&c->expired);
}

static void look_at(struct psc_cache *c, const struct strbuf *key, const struct strbuf *value)
{
    struct psc_times times = {{0}};
    if (strcmp(key->s, last_cleanup_key) == 0)
        return;
    bool good = psc_times_parse(strbuf_slice(value), &times);
    if (good && psc_times_latest(&times) + c->retention_s > now_s())
        c->retained++;
    else /* it is where the table's cursor stands: removed once that has moved on */
        strbuf_set(&c->expired, key->s);
}

static void end_cleanup(struct psc_cache *c, bool is_full)
{
    if (!c->is_cleaning)
        return;
    c->is_cleaning = false;
    log_info(NULL, "cache %s %s cleanup: retained=%zu dropped=%zu entries", c->name,
             is_full ? "full" : "partial", c->retained, c->dropped);
    if (!is_full)
        return;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(32);
    strbuf_addf(&text, "%lld", (long long)now_s());
    put(c, last_cleanup_key, text.s);
}

static void clean_some(struct psc_cache *c, bool first)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY, value = STRBUF_ANY;
    struct err err = ERR_INIT;
    enum map_status status = MAP_FOUND;
    for (int i = 0; i < RECORDS_PER_TURN && status == MAP_FOUND; i++, first = false) {
        strbuf_reset(&key);
        strbuf_reset(&value);
        status = c->map->next(c->map, first, &key, &value, &err);
        remove_expired(c);
        if (status == MAP_FOUND)
            look_at(c, &key, &value);
    }
    if (status == MAP_FAILED)
        failed(c, &err);
    if (status != MAP_FOUND)
        end_cleanup(c, status == MAP_NOT_FOUND);
}

static void on_cleanup(void *owner)
{
    struct psc_cache *c = owner;
    bool first = !c->is_cleaning;
    if (first) {
        c->is_cleaning = true;
        c->retained = c->dropped = 0;
    }
    clean_some(c, first);
    timer_start(c->cleanup_timer, c->is_cleaning ? 1 : c->interval_s * 1000);
}

/* Seconds until the next cleanup is due. */
static int64_t cleanup_due_in(struct psc_cache *c)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(32);
    int64_t last;
    if (!find(c, last_cleanup_key, &text) || !num_parse_i64(strbuf_slice(&text), &last))
        return 0;
    int64_t passed = now_s() - last;
    return passed < 0 || passed >= c->interval_s ? 0 : c->interval_s - passed;
}

void psc_cache_start(struct psc_cache *c, struct loop *loop, int64_t interval_s,
                     int64_t retention_s)
{
    if (!c->map)
        return;
    c->interval_s = interval_s;
    c->retention_s = retention_s;
    if (c->map->commit)
        c->commit_timer = timer_new(loop, on_commit, c);
    if (interval_s == 0)
        return;
    if (!c->map->next || !c->map->remove) {
        log_warn(NULL, "%s: no cleanup, this type of table cannot be listed", c->name);
        return;
    }
    c->cleanup_timer = timer_new(loop, on_cleanup, c);
    timer_start(c->cleanup_timer, cleanup_due_in(c) * 1000);
}

void psc_cache_close(struct psc_cache *c)
{
    if (!c)
        return;
    end_cleanup(c, false);
    timer_free(c->commit_timer);
    timer_free(c->cleanup_timer);
    if (c->map)
        on_commit(c);
    map_close(c->map);
    strbuf_done(&c->expired);
    free(c->name);
    free(c);
}

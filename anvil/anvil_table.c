/* Counts per client, and their peaks. */
#include "anvil/anvil_table.h"

#include "base/clock.h"
#include "base/xmem.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct anvil_entry {
    char *ident; /* service:address */
    int64_t count;
    int64_t rates[ANVIL_RATE_COUNT];
    int64_t started_ms; /* of the current unit of time */
    UT_hash_handle hh;
};

/* Connections that one server process holds open for one client. */
struct anvil_hold {
    char *ident;
    int64_t count;
    UT_hash_handle hh;
};

struct anvil_peer {
    struct anvil_table *table;
    struct anvil_hold *holds;
};

struct anvil_peak {
    int64_t value;
    char *ident;
    time_t at;
};

struct anvil_table {
    int64_t unit_ms;
    struct anvil_entry *entries;
    struct anvil_peak rate_peaks[ANVIL_RATE_COUNT], count_peak, size_peak;
};

static const char *const rate_names[ANVIL_RATE_COUNT] = {
    [ANVIL_RATE_CONNECT] = "connection", [ANVIL_RATE_MAIL] = "message",
    [ANVIL_RATE_RCPT] = "recipient",     [ANVIL_RATE_NEWTLS] = "newtls",
    [ANVIL_RATE_AUTH] = "auth",
};

struct anvil_table *anvil_table_new(int64_t rate_unit_s)
{
    struct anvil_table *table = xzalloc(sizeof *table);
    table->unit_ms = rate_unit_s * 1000;
    return table;
}

static void entry_free(struct anvil_entry *entry)
{
    free(entry->ident);
    free(entry);
}

void anvil_table_free(struct anvil_table *table)
{
    if (!table)
        return;
    struct anvil_entry *entry = table->entries, *next;
    HASH_CLEAR(hh, table->entries); /* the entries stay linked */
    for (; entry; entry = next) {
        next = entry->hh.next;
        entry_free(entry);
    }
    for (int i = 0; i < ANVIL_RATE_COUNT; i++)
        free(table->rate_peaks[i].ident);
    free(table->count_peak.ident);
    free(table);
}

size_t anvil_table_size(const struct anvil_table *table)
{
    return HASH_COUNT(table->entries);
}

static void peak_raise(struct anvil_peak *peak, int64_t value, const char *ident)
{
    if (value <= peak->value)
        return;
    struct timeval now;
    clock_wall(&now);
    peak->value = value;
    peak->at = now.tv_sec;
    if (!ident || (peak->ident && strcmp(peak->ident, ident) == 0))
        return;
    free(peak->ident);
    peak->ident = xstrdup(ident);
}

static bool entry_unit_is_over(const struct anvil_table *table, const struct anvil_entry *entry)
{
    return clock_now_ms() - entry->started_ms >= table->unit_ms;
}

/* The entry of a client with its rates brought up to date; made when CREATE, else NULL. */
static struct anvil_entry *entry_find(struct anvil_table *table, const char *ident, bool create)
{
    struct anvil_entry *entry;
    HASH_FIND_STR(table->entries, ident, entry);
    if (!entry) {
        if (!create)
            return NULL;
        entry = xzalloc(sizeof *entry);
        entry->ident = xstrdup(ident);
        entry->started_ms = clock_now_ms();
        HASH_ADD_KEYPTR(hh, table->entries, entry->ident, strlen(entry->ident), entry);
        peak_raise(&table->size_peak, (int64_t)anvil_table_size(table), NULL);
    } else if (entry_unit_is_over(table, entry)) {
        memset(entry->rates, 0, sizeof entry->rates);
        entry->started_ms = clock_now_ms();
    }
    return entry;
}

struct anvil_peer *anvil_peer_new(struct anvil_table *table)
{
    struct anvil_peer *peer = xzalloc(sizeof *peer);
    peer->table = table;
    return peer;
}

static void hold_free(struct anvil_peer *peer, struct anvil_hold *hold)
{
    HASH_DEL(peer->holds, hold);
    free(hold->ident);
    free(hold);
}

void anvil_peer_free(struct anvil_peer *peer)
{
    if (!peer)
        return;
    struct anvil_hold *hold, *next;
    HASH_ITER (hh, peer->holds, hold, next) {
        struct anvil_entry *entry = entry_find(peer->table, hold->ident, false);
        if (entry)
            entry->count -= MIN(entry->count, hold->count);
        hold_free(peer, hold);
    }
    free(peer);
}

static void peer_connect(struct anvil_peer *peer, struct anvil_entry *entry)
{
    struct anvil_hold *hold;
    HASH_FIND_STR(peer->holds, entry->ident, hold);
    if (!hold) {
        hold = xzalloc(sizeof *hold);
        hold->ident = xstrdup(entry->ident);
        HASH_ADD_KEYPTR(hh, peer->holds, hold->ident, strlen(hold->ident), hold);
    }
    hold->count++;
    entry->count++;
}

/* A process can only give back what it has taken. */
static void peer_disconnect(struct anvil_peer *peer, const char *ident)
{
    struct anvil_hold *hold;
    HASH_FIND_STR(peer->holds, ident, hold);
    if (!hold)
        return;
    struct anvil_entry *entry = entry_find(peer->table, ident, false);
    if (entry && entry->count > 0)
        entry->count--;
    if (--hold->count == 0)
        hold_free(peer, hold);
}

static const struct {
    uint16_t kind;
    enum anvil_rate rate;
} rate_events[] = {
    {ANVIL_CONNECT, ANVIL_RATE_CONNECT}, {ANVIL_MAIL, ANVIL_RATE_MAIL},
    {ANVIL_RCPT, ANVIL_RATE_RCPT},       {ANVIL_NEWTLS, ANVIL_RATE_NEWTLS},
    {ANVIL_AUTH, ANVIL_RATE_AUTH},
};

static bool table_lookup(struct anvil_table *table, uint16_t kind, const char *ident,
                         struct anvil_counts *ret)
{
    if (kind != ANVIL_LOOKUP && kind != ANVIL_NEWTLS_STATUS)
        return false;
    struct anvil_entry *entry = entry_find(table, ident, false);
    enum anvil_rate rate = kind == ANVIL_LOOKUP ? ANVIL_RATE_CONNECT : ANVIL_RATE_NEWTLS;
    if (entry)
        *ret = (struct anvil_counts){entry->count, entry->rates[rate]};
    return true;
}

bool anvil_table_event(struct anvil_table *table, struct anvil_peer *peer, uint16_t kind,
                       const char *service, const char *address, struct anvil_counts *ret)
{
    CLEANUP(strbuf_done) struct strbuf ident = STRBUF_ANY;
    strbuf_addf(&ident, "%s:%s", service, address);
    *ret = (struct anvil_counts){0};
    if (kind == ANVIL_DISCONNECT) {
        peer_disconnect(peer, ident.s);
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(rate_events); i++) {
        if (rate_events[i].kind != kind)
            continue;
        enum anvil_rate rate = rate_events[i].rate;
        struct anvil_entry *entry = entry_find(table, ident.s, true);
        if (kind == ANVIL_CONNECT) {
            peer_connect(peer, entry);
            peak_raise(&table->count_peak, entry->count, ident.s);
        }
        peak_raise(&table->rate_peaks[rate], ++entry->rates[rate], ident.s);
        *ret = (struct anvil_counts){entry->count, entry->rates[rate]};
        return true;
    }
    return table_lookup(table, kind, ident.s, ret);
}

void anvil_table_expire(struct anvil_table *table)
{
    struct anvil_entry *entry, *next;
    HASH_ITER (hh, table->entries, entry, next) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it takes next for the one just freed */
        if (entry->count == 0 && entry_unit_is_over(table, entry)) {
            HASH_DEL(table->entries, entry);
            entry_free(entry);
        }
    }
}

/* "Nov 21 21:07:13" */
static void add_date(struct strbuf *out, time_t when)
{
    struct tm tm;
    char text[32] = "";
    if (localtime_r(&when, &tm))
        strftime(text, sizeof text, "%b %e %H:%M:%S", &tm);
    strbuf_add_str(out, text);
}

static void report_line(struct anvil_peak *peak, void (*fn)(const char *line), struct strbuf *line)
{
    if (peak->value > 0) {
        strbuf_add_str(line, " at ");
        add_date(line, peak->at);
        fn(line->s);
    }
    peak->value = 0;
    strbuf_reset(line);
}

void anvil_table_report(struct anvil_table *table, void (*fn)(const char *line))
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_ANY;
    int unit_s = (int)(table->unit_ms / 1000);
    for (int i = 0; i < ANVIL_RATE_COUNT; i++) {
        struct anvil_peak *peak = &table->rate_peaks[i];
        if (i == ANVIL_RATE_MAIL) { /* the count stands between the rates of connections and mail */
            strbuf_addf(&line, "statistics: max connection count %lld for (%s)",
                        (long long)table->count_peak.value,
                        table->count_peak.ident ? table->count_peak.ident : "");
            report_line(&table->count_peak, fn, &line);
        }
        strbuf_addf(&line, "statistics: max %s rate %lld/%ds for (%s)", rate_names[i],
                    (long long)peak->value, unit_s, peak->ident ? peak->ident : "");
        report_line(peak, fn, &line);
    }
    strbuf_addf(&line, "statistics: max cache size %lld", (long long)table->size_peak.value);
    report_line(&table->size_peak, fn, &line);
}

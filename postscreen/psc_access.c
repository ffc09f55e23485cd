#include "postscreen/psc_access.h"

#include "base/argv.h"
#include "base/xmem.h"
#include "map/map.h"
#include "map/map_host.h"
#include "map/match_list.h"

#include <stdlib.h>
#include <strings.h>

static const char title[] = "postscreen_access_list";

struct psc_access {
    struct argv items;
    struct map **tables; /* of each item; NULL: a word */
    struct match_list *mynetworks;
};

static bool is_table(const char *item)
{
    return strchr(item, ':');
}

struct psc_access *psc_access_new(const char *list, const char *mynetworks, struct strbuf *problems)
{
    struct psc_access *a = xzalloc(sizeof *a);
    argv_add_items(&a->items, list);
    a->tables = xrealloc_array(NULL, a->items.count + 1, sizeof *a->tables);
    for (size_t i = 0; i < a->items.count; i++) {
        const char *item = a->items.at[i];
        a->tables[i] = is_table(item) ? map_open(item, MAP_FOLD) : NULL;
    }
    a->mynetworks = match_list_new(title, mynetworks, MATCH_HOST_ADDRESS,
                                   map_host_parents_match(title) ? MATCH_PARENT : 0);
    strbuf_add_str(problems, match_list_warnings(a->mynetworks));
    return a;
}

void psc_access_free(struct psc_access *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->items.count; i++)
        map_close(a->tables[i]);
    free(a->tables);
    argv_done(&a->items);
    match_list_free(a->mynetworks);
    free(a);
}

bool psc_access_has_changed(struct psc_access *a)
{
    for (size_t i = 0; i < a->items.count; i++)
        if (a->tables[i] && map_has_changed(a->tables[i]))
            return true;
    return match_list_has_changed(a->mynetworks);
}

struct search {
    struct psc_access *access;
    const char *address;
    struct strbuf *problems;
    bool is_over; /* the whole list, not just a table's value */
};

static enum psc_verdict find_network(struct search *s)
{
    struct err err = ERR_INIT;
    enum map_status status = match_list_find_host(s->access->mynetworks, NULL, s->address, &err);
    if (status == MAP_FAILED) {
        strbuf_addf(s->problems,
                    "%s: permit_mynetworks: %s -- ignoring the remainder of this "
                    "access list\n",
                    title, err.reason);
        s->is_over = true;
    }
    return status == MAP_FOUND ? PSC_ALLOW : PSC_NO_VERDICT;
}

/* One command; WHERE is the list or the table it is in. */
static enum psc_verdict run_command(struct search *s, const char *where, struct slice word)
{
    if (slice_eq_nocase(word, "permit_mynetworks"))
        return find_network(s);
    if (slice_eq_nocase(word, "permit"))
        return PSC_ALLOW;
    if (slice_eq_nocase(word, "reject"))
        return PSC_DENY;
    if (!slice_eq_nocase(word, "dunno"))
        strbuf_addf(s->problems,
                    "%s: unknown command: %.*s -- ignoring the remainder of this access list\n",
                    where, SLICE_ARG(word));
    s->is_over = true;
    return PSC_NO_VERDICT;
}

/* What a table says is a list of its own, which ends only itself. */
static enum psc_verdict run_table(struct search *s, struct map *table)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    enum map_status status = map_find(table, s->address, &value, &err);
    if (status == MAP_FAILED) {
        if (!err.is_repeated)
            strbuf_addf(s->problems, "%s is unavailable. %s\n", table->name, err.reason);
        strbuf_addf(s->problems,
                    "%s: %s: table lookup error -- ignoring the remainder of this access list\n",
                    title, table->name);
        s->is_over = true;
    }
    if (status != MAP_FOUND)
        return PSC_NO_VERDICT;
    struct slice rest = strbuf_slice(&value), word;
    enum psc_verdict verdict = PSC_NO_VERDICT;
    while (verdict == PSC_NO_VERDICT && !s->is_over && slice_next_item(&rest, &word)) {
        if (slice_find(word, ':') != SIZE_MAX) {
            strbuf_addf(s->problems,
                        "table %s: lookup result \"%.*s\" is not allowed -- ignoring remainder of "
                        "access list\n",
                        table->name, SLICE_ARG(word));
            break;
        }
        verdict = run_command(s, table->name, word);
    }
    s->is_over = false;
    return verdict;
}

enum psc_verdict psc_access_find(struct psc_access *a, const char *address, struct strbuf *problems)
{
    struct search s = {.access = a, .address = address, .problems = problems};
    enum psc_verdict verdict = PSC_NO_VERDICT;
    for (size_t i = 0; i < a->items.count && verdict == PSC_NO_VERDICT && !s.is_over; i++)
        verdict = a->tables[i] ? run_table(&s, a->tables[i])
                               : run_command(&s, title, slice_of(a->items.at[i]));
    return verdict;
}

/* proxymap_tables: which tables may be used for others, those that are open, and who waits for
 * them. */
#ifndef PROXYMAP_PROXYMAP_TABLES_H
#define PROXYMAP_PROXYMAP_TABLES_H

#include "io/work.h"
#include "map/map.h"
#include "map/proxy_msg.h"

struct proxymap_table;

/* LIST is the expanded proxy_read_maps or proxy_write_maps: every proxy:type:name in it is
 * approved, the rest is passed over. EXTRA is added to the flags of every table. */
void proxymap_tables_approve(const char *list, enum map_flags extra);
/* The open table, opened when it is asked for the first time; NULL: not approved. */
struct proxymap_table *proxymap_tables_get(const char *name, enum map_flags flags);
bool proxymap_tables_have_changed(void);

/* One question about a table; whoever makes it frees it, in ON_DONE. */
struct proxymap_job {
    struct proxymap_job *next; /* waiting for the same table */
    struct proxymap_table *table;
    enum proxy_kind kind;
    char *key, *value;
    void (*on_done)(struct proxymap_job *job);
    enum map_status status;
    struct strbuf ret_key, ret_value;
    struct err err;
};

/* Do JOB, in its turn; ON_DONE is called before this returns, or from the loop where the table's
 * server may take its time. One question at a time is asked of a table. */
void proxymap_tables_do(struct loop *loop, struct proxymap_job *job);

#endif

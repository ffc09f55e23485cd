/* master.cf: an accepted file has complete entries in the order of their lines. */
#include "config/master_cf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct master_entry *entries = NULL;
    struct err err = ERR_INIT;
    if (!master_cf_parse(text, "master.cf", &entries, &err)) {
        if (err.kind != ERR_CONFIG || !err.reason[0] || entries)
            abort();
        return 0;
    }
    int line = 0;
    for (const struct master_entry *e = entries; e; e = e->next) {
        if (e->line <= line || !*e->name || !*e->program || strchr(e->program, '/') ||
            e->max_processes < -1 || e->wakeup_seconds < 0 || !service_type_name(e->type))
            abort();
        line = e->line;
    }
    master_cf_free(entries);
    return 0;
}

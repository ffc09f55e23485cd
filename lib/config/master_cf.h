/*
 * master_cf: the entries of master.cf; master(5) describes the format.
 */
#ifndef CONFIG_MASTER_CF_H
#define CONFIG_MASTER_CF_H

#include "base/argv.h"
#include "base/err.h"
#include "base/strbuf.h"

enum service_type { SERVICE_INET, SERVICE_UNIX, SERVICE_UNIX_DGRAM, SERVICE_FIFO, SERVICE_PASS };

struct master_entry {
    char *name; /* as written: "smtp", "127.0.0.1:2525", "cleanup" */
    enum service_type type;
    bool is_private, is_unprivileged, is_chroot;
    bool is_chroot_default; /* "-": is_chroot is false; below compatibility level 1 it means yes */
    int wakeup_seconds;     /* 0: never */
    bool wakeup_if_used;    /* "N?" */
    int max_processes;      /* 0: no limit; -1: default_process_limit */
    char *program;          /* base name of the executable */
    struct argv args;       /* its arguments as written, "-o" and "name=value" apart, {} removed */
    int line;               /* where the entry starts */
    struct master_entry *next;
};

/* Does the entry run in the queue directory as its root? "-" meant yes before compatibility
 * level 1. */
bool master_entry_is_jailed(const struct master_entry *entry, const char *compatibility_level);

/* Parse TEXT (the content of FILE, which is named in errors). Entries come in file order. A first
 * line that starts with white space is passed over. Errors name file and line; nothing is returned
 * then. */
bool master_cf_parse(struct slice text, const char *file, struct master_entry **ret_entries,
                     struct err *err);
bool master_cf_load(const char *file, struct master_entry **ret_entries, struct err *err);
/* The same; what was passed over goes to RET_WARNINGS (or NULL), a line each. */
bool master_cf_load_and_warn(const char *file, struct master_entry **ret_entries,
                             struct strbuf *ret_warnings, struct err *err);
void master_cf_free(struct master_entry *entries);
/* Split one logical line into its seven fields and the arguments behind them, each as written
 * except that { } around an argument and the white space inside are gone and "-o{a = b}", "-oa=b"
 * become "-o", "a=b". The command is fields->at[7]. Errors name no file. */
bool master_cf_split(struct slice line, struct argv *fields, struct err *err);
const char *service_type_name(enum service_type type); /* "inet", "unix", ... */

#endif

/*
 * postlint: mistakes in a configuration that reads without error: what one check is given, and how
 * it says what it found. docs/lint.md explains every finding.
 *
 * A scope is what one process sees: main.cf alone, or with the -o settings of a master.cf entry.
 * Texts of findings never hold the value of a setting, which may be a secret, but for words that
 * cannot be one: names of files, services, domains, networks, restrictions.
 */
#ifndef POSTLINT_POSTLINT_H
#define POSTLINT_POSTLINT_H

#include "base/argv.h"
#include "base/strbuf.h"
#include "config/config.h"
#include "config/known_params.h"
#include "config/master_cf.h"

enum postlint_id {
#define FINDING(id, severity, mend) LINT_##id,
#include "postlint/postlint_findings.def"
#undef FINDING
    LINT_IDS
};

enum postlint_severity { LINT_NOTE, LINT_WARNING, LINT_ERROR };

struct postlint_scope {
    struct config *cfg;
    const struct master_entry *entry; /* NULL: main.cf */
};

struct postlint_setting { /* of main.cf, or an -o of master.cf */
    char *name, *value;   /* as written */
    const char *file;
    int line;
    const struct postlint_scope *scope;
    bool is_overridden; /* a later line of main.cf, or a later -o, has the same name */
};

struct postlint_where {
    const char *file;
    int line;         /* 0: the file as a whole */
    const char *name; /* parameter or service; NULL: none */
};

struct postlint_finding {
    enum postlint_id id;
    const char *file;
    int line;
    char *name, *text, *mend;
};

struct postlint {
    const char *dir;
    char *main_cf, *master_cf; /* their paths */
    struct strbuf main_text, master_text;
    struct master_entry *entries;
    struct postlint_scope *scopes; /* [0]: main.cf; then the entries with -o */
    size_t scope_count;
    struct postlint_setting *settings;
    size_t setting_count;
    struct postlint_finding *findings;
    size_t finding_count;
    struct postlint_pem *pems; /* postlint_certs.c: read while there were the rights to */
    size_t pem_count;
};

/* postlint_load.c: main.cf, master.cf and their scopes; false with ERR. */
bool postlint_load(struct postlint *lint, const char *dir, struct err *err);
void postlint_done(struct postlint *lint);
/* The expanded value of NAME as SCOPE sees it; false, and nothing, for unknown names and values
 * that do not expand. */
bool postlint_get(const struct postlint_scope *scope, const char *name, struct strbuf *out);
/* Its list items. */
void postlint_get_items(const struct postlint_scope *scope, const char *name, struct argv *out);
/* The setting that SCOPE's value of NAME comes from; NULL: it is the default. */
const struct postlint_setting *postlint_setting_of(const struct postlint *lint,
                                                   const struct postlint_scope *scope,
                                                   const char *name);
/* Does an -o of the scope itself set NAME? For main.cf: is it set? */
bool postlint_is_set_here(const struct postlint *lint, const struct postlint_scope *scope,
                          const char *name);
/* Where SCOPE's value of NAME is set; main.cf as a whole for a default. */
struct postlint_where postlint_where(const struct postlint *lint,
                                     const struct postlint_scope *scope, const char *name);

/* postlint_report.c */
/* MEND: what to write; NULL: what the finding's row says. A finding that is there is not added. */
void postlint_report(struct postlint *lint, enum postlint_id id, struct postlint_where where,
                     const char *mend, const char *fmt, ...) PRINTF(5, 6);
/* Sort by file and line; print one line or one JSON object each. */
void postlint_show(struct postlint *lint, bool as_json, bool with_notes);
bool postlint_has_errors(const struct postlint *lint);

/* postlint_names.c: is there such a parameter, a service's own included? */
bool postlint_is_param(const struct postlint *lint, const char *name);

/* postlint_words.c */
enum postlint_word {
    WORD_UNKNOWN,
    WORD_NONE,
    WORD_MAP,
    WORD_CCERT, /* a table, or one in { } with a search_order */
    WORD_NUMBER,
    WORD_TEXT,
    WORD_POLICY,
    WORD_LISTED, /* a DNS list */
};
enum postlint_word postlint_word_find(const char *word); /* a restriction of smtpd */
bool postlint_word_has_argument(enum postlint_word word);
/* "type:" of a table, with the name when that is a path: what follows may be a secret. */
void postlint_word_table(struct strbuf *out, const char *table);

/* The checks, a family a file. postlint.c says which run with root's rights. */
typedef void (*postlint_check)(struct postlint *lint);
void postlint_tables(struct postlint *lint);
void postlint_services(struct postlint *lint);
void postlint_space(struct postlint *lint);
void postlint_certs_read(struct postlint *lint);
void postlint_lines(struct postlint *lint);
void postlint_names(struct postlint *lint);
void postlint_values(struct postlint *lint);
void postlint_rules(struct postlint *lint);
void postlint_relay(struct postlint *lint);
void postlint_restrictions(struct postlint *lint);
void postlint_domains(struct postlint *lint);
void postlint_host(struct postlint *lint);
void postlint_transports(struct postlint *lint);
void postlint_jail(struct postlint *lint);
void postlint_certs(struct postlint *lint);
void postlint_certs_done(struct postlint *lint);

#endif

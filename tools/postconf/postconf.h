/* postconf: what its modes share. */
#ifndef POSTCONF_POSTCONF_H
#define POSTCONF_POSTCONF_H

#include "base/argv.h"
#include "config/config.h"

enum postconf_class {
    CLASS_BUILTIN = 1 << 0, /* named by a program */
    CLASS_SERVICE = 1 << 1, /* named after a service in master.cf */
    CLASS_USER = 1 << 2,    /* named by the administrator, used in another value */
};

struct postconf_service { /* one entry of master.cf */
    struct argv fields;   /* as written; see master_cf_split() */
    int line;             /* of master.cf, where it begins */
    struct postconf_service *next;
};

struct postconf_name {
    const char *name;
    enum postconf_class class;
};

struct postconf {
    const char *program; /* argv[0], the start of every message */
    const char *dir;
    struct config *cfg;
    struct postconf_service *services;
    struct postconf_name *names; /* sorted */
    size_t name_count;
    struct argv owned_names; /* texts of NAMES that no table holds */
    struct argv used;        /* names that some value refers to */
    struct argv overrides;   /* -o */

    bool failed; /* exit status 1 */
    bool fold, values_only, names_only, set_only, defaults, expand, json, quiet;
    unsigned classes; /* what to show */
};

void postconf_warn(const struct postconf *pc, const char *fmt, ...) PRINTF(2, 3);
void postconf_fatal(const struct postconf *pc, const char *fmt, ...) PRINTF(2, 3) NORETURN;

enum postconf_edit { EDIT_SET, EDIT_DELETE, EDIT_COMMENT };

/* postconf_names.c */
void postconf_names_load(struct postconf *pc);
const struct postconf_name *postconf_names_find(const struct postconf *pc, const char *name);
/* Warn of settings that nothing uses and of names that are going away. */
void postconf_names_warn_main(const struct postconf *pc);
void postconf_names_warn_master(const struct postconf *pc);
/* Warn of what NAME, which nothing knows, may be a mistyping of. */
void postconf_names_say_near(const struct postconf *pc, const char *name);
/* The same when people see it: what scripts read is what Postfix prints. */
void postconf_names_hint(const struct postconf *pc, const char *name);

/* postconf_used.c */
void postconf_used_load(struct postconf *pc);
bool postconf_used_has(const struct postconf *pc, const char *name);

/* postconf_services.c */
/* Without REQUIRED a master.cf that cannot be opened is only warned of. */
void postconf_services_load(struct postconf *pc, bool required);
void postconf_services_free(struct postconf *pc);
/* The name=value of the -o at fields[*at]; moves *at behind it. False at the end. */
bool postconf_services_next_setting(const struct postconf_service *service, size_t *at,
                                    struct slice *ret_name, struct slice *ret_value);
/* Expand TEXT as the service would see it: its -o first, then main.cf. */
void postconf_services_expand(const struct postconf *pc, const struct postconf_service *service,
                              struct slice text, struct strbuf *out);

/* postconf_show.c */
void postconf_show(struct postconf *pc, char **names);
/* postconf_explain.c: -E; all parameters when NAMES is empty. False if one is not known. */
bool postconf_explain(const struct postconf *pc, char **names);
/* postconf_master.c: -M, -F, -P */
void postconf_master_show(struct postconf *pc, char what, char **requests);
void postconf_master_format(const struct postconf *pc, const struct postconf_service *service,
                            bool fold, struct strbuf *out);

/* postconf_print.c */
/* "name = value", white space in VALUE squeezed, folded with -f, as -h -H -j say. */
void postconf_print(const struct postconf *pc, const char *name, const char *value);
/* Append the words of TEXT to LINE; with FOLD a word that passes the margin starts a new line. */
void postconf_print_words(struct strbuf *line, struct slice text, bool fold);
void postconf_print_json(const char *name, const char *value);

/* postconf_templates.c: -b, -t. The texts of bounce(8), which prints them; FILE in the place of
 * bounce_template_file, "" for the built-in ones, NULL for the setting. */
void postconf_templates_show(const struct postconf *pc, bool is_expanded,
                             const char *file) NORETURN;

/* postconf_edit_main.c */
void postconf_edit_main(struct postconf *pc, enum postconf_edit edit, char **args);
/* postconf_edit_master.c: change master.cf; WHAT is M, F or P. */
void postconf_edit_master(struct postconf *pc, char what, enum postconf_edit edit, char **args);

#endif

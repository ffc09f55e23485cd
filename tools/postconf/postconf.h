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
    struct argv fields; /* eight fields, then arguments; "-o" and "name=value" are two, { } gone */
    size_t options_end; /* index of the first argument that is no option */
    struct argv used;   /* names set by its -o that its values refer to */
    int line;           /* of master.cf, where it begins */
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
    struct argv used;        /* names that some value of main.cf or master.cf refers to; sorted */
    struct argv overrides;   /* -o */
    struct argv checked;     /* files with settings of lookup tables that were looked at */

    bool failed; /* exit status 1 */
    bool fold, values_only, names_only, set_only, defaults, expand, json, quiet;
    unsigned classes; /* what to show */
};

void postconf_warn(const struct postconf *pc, const char *fmt, ...) PRINTF(2, 3);
void postconf_fatal(const struct postconf *pc, const char *fmt, ...) PRINTF(2, 3) NORETURN;

enum postconf_edit { EDIT_SET, EDIT_DELETE, EDIT_COMMENT };

/* postconf_tls.c */
/* Print what -T asks for; false: that is nothing known, which is told. */
bool postconf_tls_show(const struct postconf *pc, const char *what);

/* postconf_names.c */
void postconf_names_load(struct postconf *pc);
const struct postconf_name *postconf_names_find(const struct postconf *pc, const char *name);
bool postconf_names_read_only(const char *name); /* the program sets it, not the administrator */
/* Warn of settings that nothing uses and of names that are going away. */
void postconf_names_warn_main(const struct postconf *pc);
void postconf_names_warn_master(const struct postconf *pc);
/* Warn of what NAME, which nothing knows, may be a mistyping of. */
void postconf_names_say_near(const struct postconf *pc, const char *name);
/* The same when people see it: what scripts read is what Postfix prints. */
void postconf_names_hint(const struct postconf *pc, const char *name);

/* postconf_used.c */
/* Find what the values refer to and warn of names that nothing declares or sets. */
void postconf_used_load(struct postconf *pc);
bool postconf_used_has(const struct postconf *pc, const char *name);
/* postconf_tables.c: lookup tables that the expanded VALUE names. Those that are configured in
 * main.cf ("ldap:NAME" reads NAME_server_host) give their parameter names to REFER; files with
 * settings are checked, each once. FILE is for messages. */
typedef void (*postconf_refer)(void *ctx, struct slice name);
void postconf_tables_find(struct postconf *pc, const char *file, struct slice value,
                          postconf_refer refer, void *ctx);

/* postconf_split.c */
/* The words of LINE, an entry of master.cf, into SERVICE; false if it has too few. What cannot be
 * read is warned of and makes *RET_OK false. */
bool postconf_split(const struct postconf *pc, struct slice line, struct postconf_service *service,
                    bool *ret_ok);
/* The same for the words behind the eight fields, which are in SERVICE. */
void postconf_split_arguments(const struct postconf *pc, struct slice line,
                              struct postconf_service *service, bool *ret_ok);
/* Is TEXT read as one argument, and the same, without braces around it? */
bool postconf_split_is_word(struct slice text);
/* Take {text} off the front of *IN; false when the braces do not match. */
bool postconf_split_braces(struct slice *in, struct slice *ret_inner);

/* postconf_services.c */
extern const char *const postconf_field_names[]; /* of the eight fields */
enum { POSTCONF_COMMAND = 7 };
/* Without REQUIRED a master.cf that cannot be opened is only warned of. */
void postconf_services_load(struct postconf *pc, bool required);
void postconf_services_free(struct postconf *pc);
void postconf_services_done(struct postconf_service *service); /* its members */
bool postconf_services_field_ok(size_t field, const char *text);
/* Ends the program when a field of SERVICE has a value that no service can have. */
void postconf_services_check(const struct postconf *pc, const struct postconf_service *service,
                             struct slice line);
/* The name=value of the -o at fields[*at]; moves *at behind it. False at the end. */
bool postconf_services_next_setting(const struct postconf_service *service, size_t *at,
                                    struct slice *ret_name, struct slice *ret_value);
/* The value of NAME in a -o of SERVICE. */
bool postconf_services_setting(const struct postconf_service *service, struct slice name,
                               struct slice *ret_value);
/* Expand TEXT as the service would see it: its -o first, then main.cf; main.cf only for NULL. */
void postconf_services_expand(const struct postconf *pc, const struct postconf_service *service,
                              struct slice text, struct strbuf *out);

/* postconf_show.c */
void postconf_show(struct postconf *pc, char **names);
/* postconf_explain.c: -E; all parameters when NAMES is empty. False if one is not known. */
bool postconf_explain(const struct postconf *pc, char **names);
/* postconf_master.c: -M, -F, -P */
/* Cut "service/type/name" into at most three parts; parts left out are "*". How many are there, 4
 * for what is no such request: it has more, or "*" as a piece of a part, or begins with "/". */
size_t postconf_master_request(struct slice request, struct slice part[3]);
bool postconf_master_matches(const struct slice part[3], const struct postconf_service *service);
void postconf_master_show(struct postconf *pc, char what, char **requests);
/* The entry as it is written to master.cf, to be read again as it is. */
void postconf_master_format(const struct postconf *pc, const struct postconf_service *service,
                            struct strbuf *out);

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

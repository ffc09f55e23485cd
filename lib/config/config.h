/*
 * config: the main.cf of one instance: what the file says, what -o overrides, what $name means.
 *
 * Values are kept as written and expanded when read. Syntax and expansion are described in
 * docs/man/postconf.5 and follow postconf(5) "PARAMETER SYNTAX".
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/err.h"
#include "base/strbuf.h"

struct config;
struct param_row;

/* An empty configuration for directory DIR (owned copy); nothing is read yet. */
struct config *config_new(const char *dir);
void config_free(struct config *cfg);

/* Read DIR/main.cf. Errors name file and line. A later entry wins, with a warning kept for
 * config_warnings(). */
bool config_load(struct config *cfg, struct err *err);
/* What config_load() found odd, one text a line ("FILE, line N: overriding earlier entry: a=b").*/
const char *config_warnings(const struct config *cfg);

const char *config_dir(const struct config *cfg);

/* Act as if main.cf began with this line; for use before config_load(). */
void config_preset(struct config *cfg, const char *name, const char *value);
/* -o name=value. */
void config_override(struct config *cfg, const char *name, const char *value);

/* Declare rows whose defaults $name may refer to. Declared once per table; the rows must live as
 * long as CFG. The common rows are always declared. */
void config_declare(struct config *cfg, const struct param_row *rows);

/* The unexpanded value set in main.cf or by an override; NULL when not set. */
const char *config_set_value(const struct config *cfg, const char *name);
/* The same, or the declared default; NULL for an unknown name. */
const char *config_raw(const struct config *cfg, const char *name);
/* Where the value of NAME stands, for messages: "DIR/main.cf, line 12", "-o NAME" or "default
 * value". */
void config_where(const struct config *cfg, const char *name, struct strbuf *out);
/* The declaration of NAME, or NULL. */
const struct param_row *config_row(const struct config *cfg, const char *name);
/* The computed or declared default alone; NULL for an unknown name. */
const char *config_default(const struct config *cfg, const char *name);
/* Call FN for every name set in main.cf or overridden, in alphabetical order. */
void config_each(const struct config *cfg, void (*fn)(void *ctx, const char *name, const char *raw),
                 void *ctx);

/* A value the program computes at start, which acts as the default of NAME (myhostname, mydomain,
 * process_name, process_id, service_name, stress, ...). */
void config_set_default(struct config *cfg, const char *name, const char *value);

/* Expand $name, ${name}, $(name), ${name?text}, ${name:text}, ${name?{x}:{y}},
 * ${{left} op {right}?{x}:{y}}, $$. An undefined name expands to nothing. Recursion that does not
 * end, unbalanced braces and results over CONFIG_VALUE_MAX are errors of kind ERR_CONFIG. */
bool config_expand(const struct config *cfg, struct slice text, struct strbuf *out,
                   struct err *err);
/* The same expansion with another source of values: LOOKUP returns the unexpanded value of NAME or
 * NULL; for run-time macros such as those of default_rbl_reply or forward_path. */
typedef const char *(*config_lookup)(void *ctx, struct slice name);
bool config_expand_with(config_lookup lookup, void *ctx, struct slice text, struct strbuf *out,
                        struct err *err);
/* Call LOOKUP for every name in TEXT, whichever branch of a condition it is in; values are not
 * followed. False for the mistakes of syntax that config_expand() finds. */
bool config_scan(config_lookup lookup, void *ctx, struct slice text, struct err *err);
enum { CONFIG_VALUE_MAX = 1 << 20 };

/* Expanded value of NAME by kind, DEFAULT_TEXT (may hold $name) when it is neither set nor
 * declared. For names made at run time (TRANSPORT_destination_concurrency_limit). Limits as in
 * param_row. */
bool config_get_text(const struct config *cfg, const char *name, const char *default_text,
                     struct strbuf *out, struct err *err);
bool config_get_int(const struct config *cfg, const char *name, const char *default_text,
                    int64_t min, int64_t max, int64_t *ret, struct err *err);
bool config_get_bool(const struct config *cfg, const char *name, const char *default_text,
                     bool *ret, struct err *err);
bool config_get_time(const struct config *cfg, const char *name, const char *default_text,
                     int64_t min, int64_t max, int64_t *ret_seconds, struct err *err);

/* Split "name = value", white space around both dropped; else say in words what is missing. */
bool config_split(struct slice line, struct slice *ret_name, struct slice *ret_value,
                  const char **ret_mistake);

/* The directory to read: -c option, else MAIL_CONFIG, else /etc/postfix. */
const char *config_choose_dir(const char *option);

#endif

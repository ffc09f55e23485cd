/*
 * known_params: every parameter there is, of all programs, those that nothing reads yet included.
 *
 * For programs that speak about parameters: postconf, checks of main.cf. A program's own rows are
 * in NAME_params.h. The build collects the tables and what is known of each row
 * (lib/config/param_tables.py).
 */
#ifndef CONFIG_KNOWN_PARAMS_H
#define CONFIG_KNOWN_PARAMS_H

#include "base/slice.h"
#include "config/param.h"

/* All rows, ended by one without name; no name is there twice. */
extern const struct param_row known_param_rows[];

struct known_param_facts {
    const char *name;
    const char *comes_with; /* the part that would read it and is not built; NULL: built */
    const char *pointless;  /* why there is nothing to set; NULL: there is */
    const char *readers;    /* programs that read it, separated by blanks */
    const char *words;      /* what the value, or an item of it, may be; NULL: not fixed words */
};

/* NULL for a name that is in no table. */
const struct known_param_facts *known_param_facts(const char *name);

/* Parameters named after a service of master.cf: SERVICE_suffix. */
enum param_pattern_owner {
    PATTERN_transport, /* services that deliver mail */
    PATTERN_command,   /* services that run a command */
};

struct param_pattern {
    struct param_row row; /* its name is the suffix, "_" in front */
    enum param_pattern_owner owner;
};

extern const struct param_pattern known_param_patterns[]; /* ended by one whose row has no name */

/* The pattern that NAME is made by, and the service it names; NULL when there is none. The service
 * need not exist. */
const struct param_pattern *known_param_pattern_of(const char *name, struct slice *ret_service);
/* Does a service that runs COMMAND (last field but the arguments in master.cf) have such names? */
bool param_pattern_is_for(const struct param_pattern *pattern, const char *command);

struct old_param {
    const char *name;
    const char *instead; /* "": nothing takes its place */
    bool is_hidden;      /* not listed unless it is set */
};

/* The names that still work, or once did, and are going away; NULL for others. */
const struct old_param *known_param_old(const char *name);

/* Up to MOST names that NAME may be a mistyping of, the likeliest first. Returns how many. */
size_t known_param_near(const char *name, const char **ret, size_t most);

#endif

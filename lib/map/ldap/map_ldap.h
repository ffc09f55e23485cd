/* map_ldap: what the files of the ldap table type share (ldap_table(5)). */
#ifndef MAP_LDAP_MAP_LDAP_H
#define MAP_LDAP_MAP_LDAP_H

#include "base/argv.h"
#include "io/deadline.h"
#include "map/map_conf.h"
#include "map/map_outage.h"
#include "map/map_query.h"

#include <ldap.h>

#define PARAM_OWNER map_ldap
#define PARAM_FILE  "map/ldap/map_ldap_rows.def"
#define PARAM_PER_TABLE
#include "config/param_struct.h"

enum map_ldap_bind { MAP_LDAP_BIND_NONE, MAP_LDAP_BIND_SIMPLE, MAP_LDAP_BIND_SASL };

/* What an attribute of an entry is for. */
enum map_ldap_role {
    MAP_LDAP_RESULT,
    MAP_LDAP_SPECIAL,
    MAP_LDAP_TERMINAL,
    MAP_LDAP_LEAF,
};

struct map_ldap {
    struct map map;
    char *where; /* the settings: a file, or the prefix of names in main.cf */
    struct map_ldap_params conf;
    struct map_query *query;
    char *uris;
    enum map_ldap_bind bind;
    int scope;
    int64_t size_limit;
    struct argv attributes;    /* all that are asked for */
    enum map_ldap_role *roles; /* of each of them */
    LDAP *ld;                  /* or NULL */
    struct map_outage outage;
};

/* How an LDAP operation ended. */
enum map_ldap_status {
    MAP_LDAP_OK,
    MAP_LDAP_FAILED, /* the server is well; asking again would not help */
    MAP_LDAP_LOST,   /* the connection is of no use any more */
};

/* map_ldap_connect.c: opens table->ld, with TLS and bind as the settings say. */
bool map_ldap_connect(struct map_ldap *table, struct deadline deadline, struct err *err);
void map_ldap_disconnect(struct map_ldap *table);
/* Time for one operation, which `timeout` bounds as well. */
struct timeval map_ldap_time(const struct map_ldap *table, struct deadline deadline);
enum map_ldap_status map_ldap_error(const struct map_ldap *table, const char *what, int code,
                                    struct err *err);

/* map_ldap_search.c: look KEY up; results are added to VALUE. */
enum map_ldap_status map_ldap_search(struct map_ldap *table, const char *key, struct strbuf *value,
                                     size_t *ret_count, struct deadline deadline, struct err *err);

#endif

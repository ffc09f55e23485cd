/*
 * map: one lookup table, "type:name". A table type is a driver; map_drivers.c lists them.
 *
 * "Not there" and "could not look" are different answers, and the caller must handle both.
 * A table that cannot be opened still gives a map, whose every look-up fails with the reason: one
 * bad table must not stop a service from starting.
 */
#ifndef MAP_MAP_H
#define MAP_MAP_H

#include "base/err.h"
#include "base/strbuf.h"

enum map_status { MAP_FOUND, MAP_NOT_FOUND, MAP_FAILED };

enum map_flags {
    MAP_READ = 0,
    MAP_WRITE = 1 << 0,        /* update in place, created when missing */
    MAP_REBUILD = 1 << 1,      /* built anew under a temporary name, in place at map_commit() */
    MAP_FOLD = 1 << 2,         /* fold the key to lower case first (fixed-string tables) */
    MAP_FOLD_PATTERN = 1 << 3, /* the same for regexp/pcre-like tables */
    MAP_KEEP_DUPLICATES_QUIET = 1 << 4, /* map_put: replace without complaint */
    MAP_UTF8 = 1 << 5,                  /* refuse keys and values that are not UTF-8 */
    MAP_IGNORE_DUPLICATES = 1 << 6,     /* map_put: keep the first entry without complaint */
    MAP_WITH_NUL = 1 << 7,     /* keys and values end in NUL (files that leave the choice) */
    MAP_WITHOUT_NUL = 1 << 8,  /* they do not; neither: try both, write with */
    MAP_DEFAULT_MODE = 1 << 9, /* a new file gets mode 0644, not that of its source */
    MAP_MANY_KEYS = 1 << 10,   /* a million look-ups, say, will follow: see map_pause() */
    MAP_FILES = 1 << 11,       /* values of types that are read when opened name files: give their
                                  content, in base64 */
    MAP_TRY_LOCK = 1 << 12,    /* with MAP_WRITE: a table that somebody else writes is an error */
    MAP_NO_GROUPS = 1 << 13,   /* regexp/pcre: skip rules with $1 and the like, because what a
                                  stranger wrote must not become part of the result */
    MAP_SENSITIVE = 1 << 14,   /* the result decides about the rights of a user: ask the table
                                  directly and not proxymap(8), and no tcp: or socketmap: server */
};

struct config;

/* What main.cf says about tables; see map_set_options(). */
struct map_options {
    size_t berkeley_db_create_buffer_size, berkeley_db_read_buffer_size, lmdb_map_size;
    const char *meta_directory, *shlib_directory; /* of plugins; NULL: beside the program only */
    size_t socketmap_max_query_size, socketmap_max_reply_size;
    int64_t remote_timeout_ms;   /* remote_table_timeout: for one look-up in a table of a server */
    const struct config *config; /* settings "type:name" of client tables; NULL: there are none */
    /* Sockets of proxymap(8), for reading and for updating proxy: tables; NULL: open them directly.
     * Reading goes through it for remote tables, so that their connections are shared; for all with
     * IS_JAILED. Updating always does: there is one process that writes. */
    const char *proxy_path, *proxy_write_path;
    bool is_jailed;
    /* Does anybody else wait while this process waits for a table (event-driven services)? NULL:
     * no. */
    bool (*others_wait)(void);
    /* Told of each warning of a table (map_warnings()), in the thread that set the options. */
    void (*on_warning)(const char *text);
    /* Told why a table does not open, before map_open() gives its stand-in. */
    void (*on_unavailable)(const char *reason);
};
/* What CFG says, common_params being loaded from it; CFG must live as long as tables are opened. */
struct map_options map_options_of(const struct config *cfg);
/* Called once at start; read-only afterwards. */
void map_set_options(const struct map_options *options);
const struct map_options *map_get_options(void);

struct map;

struct map_driver {
    const char *type;   /* the word before the colon */
    bool is_pattern;    /* patterns see only the whole key, never partial ones */
    const char *suffix; /* of the file that holds the table (".db"), or NULL */
    bool has_raw_key; /* the key is given as is, not folded (regexp, pcre, cidr, static, tcp...) */
    bool is_remote;   /* a look-up may block: map_open() puts it behind a time limit (map_guard) */
    /* NAME is what follows the colon. NULL with ERR set when it cannot be opened. */
    struct map *(*open)(const char *name, enum map_flags flags, struct err *err);
};

/* Every driver's map starts with this. Functions a type lacks are NULL. */
struct map {
    const struct map_driver *driver;
    char *name; /* "type:name" */
    enum map_flags flags;
    const char *server;     /* of remote tables: what the settings call it; NULL: not known */
    bool is_pattern;        /* from the driver; combined tables inherit it from their members */
    struct strbuf warnings; /* see map_warnings() */
    struct strbuf folded;   /* private to map_find() */
    enum map_status (*find)(struct map *, const char *key, struct strbuf *value, struct err *err);
    bool (*put)(struct map *, const char *key, const char *value, struct err *err);
    enum map_status (*remove)(struct map *, const char *key, struct err *err);
    /* First entry when FIRST, else the next one. */
    enum map_status (*next)(struct map *, bool first, struct strbuf *key, struct strbuf *value,
                            struct err *err);
    /* A rebuild takes its place; an update in place reaches the disk. */
    bool (*commit)(struct map *, struct err *err);
    bool (*pause)(struct map *, struct err *);
    void (*hint)(struct map *, const char *key); /* see map_hint() */
    bool (*has_changed)(struct map *);           /* the source is newer than what we read */
    /* Of remote tables, called now and then between look-ups: close what nobody used for a while.
     * False: nothing is open any more. */
    bool (*tidy)(struct map *);
    void (*close)(struct map *);
};

/* Open "type:name"; relative names belong to the working directory. Never NULL. */
struct map *map_open(const char *type_and_name, enum map_flags flags);
/* The same for tools: NULL with the reason instead of a map that always fails. */
struct map *map_open_strict(const char *type_and_name, enum map_flags flags, struct err *err);
void map_close(struct map *map);
enum map_status map_find(struct map *map, const char *key, struct strbuf *value, struct err *err);
bool map_put(struct map *map, const char *key, const char *value, struct err *err);
enum map_status map_remove(struct map *map, const char *key, struct err *err);
/* Of a map with MAP_MANY_KEYS, which spends memory on look-ups and may keep a lock from one to the
 * next: no question follows for now, so that writers can have the table. False: it was cut off, and
 * what it said since the last pause may be wrong. */
bool map_pause(struct map *map, struct err *err);
/* KEY is asked for soon, as one of the next two: time to have the memory fetched where its answer
 * is. */
void map_hint(struct map *map, struct slice key);
bool map_has_changed(struct map *map);
/* What the table's reader or writer found odd since the last call of map_warnings_clear(), one text
 * a line: rules skipped, duplicate entries, keys that are not UTF-8. "" when all is well. */
const char *map_warnings(const struct map *map);
void map_warnings_clear(struct map *map);
/* The driver of TYPE, loaded when it is a plugin (map/map_plugin.h); NULL with ERR set. */
const struct map_driver *map_driver_find(struct slice type, struct err *err);
/* Those that need no plugin: NULL-terminated, alphabetical. */
const struct map_driver *const *map_drivers(void);

/* For drivers. */
/* SIZE bytes, zeroed, that begin with a struct map; the name and flags are filled by map_open(). */
void *map_alloc(size_t size);
void map_warn(struct map *map, const char *fmt, ...) PRINTF(2, 3);

#endif

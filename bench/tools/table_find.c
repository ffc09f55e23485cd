/*
 * table_find: what a look-up costs in the library of a table type, without anything around it.
 *
 *     table_find TYPE FILE KEYS      TYPE: hash, btree, lmdb or cdb; FILE with its suffix
 *
 * Looks up each line of KEYS (with a NUL behind it in hash, btree and lmdb tables, without in cdb,
 * as postmap(1) of Debian's Postfix writes them) and prints how many were found and the CPU seconds
 * of that, reading of KEYS not counted. No locks, no checks, no output: the library alone.
 */
#include "base/xmem.h"

#include <cdb.h>
#include <db.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct keys {
    char *text;
    size_t size;
};

static void fail(const char *what)
{
    fprintf(stderr, "table_find: %s\n", what);
    exit(1);
}

static void must(bool ok, const char *what)
{
    if (!ok)
        fail(what);
}

static struct keys read_keys(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0 && fstat(fd, &st) == 0, path);
    struct keys keys = {xmalloc((size_t)st.st_size + 1), (size_t)st.st_size};
    must(read(fd, keys.text, keys.size) == st.st_size, path);
    close(fd);
    for (size_t i = 0; i < keys.size; i++)
        if (keys.text[i] == '\n')
            keys.text[i] = 0;
    keys.text[keys.size] = 0;
    return keys;
}

static double cpu_seconds(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static size_t find_db(const char *path, struct keys keys)
{
    DB *db;
    struct stat st;
    size_t found = 0;
    must(stat(path, &st) == 0 && db_create(&db, NULL, 0) == 0, path);
    db->set_cachesize(db, 0, (u_int32_t)st.st_size / 4 * 5, 0);
    must(db->open(db, NULL, path, NULL, DB_UNKNOWN, DB_RDONLY | DB_NOMMAP, 0) == 0, path);
    for (char *key = keys.text; key < keys.text + keys.size; key += strlen(key) + 1) {
        DBT k = {.data = key, .size = (u_int32_t)strlen(key) + 1}, v = {0};
        found += db->get(db, NULL, &k, &v, 0) == 0;
    }
    db->close(db, DB_NOSYNC);
    return found;
}

static size_t find_lmdb(const char *path, struct keys keys)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    size_t found = 0;
    must(mdb_env_create(&env) == 0 &&
             mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_RDONLY, 0) == 0 &&
             mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0 &&
             mdb_dbi_open(txn, NULL, 0, &dbi) == 0,
         path);
    for (char *key = keys.text; key < keys.text + keys.size; key += strlen(key) + 1) {
        MDB_val k = {strlen(key) + 1, key}, v;
        found += mdb_get(txn, dbi, &k, &v) == 0;
    }
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return found;
}

static size_t find_cdb(const char *path, struct keys keys)
{
    struct cdb cdb;
    size_t found = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0 && cdb_init(&cdb, fd) == 0, path);
    for (char *key = keys.text; key < keys.text + keys.size; key += strlen(key) + 1)
        found += cdb_find(&cdb, key, (unsigned)strlen(key)) > 0;
    cdb_free(&cdb);
    close(fd);
    return found;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *type;
        size_t (*find)(const char *path, struct keys keys);
    } types[] = {{"hash", find_db}, {"btree", find_db}, {"lmdb", find_lmdb}, {"cdb", find_cdb}};
    if (argc != 4)
        fail("usage: table_find TYPE FILE KEYS");
    struct keys keys = read_keys(argv[3]);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].type, argv[1]) != 0)
            continue;
        double start = cpu_seconds();
        size_t found = types[i].find(argv[2], keys);
        printf("%zu found, %.2f s\n", found, cpu_seconds() - start);
        free(keys.text);
        return 0;
    }
    fail("TYPE is hash, btree, lmdb or cdb");
}

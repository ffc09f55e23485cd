/* fuzz_map_memcache: the answer of a memcached server to "get". */
#include "tests/fuzz/served.h"

static char conf[] = "/tmp/fuzz_map_memcache.XXXXXX";

static void remove_conf(void)
{
    unlink(conf);
}

/* The settings of the table, in a file. */
static void write_conf(void)
{
    FILE *file = fdopen(mkstemp(conf), "w");
    if (!file)
        abort();
    fprintf(file, "memcache = inet:%s\nmax_try = 1\ntimeout = 10\n", served_endpoint());
    fclose(file);
    atexit(remove_conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    if (served.listener < 0)
        write_conf();
    enum map_status status = served_find("memcache", conf, "key", data, size, &value);
    if (status != MAP_FAILED && !memmem(data, size, "END", 3))
        abort();
    if (status == MAP_FOUND && (!memmem(data, size, "VALUE", 5) || value.len > size))
        abort();
    return 0;
}

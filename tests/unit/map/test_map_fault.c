/* Files that are damaged or cut off while a table is open must not end the process, nor be taken
 * for tables that lack the key. */
#include <sys/mman.h>
#undef MAP_FAILED /* the tables have one, too */

#include "map/map.h"
#include "map/map_fault.h"

#include "base/xmem.h"
#include "io/fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { KEYS = 3000, TRIALS = 60, HANG_SECONDS = 60 };

static char dir[] = "/tmp/test_map_fault.XXXXXX";
static const char *const tables[] = {"lmdb:t", "cdb:t", "hash:t", "btree:t"};
static const char *const files[] = {"t.lmdb", "t.cdb", "t.db", "t.db"};
static const bool can_update[] = {true, false, true, true};
/* Berkeley DB may go round in circles in a damaged file, as it does in Postfix */
static const bool survives_garbage[] = {true, true, false, false};

static int enter_dir(void **unused)
{
    (void)unused;
    return mkdtemp(dir) && chdir(dir) == 0 ? 0 : 1;
}

static int leave_dir(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(files); i++)
        unlink(files[i]);
    unlink("map");
    return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : 1;
}

static const char *key_of(int n)
{
    static char key[32];
    snprintf(key, sizeof key, "key%d", n);
    return key;
}

static bool build(const char *table)
{
    struct err err = ERR_INIT;
    struct map *map = map_open_strict(table, MAP_REBUILD, &err);
    if (!map) {
        print_message("  %s: %s\n", table, err.reason);
        return false;
    }
    for (int n = 0; n < KEYS; n++)
        assert_true(
            map_put(map, key_of(n), "a value of some length, so that it is many pages", &err));
    assert_true(map->commit(map, &err));
    map_close(map);
    return true;
}

static volatile const char *page;

static void read_page(void *ctx)
{
    (void)ctx;
    (void)page[0];
}

static void give_up(void *ctx)
{
    map_fault_give_up();
    *(bool *)ctx = true;
}

static void faults_are_answers(void **unused)
{
    (void)unused;
    bool came_back = false;
    int fd = open("map", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, 4096), 0);
    char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(map != (char *)-1);
    page = map;
    map_fault_init();
    for (int round = 0; round < 3; round++) {
        assert_int_equal(ftruncate(fd, 4096), 0);
        assert_true(map_fault_try(read_page, NULL));
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_false(map_fault_try(read_page, NULL));
        assert_false(map_fault_try(give_up, &came_back));
    }
    munmap(map, 4096);
    assert_false(map_fault_try(read_page, NULL));
    assert_false(came_back);
    map_fault_give_up(); /* nothing is under way */
    close(fd);
}

/* How a child ended that ran WORK(CTX). */
static int run_apart(void (*work)(const char *), const char *table)
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(HANG_SECONDS);
        work(table);
        _exit(0);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return status;
}

static void fault_outside(const char *unused)
{
    (void)unused;
    signal(SIGSEGV, SIG_DFL); /* instead of the test library's */
    map_fault_init();
    raise(SIGSEGV);
}

static void other_faults_stay_what_they_are(void **unused)
{
    (void)unused;
    int status = run_apart(fault_outside, NULL);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* At every length a file can be cut to, a key that was there is found or cannot be looked up. */
static void a_cut_is_never_absence(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        struct err err = ERR_INIT;
        struct stat st;
        if (!build(tables[i]))
            continue;
        struct map *map = map_open_strict(tables[i], MAP_READ, &err);
        assert_non_null(map);
        assert_int_equal(map_find(map, key_of(7), &value, &err), MAP_FOUND);
        assert_int_equal(stat(files[i], &st), 0);
        int failures = 0;
        for (off_t size = st.st_size - 1; size > 0; size -= 1 + size / 40) {
            assert_int_equal(truncate(files[i], size), 0);
            for (int n = 0; n < KEYS; n += 97) {
                map_hint(map, slice_of(key_of(n + 97)));
                enum map_status status = map_find(map, key_of(n), &value, &err);
                assert_int_not_equal(status, MAP_NOT_FOUND);
                failures += status == MAP_FAILED;
                if (status == MAP_FOUND)
                    assert_string_equal(value.s,
                                        "a value of some length, so that it is many pages");
            }
        }
        assert_true(failures > 0);
        assert_non_null(strstr(err.reason, "file was cut off"));
        map_close(map);
        unlink(files[i]);
    }
}

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            print_message("  %s: not so: %s (%s)\n", table, #what, err.reason);                    \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static const char *file_of(const char *table)
{
    size_t i = 0;
    while (strcmp(tables[i], table) != 0)
        i++;
    return files[i];
}

/* In a process of its own: what the libraries hold of such a table is never given back. */
static void cut_under_an_update(const char *table)
{
    struct err err = ERR_INIT;
    struct stat st;
    const char *file = file_of(table);
    struct map *map = map_open_strict(table, MAP_WRITE, &err);
    CHECK(map);
    CHECK(map_put(map, "one more", "value", &err));
    CHECK(stat(file, &st) == 0);
    off_t left = st.st_size / 8192 * 4096;
    CHECK(truncate(file, left) == 0);
    bool ok = map_put(map, "another", "value", &err);
    for (int n = 0; n < KEYS && ok; n++)
        ok = map_remove(map, key_of(n), &err) != MAP_FAILED;
    CHECK(!(ok && map->commit(map, &err)));
    CHECK(strstr(err.reason, "file was cut off"));
    map_close(map);
    CHECK(stat(file, &st) == 0 && st.st_size == left); /* nothing was written behind it */
    CHECK(!map_open_strict(table, MAP_READ, &err));
    CHECK(strstr(err.reason, "file was cut off"));
    CHECK(!map_open_strict(table, MAP_WRITE, &err));
}

/* What is cut off while it is being updated stays so, and is not taken for a table without the
 * keys. */
static void a_cut_under_an_update_is_seen(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        if (!can_update[i] || !build(tables[i]))
            continue;
        assert_int_equal(run_apart(cut_under_an_update, tables[i]), 0);
        assert_true(build(tables[i])); /* it can be built again */
        unlink(files[i]);
    }
}

/* Reading only: in an update LMDB copies what a damaged page says over its own memory. */
static void use(const char *table)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    struct map *map = map_open_strict(table, MAP_READ, &err);
    if (!map)
        return;
    for (int n = 0; n < KEYS; n += 7) {
        map_hint(map, slice_of(key_of(n + 14)));
        map_find(map, key_of(n), &value, &err);
    }
    bool first = true;
    while (map->next && map->next(map, first, &key, &value, &err) == MAP_FOUND)
        first = false;
    map_close(map);
}

static unsigned random_below(unsigned limit)
{
    static uint64_t state = 88172645463325252U; /* xorshift; the same each time */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % limit;
}

/* Some bytes, or a whole page, of what is SIZE bytes at TEXT. */
static void damage(char *text, size_t size, int trial)
{
    size_t at = random_below((unsigned)size);
    if (trial % 3 == 0) /* the first pages say how to read the rest */
        at = random_below(256);
    if (trial % 5 == 4) {
        at = at / 4096 * 4096;
        for (size_t i = at; i < MIN(at + 4096, size); i++)
            text[i] = trial % 2 ? 0 : (char)random_below(256);
        return;
    }
    for (int n = 0; n <= trial % 7; n++, at = random_below((unsigned)size))
        text[at] = (char)random_below(256);
    for (int n = 0; n < trial % 4; n++) /* where a page has its counters and its first offsets */
        text[random_below((unsigned)(size / 4096)) * 4096U + 10 + random_below(20)] =
            (char)random_below(256);
}

static void garbage_ends_nobody(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        if (!survives_garbage[i] || !build(tables[i]))
            continue;
        struct stat st;
        CLEANUP(fd_done) int fd = open(files[i], O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0 && fstat(fd, &st) == 0);
        size_t size = (size_t)st.st_size;
        CLEANUP(xfree_ptr) char *good = xmalloc(size);
        CLEANUP(xfree_ptr) char *bad = xmalloc(size);
        assert_int_equal(pread(fd, good, size, 0), size);
        for (int trial = 0; trial < TRIALS; trial++) {
            memcpy(bad, good, size);
            damage(bad, size, trial);
            assert_int_equal(ftruncate(fd, st.st_size), 0);
            assert_int_equal(pwrite(fd, bad, size, 0), size);
            int status = run_apart(use, tables[i]);
            if (status != 0)
                print_message("  %s, trial %d: status %x\n", tables[i], trial, (unsigned)status);
            assert_int_equal(status, 0);
        }
        unlink(files[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_answers),     cmocka_unit_test(other_faults_stay_what_they_are),
        cmocka_unit_test(a_cut_is_never_absence), cmocka_unit_test(a_cut_under_an_update_is_seen),
        cmocka_unit_test(garbage_ends_nobody),
    };
    return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}

/* map_suspect: see the header. */
#include "map/map_suspect.h"

#include "base/clock.h"
#include "base/xmem.h"

#include <pthread.h>

enum { SERVERS_MAX = 32, HELD_MS = 60 * 1000 };

struct suspect {
    const struct map_driver *driver;
    char *server; /* as the settings name it */
    int64_t until_ms;
};

static struct suspect suspects[SERVERS_MAX]; /* the oldest makes room */
static size_t count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* With the lock. */
static struct suspect *find(const struct map *map)
{
    for (size_t i = 0; map->server && i < count; i++)
        if (suspects[i].driver == map->driver && strcmp(suspects[i].server, map->server) == 0)
            return &suspects[i];
    return NULL;
}

static void forget(struct suspect *suspect)
{
    free(suspect->server);
    size_t behind = (size_t)(&suspects[count] - (suspect + 1));
    memmove(suspect, suspect + 1, behind * sizeof *suspect);
    count--;
}

void map_suspect_add(const struct map *map)
{
    pthread_mutex_lock(&lock);
    struct suspect *known = find(map);
    if (known)
        forget(known);
    if (map->server) {
        if (count == SERVERS_MAX)
            forget(&suspects[0]);
        suspects[count++] =
            (struct suspect){map->driver, xstrdup(map->server), clock_now_ms() + HELD_MS};
    }
    pthread_mutex_unlock(&lock);
}

void map_suspect_clear(const struct map *map)
{
    pthread_mutex_lock(&lock);
    struct suspect *known = find(map);
    if (known)
        forget(known);
    pthread_mutex_unlock(&lock);
}

bool map_suspect_has(const struct map *map)
{
    pthread_mutex_lock(&lock);
    const struct suspect *known = find(map);
    bool is_held = known && known->until_ms > clock_now_ms();
    pthread_mutex_unlock(&lock);
    return is_held;
}

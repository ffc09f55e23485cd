#include "postscreen/psc_client_count.h"

#include "base/xmem.h"

#include <stdlib.h>
#include <uthash.h>

struct client {
    size_t count;
    UT_hash_handle hh;
    char address[];
};

struct psc_client_count {
    struct client *clients;
};

struct psc_client_count *psc_client_count_new(void)
{
    return xzalloc(sizeof(struct psc_client_count));
}

void psc_client_count_free(struct psc_client_count *counts)
{
    struct client *c, *next;
    if (!counts)
        return;
    HASH_ITER (hh, counts->clients, c, next) {
        HASH_DEL(counts->clients, c);
        free(c);
    }
    free(counts);
}

size_t psc_client_count_add(struct psc_client_count *counts, const char *address)
{
    struct client *c;
    HASH_FIND_STR(counts->clients, address, c);
    if (!c) {
        size_t size = strlen(address) + 1;
        c = xzalloc(sizeof *c + size);
        memcpy(c->address, address, size);
        HASH_ADD_STR(counts->clients, address, c);
    }
    return ++c->count;
}

void psc_client_count_remove(struct psc_client_count *counts, const char *address)
{
    struct client *c;
    HASH_FIND_STR(counts->clients, address, c);
    if (!c || --c->count > 0)
        return;
    HASH_DEL(counts->clients, c);
    free(c);
}

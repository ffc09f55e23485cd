#include "smtp/smtp_native.h"

#include "base/xmem.h"
#include "smtp/smtp_client.h"

#include <netdb.h>
#include <string.h>

enum { NATIVE_MAX = 100 };

struct smtp_native {
    char *name;
    smtp_native_fn fn; /* NULL: cancelled */
    void *owner;
    struct smtp_native_address addresses[NATIVE_MAX];
    size_t count;
    int status;
};

static void run(void *job)
{
    struct smtp_native *n = job;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    n->status = getaddrinfo(n->name, NULL, &hints, &found);
    for (struct addrinfo *a = n->status == 0 ? found : NULL; a && n->count < NATIVE_MAX;
         a = a->ai_next) {
        struct smtp_native_address *address = &n->addresses[n->count++];
        memcpy(&address->address, a->ai_addr, a->ai_addrlen);
        address->len = a->ai_addrlen;
    }
    if (n->status == 0)
        freeaddrinfo(found);
}

static void done(void *job)
{
    struct smtp_native *n = job;
    struct err err = ERR_INIT;
    bool is_missing = n->status == EAI_NONAME || n->status == EAI_NODATA;
    if (n->count == 0)
        err_set(&err, is_missing ? ERR_PERM : ERR_TEMP, "unable to look up host %s: %s", n->name,
                n->status ? gai_strerror(n->status) : "no address");
    if (n->fn)
        n->fn(n->owner, n->addresses, n->count, &err);
    free(n->name);
    free(n);
}

struct smtp_native *smtp_native_find(const char *name, smtp_native_fn fn, void *owner)
{
    struct smtp_native *n = xzalloc(sizeof *n);
    n->name = xstrdup(name);
    n->fn = fn;
    n->owner = owner;
    work_submit(smtp_client.pool, run, done, n);
    return n;
}

void smtp_native_cancel(struct smtp_native *lookup)
{
    if (lookup)
        lookup->fn = NULL; /* the thread cannot be called back; it is freed when done */
}

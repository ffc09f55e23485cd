#include "postscreen/psc_upstream.h"

#include "base/xmem.h"
#include "postscreen/postscreen_params.h"
#include "postscreen/psc_server.h"
#include "postscreen/psc_session.h"
#include "service/service_upstream.h"

#include <stdlib.h>
#include <unistd.h>

struct psc_upstream {
    struct psc_server *server;
    struct haproxy_peers ends;
};

bool psc_upstream_is_set(void)
{
    return service_upstream_is_set("postscreen_upstream_proxy_protocol",
                                   postscreen_params.postscreen_upstream_proxy_protocol);
}

/* Without a header whoever is there is no client of ours: nothing is said to it. */
static void on_header(void *owner, int fd, const struct haproxy_peers *told)
{
    struct psc_upstream *u = owner;
    if (!told) {
        close(fd);
        u->server->on_session_end();
    } else {
        psc_session_start(u->server, fd, told->is_proxied ? told : &u->ends);
    }
    free(u);
}

void psc_upstream_start(struct psc_server *server, int fd, const struct haproxy_peers *ends)
{
    struct psc_upstream *u = xzalloc(sizeof *u);
    *u = (struct psc_upstream){.server = server, .ends = *ends};
    service_upstream_start(server->loop, fd, postscreen_params.postscreen_upstream_proxy_timeout,
                           on_header, u);
}

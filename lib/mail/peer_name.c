#include "mail/peer_name.h"

#include "base/strbuf.h"
#include "io/sock.h"
#include "mail/address.h"

#include <stdio.h>
#include <string.h>

bool peer_name_init(struct peer_name *p, const char *address, int port)
{
    *p = (struct peer_name){.length = 0};
    snprintf(p->text, sizeof p->text, "%s", address);
    return sock_address_parse(address, port, &p->address, &p->length);
}

/* NAME must be a host name, not an address in disguise that somebody put into his reverse zone. */
static bool name_is_usable(struct peer_name *p)
{
    struct sockaddr_storage address;
    socklen_t length;
    if (sock_address_parse(p->name, 0, &address, &length)) {
        snprintf(p->error, sizeof p->error, "numeric hostname: %.100s", p->name);
        return false;
    }
    return address_is_hostname(slice_of(p->name));
}

static bool same_host(const struct sockaddr *found, const struct peer_name *p)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    sock_address_text(found, &text);
    return strcmp(text.s, p->text) == 0;
}

static void confirm(struct peer_name *p)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int status = getaddrinfo(p->name, NULL, &hints, &list);
    for (struct addrinfo *at = status == 0 ? list : NULL; at && !p->confirmed; at = at->ai_next)
        p->confirmed = same_host(at->ai_addr, p);
    if (status == 0)
        freeaddrinfo(list);
    p->temporary = status == EAI_AGAIN;
    if (!p->confirmed)
        snprintf(p->error, sizeof p->error, "hostname %.80s does not resolve to address %s%s%s",
                 p->name, p->text, status ? ": " : "", status ? gai_strerror(status) : "");
}

void peer_name_find(struct peer_name *p)
{
    int status = getnameinfo((struct sockaddr *)&p->address, p->length, p->name, sizeof p->name,
                             NULL, 0, NI_NAMEREQD);
    p->temporary = status == EAI_AGAIN;
    p->found = status == 0 && name_is_usable(p);
    if (p->found)
        confirm(p);
}

/*
 * Fast flush: mail that was deferred for a site whose domain fast_flush_domains lists is entered in
 * that site's list, so that ETRN and `postqueue -s` find it.
 */
#include "delivery/delivery_flush.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "mail/flush_client.h"
#include "map/map_host.h"

static struct match_list *eligible;
static struct flush_client *client;

void delivery_flush_open_list(void)
{
    static const char title[] = "fast_flush_domains";
    unsigned flags = map_host_parents_match(title) ? MATCH_PARENT : 0;
    eligible = match_list_new(title, common_params.fast_flush_domains, MATCH_DOMAIN, flags);
}

bool delivery_flush_is_stale(void)
{
    return match_list_has_changed(eligible);
}

void delivery_flush_open(struct loop *loop)
{
    CLEANUP(xfree_ptr) char *path = xasprintf("public/%s", common_params.flush_service_name);
    client = flush_client_new(loop, path, common_params.ipc_timeout * 1000, eligible);
}

void delivery_flush_add(const char *queue_id, const struct recipient *rcpt)
{
    if (client)
        flush_client_add(client, rcpt->address, queue_id);
}

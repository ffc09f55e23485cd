#include "smtp/smtp_generic.h"

#include "config/common_params.h"
#include "mail/address.h"
#include "mail/header.h"
#include "map/map_address.h"

#include <string.h>

enum { ADDRESS_MAX = 4096, HEADER_MAX = 1024 * 1024 };

bool smtp_generic_is_on(void)
{
    return !maps_is_empty(smtp_client.generic_maps);
}

/* The replacement for ADDRESS; NOT_FOUND: it stays. */
static enum map_status rewrite(const char *address, struct strbuf *out, struct err *err)
{
    struct local_domains_query own = {smtp_client.local_domains, err, false};
    const struct map_address_query query = {
        .address = address,
        .keys = MAP_ADDR_REWRITE,
        .recipient_delimiter = common_params.recipient_delimiter,
        .is_local = local_domains_own_bare_names,
        .ctx = &own,
    };
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_INIT(ADDRESS_MAX);
    CLEANUP(strbuf_done) struct strbuf extension = STRBUF_INIT(ADDRESS_MAX);
    bool is_domain = false;
    enum map_status status = *address ? map_address_find(smtp_client.generic_maps, &query, &value,
                                                         &extension, &is_domain, err)
                                      : MAP_NOT_FOUND;
    if (own.has_failed)
        return MAP_FAILED;
    if (status != MAP_FOUND)
        return status;
    struct slice local, domain, from, rest;
    CLEANUP(strbuf_done) struct strbuf internal = STRBUF_INIT(ADDRESS_MAX);
    address_to_internal(strbuf_slice(&value), &internal);
    bool has_domain = address_split(strbuf_slice(&internal), &local, &domain);
    if (!has_domain)
        local = strbuf_slice(&internal);
    if (local.len == 0 && address_split(slice_of(address), &from, &rest))
        local = from; /* "@new" replaces the domain alone */
    strbuf_add_slice(out, local);
    if (extension.len > 0 && !is_domain &&
        strstr(common_params.propagate_unmatched_extensions, "generic"))
        strbuf_add_slice(out, strbuf_slice(&extension));
    strbuf_add_char(out, '@');
    strbuf_add_slice(out, has_domain ? domain : slice_of(common_params.myorigin));
    return MAP_FOUND;
}

static bool sent_form(struct smtp_delivery *d, const char *address, const char **ret,
                      struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(ADDRESS_MAX);
    enum map_status status = rewrite(address, &out, err);
    *ret = status == MAP_FOUND ? arena_strdup(d->arena, out.s) : address;
    return status != MAP_FAILED;
}

bool smtp_generic_envelope(struct smtp_delivery *d, struct err *err)
{
    d->sender = d->job->envelope->sender;
    for (size_t i = 0; i < d->rcpt_count; i++)
        d->rcpts[i].address = d->rcpts[i].rcpt->address;
    if (!smtp_generic_is_on())
        return true;
    if (!sent_form(d, d->sender, &d->sender, err))
        return false;
    for (size_t i = 0; i < d->rcpt_count; i++)
        if (!sent_form(d, d->rcpts[i].address, &d->rcpts[i].address, err))
            return false;
    return true;
}

static bool rewrite_one(void *ctx, struct slice address, bool has_domain,
                        struct strbuf *out_address)
{
    (void)has_domain;
    struct err *err = ctx;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(ADDRESS_MAX);
    strbuf_add_slice(&text, address);
    return !text.overflow && rewrite(text.s, out_address, err) == MAP_FOUND;
}

bool smtp_generic_header(struct slice header, struct strbuf *out, struct err *err)
{
    struct slice name, value;
    if (!header_parse(header, &name, &value) ||
        !(header_find(name)->flags & (HEADER_IS_SENDER | HEADER_IS_RECIPIENT)))
        return false;
    strbuf_init(out, HEADER_MAX);
    strbuf_add_slice(out, name);
    strbuf_add_char(out, ':');
    address_rewrite_list(value, name.len + 1, (size_t)common_params.header_address_token_limit,
                         rewrite_one, err, out);
    return err->kind == ERR_NONE;
}

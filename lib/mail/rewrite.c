/*
 * rewrite: bare rewriting in the order ADDRESS_REWRITING_README gives: source route, bang path,
 * percent hack, own domain, own parent domain, trailing dot.
 */
#include "mail/rewrite.h"

#include "config/common_params.h"
#include "mail/address.h"

struct rewrite_rules rewrite_rules_from_params(void)
{
    const struct common_params *p = &common_params;
    return (struct rewrite_rules){
        .swap_bangpath = p->swap_bangpath,
        .allow_percent_hack = p->allow_percent_hack,
        .append_at_myorigin = p->append_at_myorigin,
        .append_dot_mydomain = p->append_dot_mydomain,
        .myorigin = p->myorigin,
        .mydomain = p->mydomain,
        .remote_header_rewrite_domain = p->remote_header_rewrite_domain,
        .empty_address_recipient = p->empty_address_recipient,
    };
}

/* RFC 5321 section 4.1.2: @a,@b:user@c */
static struct slice without_route(struct slice address)
{
    size_t colon = slice_find(address, ':');
    if (address.len == 0 || address.s[0] != '@' || colon == SIZE_MAX || colon + 1 == address.len)
        return address;
    return slice_from(address, colon + 1);
}

static void add_with_domain(struct strbuf *out, struct slice local, struct slice domain)
{
    strbuf_add_slice(out, local);
    strbuf_add_char(out, '@');
    strbuf_add_slice(out, domain);
}

bool rewrite_swap(const struct rewrite_rules *rules, struct slice local, struct strbuf *out)
{
    struct slice before, after;
    if (rules->swap_bangpath && slice_split(local, '!', &before, &after)) {
        add_with_domain(out, after, before);
        return true;
    }
    if (rules->allow_percent_hack && slice_rsplit(local, '%', &before, &after)) {
        add_with_domain(out, before, after);
        return true;
    }
    return false;
}

/* Complete the domain at the end of OUT, which begins at byte AT. */
static void finish_domain(const struct rewrite_rules *rules, enum rewrite_context context,
                          struct strbuf *out, size_t at)
{
    struct slice domain = slice_from(strbuf_slice(out), at);
    const char *parent =
        context == REWRITE_LOCAL ? rules->mydomain : rules->remote_header_rewrite_domain;
    if (rules->append_dot_mydomain && parent && parent[0] && domain.len > 0 && domain.s[0] != '[' &&
        slice_find(domain, '.') == SIZE_MAX) {
        if (context == REWRITE_LOCAL && rules->on_append)
            rules->on_append(domain);
        strbuf_add_char(out, '.');
        strbuf_add_str(out, parent);
        return;
    }
    /* one trailing dot goes; "." and "a.." are left for the resolver to refuse */
    if (domain.len > 1 && domain.s[domain.len - 1] == '.' && domain.s[domain.len - 2] != '.')
        strbuf_truncate(out, out->len - 1);
}

void rewrite_address(const struct rewrite_rules *rules, enum rewrite_context context,
                     struct slice address, struct strbuf *out)
{
    size_t start = out->len;
    address = without_route(address);
    if (address.len == 0)
        return;

    struct slice local, domain;
    if (address_split(address, &local, &domain)) {
        strbuf_add_slice(out, address);
    } else if (!rewrite_swap(rules, address, out)) {
        const char *origin =
            context == REWRITE_LOCAL ? rules->myorigin : rules->remote_header_rewrite_domain;
        if (!rules->append_at_myorigin || !origin || !origin[0]) {
            strbuf_add_slice(out, address);
            return;
        }
        add_with_domain(out, address, slice_of(origin));
    }
    size_t at = slice_rfind(slice_from(strbuf_slice(out), start), '@');
    if (at != SIZE_MAX)
        finish_domain(rules, context, out, start + at + 1);
}

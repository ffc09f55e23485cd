#include "smtp/smtp_nexthop.h"

#include <string.h>

enum { HOST_MAX = 255, PATH_MAX_UNIX = 107 };

/* "host", "host:port", "[host]", "[host]:port": the host, the port's text or "", and whether there
 * were brackets. */
static bool split_host(struct slice text, struct slice *ret_host, struct slice *ret_port,
                       bool *ret_has_brackets)
{
    *ret_port = SLICE_EMPTY;
    *ret_has_brackets = text.len > 0 && text.s[0] == '[';
    if (!*ret_has_brackets) {
        *ret_host = text;
        slice_rsplit(text, ':', ret_host, ret_port);
        return ret_host->len > 0 && (ret_host->len == text.len || ret_port->len > 0);
    }
    size_t end = slice_find(text, ']');
    if (end == SIZE_MAX || end == 1)
        return false;
    *ret_host = (struct slice){text.s + 1, end - 1};
    struct slice rest = slice_from(text, end + 1);
    if (rest.len == 0)
        return true;
    *ret_port = slice_from(rest, 1);
    return rest.s[0] == ':' && ret_port->len > 0;
}

bool smtp_nexthop_parse(struct slice text, const struct smtp_nexthop_options *options,
                        struct arena *arena, struct smtp_nexthop *ret, struct err *err)
{
    struct slice in = text, host, port;
    bool has_brackets;
    *ret = (struct smtp_nexthop){.text = arena_slice_dup(arena, text)};
    if (options->is_lmtp && slice_starts(in, "unix:")) {
        in = slice_from(in, strlen("unix:"));
        if (in.len == 0 || in.len > PATH_MAX_UNIX)
            return err_set(err, ERR_CONFIG, "bad socket name in destination: %s", ret->text);
        ret->kind = SMTP_NEXTHOP_UNIX;
        ret->host = arena_slice_dup(arena, in);
        return true;
    }
    if (options->is_lmtp && slice_starts(in, "inet:"))
        in = slice_from(in, strlen("inet:"));
    if (!split_host(in, &host, &port, &has_brackets) || host.len > HOST_MAX)
        return err_set(err, ERR_CONFIG, "bad destination: %s", ret->text);
    if (has_brackets && slice_starts_nocase(host, "ipv6:"))
        host = slice_from(host, strlen("ipv6:"));
    if (slice_has_nul(host) || slice_find(host, ' ') != SIZE_MAX || host.len == 0)
        return err_set(err, ERR_CONFIG, "bad destination: %s", ret->text);
    ret->kind = has_brackets || !options->use_mx ? SMTP_NEXTHOP_HOST : SMTP_NEXTHOP_DOMAIN;
    ret->host = arena_slice_dup(arena, host);
    ret->port = options->default_port;
    const char *service = options->default_service;
    if (port.len > 0) {
        service = arena_slice_dup(arena, port);
        ret->port = options->port_of(service);
    }
    if (!has_brackets && options->has_srv && options->has_srv(service))
        ret->service = service;
    if (ret->port == 0)
        return err_set(err, ERR_CONFIG, "unknown port in destination: %s", ret->text);
    return true;
}

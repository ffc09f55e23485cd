#include "master/master.h"

#include "base/num.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

/* "a=b=25": is NAME one of the names, and what is the number? */
static bool row_has(struct slice row, const char *name, struct slice *ret_number)
{
    struct slice word, rest = row;
    bool found = false;
    while (slice_split(rest, '=', &word, &rest))
        found = found || slice_eq(slice_trim(word), name);
    *ret_number = slice_trim(rest);
    return found;
}

static bool port_number(struct slice text, int *ret_port)
{
    uint64_t number;
    if (!num_parse_u64(text, 10, &number) || number == 0 || number > 65535)
        return false;
    *ret_port = (int)number;
    return true;
}

bool master_port_find(const char *text, const char *table, int *ret_port, struct err *err)
{
    if (port_number(slice_of(text), ret_port))
        return true;
    struct slice in = slice_of(table), row, number;
    while (slice_next_token(&in, ",", &row))
        if (row_has(row, text, &number))
            return port_number(number, ret_port) ||
                   err_set(err, ERR_CONFIG, "bad known_tcp_ports value for %s", text);

    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    if (text[0] == 0 || (text[0] >= '0' && text[0] <= '9') ||
        getaddrinfo(NULL, text, &hints, &found) != 0)
        return err_set(err, ERR_CONFIG, "bad port or service name: \"%s\"", text);
    *ret_port = ntohs(((struct sockaddr_in *)(void *)found->ai_addr)->sin_port);
    freeaddrinfo(found);
    return true;
}

bool master_port_split(const char *name, struct strbuf *host, struct strbuf *port, struct err *err)
{
    struct slice whole = slice_of(name), before, after;
    if (slice_starts(whole, "[")) {
        if (!slice_split(slice_from(whole, 1), ']', &before, &after) || after.len < 2 ||
            after.s[0] != ':')
            return err_set(err, ERR_CONFIG, "bad host:port \"%s\"", name);
        after = slice_from(after, 1);
    } else if (!slice_rsplit(whole, ':', &before, &after)) {
        before = SLICE_EMPTY;
        after = whole;
    }
    if (after.len == 0)
        return err_set(err, ERR_CONFIG, "missing port in \"%s\"", name);
    strbuf_set_slice(host, before);
    strbuf_set_slice(port, after);
    return true;
}

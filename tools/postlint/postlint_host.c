/* The host: its name, its addresses, the way out. */
#include "postlint/postlint.h"

#include "base/xmem.h"
#include "io/sock.h"

#include <ifaddrs.h>
#include <strings.h>

static void check_hostname(struct postlint *lint, const struct postlint_scope *scope)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    if (!postlint_is_set_here(lint, scope, "myhostname") ||
        !postlint_get(scope, "myhostname", &name))
        return;
    struct slice host = strbuf_slice(&name), first, rest;
    bool has_domain = slice_split(host, '.', &first, &rest) && rest.len > 0;
    if (!has_domain)
        first = host;
    if (!has_domain || slice_eq_nocase(first, "localhost") ||
        slice_ends_nocase(host, ".localdomain"))
        postlint_report(lint, LINT_V070, postlint_where(lint, scope, "myhostname"), NULL,
                        "myhostname = %s is not a full name that others can look up", name.s);
}

static bool is_own_address(const struct ifaddrs *list, const char *text)
{
    bool found = false;
    for (const struct ifaddrs *i = list; i && !found; i = i->ifa_next) {
        CLEANUP(strbuf_done) struct strbuf address = STRBUF_ANY;
        int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
        if (family != AF_INET && family != AF_INET6)
            continue;
        sock_address_text(i->ifa_addr, &address);
        address.s[strcspn(address.s, "%")] = 0;
        found = strcmp(address.s, text) == 0;
    }
    return found;
}

/* Host names are not looked up: that may take long, and fail for a while. */
static void check_interfaces(struct postlint *lint, const struct postlint_scope *scope)
{
    struct ifaddrs *list;
    CLEANUP(argv_done) struct argv words = ARGV_INIT;
    if (!postlint_is_set_here(lint, scope, "inet_interfaces") || getifaddrs(&list) < 0)
        return;
    postlint_get_items(scope, "inet_interfaces", &words);
    for (size_t i = 0; i < words.count; i++) {
        struct slice word = slice_of(words.at[i]);
        if (slice_starts(word, "[") && slice_ends(word, "]"))
            word = slice_first(slice_from(word, 1), word.len - 2);
        CLEANUP(xfree_ptr) char *text = slice_dup(word);
        CLEANUP(strbuf_done) struct strbuf normal = STRBUF_ANY;
        struct sockaddr_storage address;
        socklen_t len;
        if (!sock_address_parse(text, 0, &address, &len))
            continue;
        sock_address_text((const struct sockaddr *)&address, &normal);
        if (!is_own_address(list, normal.s) && strncmp(normal.s, "127.", 4) != 0)
            postlint_report(lint, LINT_V071, postlint_where(lint, scope, "inet_interfaces"), NULL,
                            "%s in inet_interfaces is no address of this host", text);
    }
    freeifaddrs(list);
}

static void check_relayhost(struct postlint *lint, const struct postlint_scope *scope)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct sockaddr_storage address;
    socklen_t len;
    if (!postlint_is_set_here(lint, scope, "relayhost") ||
        !postlint_get(scope, "relayhost", &value))
        return;
    if (value.len == 0 || value.s[0] == '[' || strchr(value.s, '/') ||
        sock_address_parse(value.s, 0, &address, &len))
        return;
    CLEANUP(xfree_ptr) char *host = xstrndup(value.s, strcspn(value.s, ":"));
    CLEANUP(xfree_ptr)
    char *mend =
        xasprintf("write [%s]%s if the host itself is meant", host, value.s + strlen(host));
    postlint_report(lint, LINT_V072, postlint_where(lint, scope, "relayhost"), mend,
                    "relayhost = %s is looked up as a domain: mail goes to its MX hosts", value.s);
}

void postlint_host(struct postlint *lint)
{
    for (size_t i = 0; i < lint->scope_count; i++) {
        check_hostname(lint, &lint->scopes[i]);
        check_interfaces(lint, &lint->scopes[i]);
        check_relayhost(lint, &lint->scopes[i]);
    }
}

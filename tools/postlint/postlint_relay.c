/* The open relay: who may send mail through this host to others? */
#include "postlint/postlint.h"

#include "base/num.h"
#include "io/sock.h"

#include <netinet/in.h>
#include <strings.h>

/* What a list says of a stranger's mail for a strange domain. */
enum verdict { VERDICT_GOES_ON, VERDICT_REFUSED, VERDICT_PERMITTED };

enum { CLASS_DEPTH = 10, WORDS_MAX = 10000 };

static const struct {
    const char *word;
    enum verdict verdict;
} sure_words[] = {
    {"reject", VERDICT_REFUSED},
    {"defer", VERDICT_REFUSED},
    {"reject_unauth_destination", VERDICT_REFUSED},
    {"defer_unauth_destination", VERDICT_REFUSED},
    {"check_relay_domains", VERDICT_REFUSED},
    {"permit", VERDICT_PERMITTED},
};

static enum verdict sure_verdict(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(sure_words); i++)
        if (strcasecmp(sure_words[i].word, word) == 0)
            return sure_words[i].verdict;
    return VERDICT_GOES_ON;
}

/* A table that says the same of everybody. */
static enum verdict table_verdict(const char *table)
{
    struct slice text = slice_of(table);
    if (!slice_starts(text, "static:"))
        return VERDICT_GOES_ON;
    text = slice_from(text, strlen("static:"));
    if (slice_starts(text, "{") && slice_ends(text, "}"))
        text = slice_trim(slice_first(slice_from(text, 1), text.len - 2));
    if (slice_eq_nocase(text, "ok") || slice_eq_nocase(text, "permit"))
        return VERDICT_PERMITTED;
    return slice_eq_nocase(text, "reject") || slice_eq_nocase(text, "defer") ? VERDICT_REFUSED
                                                                             : VERDICT_GOES_ON;
}

/* In a list of domains or networks. */
static bool matches_everything(const char *table)
{
    return slice_starts(slice_of(table), "static:");
}

/* The words of list NAME, classes in it replaced by theirs. */
static void add_words(const struct postlint_scope *scope, const char *name, struct argv *out)
{
    CLEANUP(argv_done) struct argv classes = ARGV_INIT;
    postlint_get_items(scope, "smtpd_restriction_classes", &classes);
    postlint_get_items(scope, name, out);
    for (int depth = 0; depth < CLASS_DEPTH; depth++) {
        struct argv flat = ARGV_INIT;
        bool changed = false;
        for (size_t i = 0; i < out->count && flat.count < WORDS_MAX; i++) {
            if (argv_has(&classes, out->at[i])) {
                postlint_get_items(scope, out->at[i], &flat);
                changed = true;
            } else {
                argv_add(&flat, out->at[i]);
            }
        }
        argv_done(out);
        *out = flat;
        if (!changed)
            break;
    }
}

static enum verdict list_verdict(const struct postlint_scope *scope, const char *name)
{
    CLEANUP(argv_done) struct argv words = ARGV_INIT;
    add_words(scope, name, &words);
    for (size_t i = 0; i < words.count; i++) {
        bool is_defused = i > 0 && strcasecmp(words.at[i - 1], "warn_if_reject") == 0;
        if (postlint_word_has_argument(postlint_word_find(words.at[i])) && i + 1 < words.count)
            i++; /* the argument decides */
        const char *word = words.at[i];
        enum verdict verdict = strchr(word, ':') ? table_verdict(word) : sure_verdict(word);
        if (verdict != VERDICT_GOES_ON && !is_defused)
            return verdict;
    }
    return VERDICT_GOES_ON;
}

static void check_lists(struct postlint *lint, const struct postlint_scope *scope)
{
    static const char *const names[] = {"smtpd_relay_restrictions", "smtpd_recipient_restrictions"};
    const char *permits = NULL, *set = NULL;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        enum verdict verdict = list_verdict(scope, names[i]);
        if (verdict == VERDICT_REFUSED)
            return;
        if (verdict == VERDICT_PERMITTED && !permits)
            permits = names[i];
        if (!set && postlint_is_set_here(lint, scope, names[i]))
            set = names[i];
    }
    if (!set) /* reported for main.cf */
        return;
    if (permits)
        postlint_report(lint, LINT_V043, postlint_where(lint, scope, permits), NULL,
                        "open relay: %s permits everybody before anything refuses strange domains",
                        permits);
    else
        postlint_report(lint, LINT_V042, postlint_where(lint, scope, set), NULL,
                        "open relay: neither smtpd_relay_restrictions nor "
                        "smtpd_recipient_restrictions refuses mail for strange domains");
}

/* Networks of private use, as large as they may be. RFC 1918, 4193, 6598; loopback, link local. */
static const struct {
    int family;
    uint8_t start[2];
    int bits;
} private_networks[] = {
    {AF_INET, {10, 0}, 8},     {AF_INET, {127, 0}, 8},       {AF_INET, {172, 16}, 12},
    {AF_INET, {192, 168}, 16}, {AF_INET, {100, 64}, 10},     {AF_INET, {169, 254}, 16},
    {AF_INET6, {0xfc, 0}, 7},  {AF_INET6, {0xfe, 0x80}, 10},
};

static const uint8_t *address_bytes(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr;
    return (const uint8_t *)&((const struct sockaddr_in6 *)address)->sin6_addr;
}

static bool is_private(const struct sockaddr_storage *address, int bits)
{
    const uint8_t *bytes = address_bytes(address);
    unsigned start = (unsigned)bytes[0] << 8 | bytes[1];
    for (size_t i = 0; i < COUNT_OF(private_networks); i++) {
        unsigned mask = 0xffffU << (16 - private_networks[i].bits) & 0xffffU;
        unsigned own = (unsigned)private_networks[i].start[0] << 8 | private_networks[i].start[1];
        if (private_networks[i].family == address->ss_family && bits >= private_networks[i].bits &&
            (start & mask) == own)
            return true;
    }
    return false;
}

/* "192.0.2.0/24", "[2001:db8::]/32", "[2001:db8::/32]" */
static bool parse_network(struct slice text, struct sockaddr_storage *ret_address, int *ret_bits)
{
    struct slice host, bits;
    char numeric[64] = "";
    uint64_t number;
    socklen_t len;
    if (!slice_rsplit(text, '/', &host, &bits))
        return false;
    if (slice_starts(host, "["))
        host = slice_from(host, 1);
    if (slice_ends(host, "]"))
        host.len--;
    if (slice_ends(bits, "]"))
        bits.len--;
    if (host.len >= sizeof numeric || !num_parse_u64(bits, 10, &number) || number > 128)
        return false;
    memcpy(numeric, host.s, host.len);
    *ret_bits = (int)number;
    return sock_address_parse(numeric, 0, ret_address, &len);
}

static void check_network(struct postlint *lint, struct postlint_where where, const char *word)
{
    enum { LARGE_IPV4 = 16, LARGE_IPV6 = 32 };
    struct sockaddr_storage address;
    int bits;
    if (word[0] == '!' || !parse_network(slice_of(word), &address, &bits))
        return;
    if (bits == 0)
        postlint_report(lint, LINT_V040, where, NULL,
                        "open relay: %s in mynetworks is the whole Internet", word);
    else if (bits < (address.ss_family == AF_INET ? LARGE_IPV4 : LARGE_IPV6) &&
             !is_private(&address, bits))
        postlint_report(lint, LINT_V041, where, NULL,
                        "%s in mynetworks is a very large network, and all of it may relay", word);
}

static void check_networks(struct postlint *lint, const struct postlint_scope *scope)
{
    CLEANUP(argv_done) struct argv words = ARGV_INIT;
    if (!postlint_is_set_here(lint, scope, "mynetworks"))
        return;
    postlint_get_items(scope, "mynetworks", &words);
    for (size_t i = 0; i < words.count; i++) {
        if (matches_everything(words.at[i]))
            postlint_report(lint, LINT_V040, postlint_where(lint, scope, "mynetworks"), NULL,
                            "open relay: a static: table in mynetworks matches everybody");
        check_network(lint, postlint_where(lint, scope, "mynetworks"), words.at[i]);
    }
}

static void check_relay_domains(struct postlint *lint, const struct postlint_scope *scope)
{
    CLEANUP(argv_done) struct argv words = ARGV_INIT;
    if (!postlint_is_set_here(lint, scope, "relay_domains"))
        return;
    postlint_get_items(scope, "relay_domains", &words);
    for (size_t i = 0; i < words.count; i++)
        if (matches_everything(words.at[i]))
            postlint_report(lint, LINT_V044, postlint_where(lint, scope, "relay_domains"), NULL,
                            "open relay: a static: table in relay_domains matches every domain");
}

void postlint_relay(struct postlint *lint)
{
    for (size_t i = 0; i < lint->scope_count; i++) {
        const struct postlint_scope *scope = &lint->scopes[i];
        if (scope->entry && strcmp(scope->entry->program, "smtpd") != 0)
            continue;
        check_lists(lint, scope);
        check_networks(lint, scope);
        check_relay_domains(lint, scope);
    }
}

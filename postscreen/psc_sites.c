#include "postscreen/psc_sites.h"

#include "base/num.h"
#include "base/xmem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { OCTETS = 4, OCTET_MAX = 255, WEIGHT_MAX = 1000000 };

/* Which values each octet of an answer may have: a bit a value. */
struct filter {
    uint8_t octets[OCTETS][(OCTET_MAX + 1) / 8];
};

struct rule {
    struct filter *filter; /* NULL: any answer */
    int64_t weight;
};

struct site {
    char *domain;
    struct rule *rules;
    size_t count;
};

struct psc_sites {
    struct site *sites;
    size_t count;
};

static void allow(struct filter *f, int octet, unsigned value)
{
    f->octets[octet][value / 8] |= (uint8_t)(1u << value % 8);
}

static bool is_allowed(const struct filter *f, int octet, unsigned value)
{
    return f->octets[octet][value / 8] & 1u << value % 8;
}

static bool parse_octet(struct slice text, unsigned *ret)
{
    uint64_t value;
    if (!num_parse_u64(text, 10, &value) || value > OCTET_MAX)
        return false;
    *ret = (unsigned)value;
    return true;
}

/* "5" or "5..12" */
static bool parse_range(struct slice text, struct filter *f, int octet)
{
    unsigned low, high;
    size_t dot = slice_find(text, '.');
    if (dot == SIZE_MAX) {
        if (!parse_octet(text, &low))
            return false;
        high = low;
    } else if (!parse_octet(slice_first(text, dot), &low) ||
               !slice_starts(slice_from(text, dot), "..") ||
               !parse_octet(slice_from(text, dot + 2), &high) || low > high) {
        return false;
    }
    for (unsigned value = low; value <= high; value++)
        allow(f, octet, value);
    return true;
}

/* "[2;4..7]" or "2"; *IN moves past it. */
static bool parse_part(struct slice *in, struct filter *f, int octet)
{
    struct slice part = *in, after = SLICE_EMPTY, range;
    if (slice_starts(*in, "[")) {
        if (!slice_split(slice_from(*in, 1), ']', &part, &after) || part.len == 0)
            return false;
        *in = after;
        while (slice_next_token(&part, ";", &range))
            if (!parse_range(range, f, octet))
                return false;
        return true;
    }
    size_t end = slice_find(*in, '.');
    part = end == SIZE_MAX ? *in : slice_first(*in, end);
    *in = slice_from(*in, part.len);
    return slice_find(part, '[') == SIZE_MAX && parse_range(part, f, octet);
}

static bool parse_filter(struct slice text, struct filter *f)
{
    for (int octet = 0; octet < OCTETS; octet++) {
        if (octet > 0 && !slice_starts(text, "."))
            return false;
        text = slice_from(text, octet > 0 ? 1 : 0);
        if (!parse_part(&text, f, octet))
            return false;
    }
    return text.len == 0;
}

static bool parse_weight(struct slice text, int64_t *ret)
{
    return num_parse_i64(text, ret) && *ret >= -WEIGHT_MAX && *ret <= WEIGHT_MAX;
}

static struct site *site_of(struct psc_sites *all, struct slice domain)
{
    for (size_t i = 0; i < all->count; i++)
        if (slice_eq_nocase(domain, all->sites[i].domain))
            return &all->sites[i];
    all->sites = xrealloc_array(all->sites, all->count + 1, sizeof *all->sites);
    struct site *site = &all->sites[all->count++];
    *site = (struct site){.domain = slice_dup(domain)};
    return site;
}

static bool add(struct psc_sites *all, struct slice item, struct err *err)
{
    struct slice domain = item, filter, weight;
    struct rule rule = {.weight = 1};
    if (slice_rsplit(item, '*', &domain, &weight) && !parse_weight(weight, &rule.weight))
        return err_set(err, ERR_CONFIG, "bad DNSBL weight factor \"%.*s\" in \"%.*s\"",
                       SLICE_ARG(weight), SLICE_ARG(item));
    bool has_filter = slice_split(domain, '=', &domain, &filter);
    if (domain.len == 0)
        return err_set(err, ERR_CONFIG, "bad DNSBL site \"%.*s\": no domain", SLICE_ARG(item));
    if (has_filter) {
        rule.filter = xzalloc(sizeof *rule.filter);
        if (!parse_filter(filter, rule.filter)) {
            free(rule.filter);
            return err_set(err, ERR_CONFIG, "bad DNSBL filter syntax \"%.*s\" in \"%.*s\"",
                           SLICE_ARG(filter), SLICE_ARG(item));
        }
    }
    struct site *site = site_of(all, domain);
    site->rules = xrealloc_array(site->rules, site->count + 1, sizeof *site->rules);
    site->rules[site->count++] = rule;
    return true;
}

struct psc_sites *psc_sites_parse(const char *list, struct err *err)
{
    struct psc_sites *all = xzalloc(sizeof *all);
    struct slice rest = slice_of(list), item;
    while (slice_next_item(&rest, &item))
        if (!add(all, item, err)) {
            psc_sites_free(all);
            return NULL;
        }
    return all;
}

void psc_sites_free(struct psc_sites *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->count; i++) {
        for (size_t r = 0; r < all->sites[i].count; r++)
            free(all->sites[i].rules[r].filter);
        free(all->sites[i].rules);
        free(all->sites[i].domain);
    }
    free(all->sites);
    free(all);
}

size_t psc_sites_count(const struct psc_sites *all)
{
    return all->count;
}

const char *psc_sites_domain(const struct psc_sites *all, size_t i)
{
    return all->sites[i].domain;
}

static bool passes(const struct filter *f, struct slice address)
{
    for (int octet = 0; octet < OCTETS; octet++) {
        struct slice part = address, rest = SLICE_EMPTY;
        unsigned value;
        bool is_last = !slice_split(address, '.', &part, &rest);
        if (is_last != (octet == OCTETS - 1) || !parse_octet(part, &value) ||
            !is_allowed(f, octet, value))
            return false;
        address = rest;
    }
    return true;
}

static bool matches(const struct rule *rule, struct slice addresses)
{
    struct slice address;
    while (slice_next_token(&addresses, " ", &address))
        if (!rule->filter || passes(rule->filter, address))
            return true;
    return false;
}

int64_t psc_sites_score(const struct psc_sites *all, size_t i, struct slice addresses)
{
    int64_t score = 0;
    for (size_t r = 0; r < all->sites[i].count; r++)
        if (matches(&all->sites[i].rules[r], addresses))
            score += all->sites[i].rules[r].weight;
    return score;
}

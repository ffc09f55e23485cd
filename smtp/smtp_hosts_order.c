/* The order of addresses, and which of them are not for us. */
#include "smtp/smtp_hosts.h"

#include "base/random.h"

#include <stdlib.h>
#include <string.h>

static void swap(struct smtp_host *a, struct smtp_host *b)
{
    struct smtp_host copy = *a;
    *a = *b;
    *b = copy;
}

static bool comes_before(const struct smtp_host *a, const struct smtp_host *b, int family_first)
{
    if (a->preference != b->preference)
        return a->preference < b->preference;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return family_first && a->address.ss_family == family_first &&
           b->address.ss_family != family_first;
}

void smtp_hosts_sort(struct smtp_host_list *list, int family_first, bool shuffle)
{
    for (size_t i = list->count; shuffle && i > 1; i--)
        swap(&list->at[i - 1], &list->at[random_below(i)]);
    /* insertion keeps the order of equals; the number of addresses is small and bounded */
    for (size_t i = 1; i < list->count; i++)
        for (size_t j = i; j > 0 && comes_before(&list->at[j], &list->at[j - 1], family_first); j--)
            swap(&list->at[j], &list->at[j - 1]);
    for (size_t i = 0; i < list->count; i++)
        list->at[i].is_best = list->at[i].preference == list->at[0].preference;
}

void smtp_hosts_limit(struct smtp_host_list *list, size_t limit, bool balance)
{
    if (limit == 0 || list->count <= limit)
        return;
    int family = list->at[0].address.ss_family;
    size_t other = 0;
    while (other < list->count && list->at[other].address.ss_family == family)
        other++;
    /* the first address of the other family would not be tried: give it the last place */
    if (balance && limit > 1 && other < list->count && other >= limit)
        list->at[limit - 1] = list->at[other];
    list->count = limit;
}

bool smtp_hosts_drop_self(struct smtp_host_list *list, const struct argv *own_addresses, int port)
{
    bool found = false;
    unsigned best = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].port == port && argv_has(own_addresses, list->at[i].address_text)) {
            best = found ? MIN(best, list->at[i].preference) : list->at[i].preference;
            found = true;
        }
    if (!found)
        return true;
    list->we_are_mx = true;
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].preference < best)
            list->at[kept++] = list->at[i];
    list->count = kept;
    return kept > 0;
}

#include "dns/dns_srv.h"

#include "base/random.h"

static void record_move_up(struct dns_record *records, size_t from, size_t to)
{
    struct dns_record moved = records[from];
    for (size_t i = from; i > to; i--)
        records[i] = records[i - 1];
    records[to] = moved;
}

/* One of COUNT records: each as likely as its share of all weights. Those without weight come
 * first, and so have a small chance. */
static size_t draw(const struct dns_record *records, size_t count)
{
    size_t sum = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        sum += records[i].weight;
    size_t value = random_below(sum + 1), running = records[0].weight;
    while (running < value)
        running += records[++at].weight;
    return at;
}

static bool goes_before(const struct dns_record *a, const struct dns_record *b)
{
    if (a->preference != b->preference)
        return a->preference < b->preference;
    return a->weight == 0 && b->weight > 0;
}

void dns_srv_order(struct dns_record *records, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && goes_before(&records[j], &records[j - 1]); j--)
            record_move_up(records, j, j - 1);
    for (size_t i = 0; i < count; i++) {
        size_t end = i;
        while (end < count && records[end].preference == records[i].preference)
            end++;
        record_move_up(records, i + draw(&records[i], end - i), i);
    }
}

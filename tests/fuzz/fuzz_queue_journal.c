/* Any bytes as half a journal: names that lead nowhere else, pieces of what was given, an end. The
 * check sums are made right first, where an entry might be. */
#include "mail/queue_id.h"
#include "mail/queue_journal_private.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice whole;
static size_t seen;

static bool within(struct slice part)
{
    return part.s >= whole.s && part.s + part.len <= whole.s + whole.len;
}

static bool check(void *ctx, const struct queue_journal_entry *entry)
{
    (void)ctx;
    seen += sizeof(struct journal_entry_head) + entry->queue.len + entry->id.len + entry->data.len;
    if (!within(entry->queue) || !within(entry->id) || !within(entry->data) ||
        !queue_id_is_valid(entry->id) || seen > whole.len)
        abort();
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size + 1);
    if (size > 0)
        memcpy(bytes, data, size);
    struct journal_entry_head head;
    for (size_t at = 0; size - at >= sizeof head;) {
        memcpy(&head, bytes + at, sizeof head);
        head.magic = JOURNAL_ENTRY_MAGIC;
        size_t len = sizeof head + head.queue_len + head.id_len + head.data_len;
        if (head.data_len > size || len > size - at)
            break;
        memcpy(bytes + at, &head, sizeof head);
        head.sum = journal_sum(bytes + at + 8, len - 8);
        memcpy(bytes + at, &head, sizeof head);
        at += len;
    }
    whole = (struct slice){bytes, size};
    for (uint64_t first_live = 0; first_live < 3; first_live++) {
        seen = 0;
        if (!queue_journal_scan(whole, first_live, check, NULL))
            abort();
    }
    free(bytes);
    return 0;
}

#include "qmgr/qmgr_index.h"

#include "base/xmem.h"
#include "mail/queue_id.h"

#include <string.h>

enum { LONG_ID_AT = 8, FIRST_CAPACITY = 256 };

static char *long_id(const struct qmgr_index_item *item)
{
    char *id;
    memcpy(&id, item->id + LONG_ID_AT, sizeof id);
    return id;
}

static void item_done(struct qmgr_index_item *item)
{
    if (item->id[0] == '\0')
        free(long_id(item));
}

void qmgr_index_done(struct qmgr_index *index)
{
    for (size_t i = 0; i < index->count; i++)
        item_done(&index->items[i]);
    free(index->items);
    *index = (struct qmgr_index){NULL, 0, 0};
}

static struct qmgr_index_item item_make(int64_t when_s, const char *id)
{
    struct qmgr_index_item item = {.when_s = when_s};
    size_t len = strlen(id);
    if (len < INDEX_ID_SIZE) {
        memcpy(item.id, id, len + 1);
    } else {
        char *copy = xstrdup(id);
        memcpy(item.id + LONG_ID_AT, &copy, sizeof copy);
    }
    return item;
}

void qmgr_index_add(struct qmgr_index *index, int64_t when_s, const char *id)
{
    if (index->count == index->capacity) {
        index->capacity = MAX(index->capacity * 2, (size_t)FIRST_CAPACITY);
        index->items = xrealloc_array(index->items, index->capacity, sizeof *index->items);
    }
    struct qmgr_index_item *items = index->items;
    size_t at = index->count++;
    for (; at > 0 && items[(at - 1) / 2].when_s > when_s; at = (at - 1) / 2)
        items[at] = items[(at - 1) / 2];
    items[at] = item_make(when_s, id);
}

static void remove_top(struct qmgr_index *index)
{
    struct qmgr_index_item *items = index->items;
    struct qmgr_index_item last = items[--index->count];
    size_t at = 0, child;
    for (; (child = 2 * at + 1) < index->count; at = child) {
        if (child + 1 < index->count && items[child + 1].when_s < items[child].when_s)
            child++;
        if (items[child].when_s >= last.when_s)
            break;
        items[at] = items[child];
    }
    items[at] = last;
}

bool qmgr_index_take(struct qmgr_index *index, int64_t now_s, int64_t *ret_when_s, char *ret_id)
{
    if (index->count == 0 || index->items[0].when_s > now_s)
        return false;
    struct qmgr_index_item *top = &index->items[0];
    const char *id = top->id[0] ? top->id : long_id(top);
    memcpy(ret_id, id, strlen(id) + 1);
    *ret_when_s = top->when_s;
    item_done(top);
    remove_top(index);
    return true;
}

void qmgr_index_all_due(struct qmgr_index *index)
{
    for (size_t i = 0; i < index->count; i++)
        index->items[i].when_s = 0; /* equal keys are a heap in any order */
}

void qmgr_index_copy_flushed(const struct qmgr_index *from, struct qmgr_index *to)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct qmgr_index_item *item = &from->items[i];
        if (item->when_s == 0)
            qmgr_index_add(to, 0, item->id[0] ? item->id : long_id(item));
    }
}

/* Numbers of open sessions: slot N is taken when owners[N - 1] is set. */
#include "base/xmem.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_slots.h"

#include <stdlib.h>

struct smtpd_slots {
    struct smtpd_session **owners;
    bool *taken;
    size_t count;
    size_t lowest; /* no slot below this index is free */
};

struct smtpd_slots *smtpd_slots_new(void)
{
    return xzalloc(sizeof(struct smtpd_slots));
}

void smtpd_slots_free(struct smtpd_slots *slots)
{
    if (!slots)
        return;
    free(slots->owners);
    free(slots->taken);
    free(slots);
}

uint32_t smtpd_slot_take(struct smtpd_server *server)
{
    struct smtpd_slots *slots = server->slots;
    size_t at = slots->lowest;
    while (at < slots->count && slots->taken[at])
        at++;
    if (at == slots->count) {
        size_t count = slots->count ? slots->count * 2 : 16;
        slots->owners = xrealloc_array(slots->owners, count, sizeof *slots->owners);
        slots->taken = xrealloc_array(slots->taken, count, sizeof *slots->taken);
        for (size_t i = slots->count; i < count; i++) {
            slots->owners[i] = NULL;
            slots->taken[i] = false;
        }
        slots->count = count;
    }
    slots->taken[at] = true;
    slots->lowest = at + 1;
    return (uint32_t)at;
}

void smtpd_slot_set_owner(struct smtpd_server *server, uint32_t slot, struct smtpd_session *s)
{
    server->slots->owners[slot] = s;
}

struct smtpd_session *smtpd_slot_owner(struct smtpd_server *server, uint32_t slot)
{
    return slot < server->slots->count ? server->slots->owners[slot] : NULL;
}

void smtpd_slot_give(struct smtpd_server *server, uint32_t slot)
{
    struct smtpd_slots *slots = server->slots;
    slots->owners[slot] = NULL;
    slots->taken[slot] = false;
    slots->lowest = MIN(slots->lowest, (size_t)slot);
}

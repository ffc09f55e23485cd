/* How many clients a service has, and how many its limit leaves. */
#include "master/master.h"

/* A full process has as many clients as it will ever have, and one that goes takes no more. Of the
 * others only the upper bound is known. */
static int64_t clients_of(const struct master_child *child)
{
    bool is_known = child->state == CHILD_FULL || child->state == CHILD_GOING;
    return is_known ? child->clients : MAX((int64_t)child->clients, child->left);
}

struct master_load master_load_measure(const struct master_service *service)
{
    struct master_load load = {0};
    for (const struct master_child *child = service->children; child; child = child->next) {
        bool takes_more = child->state == CHILD_STARTING || child->state == CHILD_ROOM;
        load.has_room = load.has_room || (takes_more && !child->is_retired);
        load.full += child->state == CHILD_FULL;
        load.clients += clients_of(child);
    }
    return load;
}

int64_t master_load_left(const struct master_service *service)
{
    if (service->max_processes == 0)
        return 0;
    return MAX(service->max_processes - master_load_measure(service).clients, (int64_t)1);
}

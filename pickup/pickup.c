/*
 * pickup: takes local submissions out of maildrop/ and feeds them to cleanup, several at a time.
 *
 * What stands in maildrop/ comes from any local user: it is checked as if it came from the network.
 */
#include "pickup/pickup_scan.h"
#include "service/service.h"

static void pickup_after_jail(struct config *cfg)
{
    (void)cfg;
    pickup_scan_start();
}

/* Whatever the letter, it means "look". */
static void pickup_on_trigger(struct slice letters)
{
    (void)letters;
    pickup_scan_now();
}

static const struct service pickup_service = {
    .name = "pickup",
    .model = SERVICE_MANY_CLIENTS,
    .needs = CONFINE_WRITES_QUEUE,
    .alone = true,
    .after_jail = pickup_after_jail,
    .on_trigger = pickup_on_trigger,
};

int main(int argc, char **argv)
{
    return service_main(&pickup_service, argc, argv);
}

#include "master/master_throttle.h"

bool master_throttle_death(struct master_throttle *throttle, const struct master_death *death)
{
    if (death->was_retired && !death->failed)
        return throttle->is_on;
    bool is_young = death->failed && death->age_ms < MASTER_YOUNG_MS;
    throttle->young_deaths = is_young ? throttle->young_deaths + 1 : 0;
    if (!death->was_ready || throttle->young_deaths >= MASTER_YOUNG_DEATHS)
        throttle->is_on = true;
    return throttle->is_on;
}

void master_throttle_release(struct master_throttle *throttle)
{
    *throttle = (struct master_throttle){0};
}

/* map_outage: see the header. */
#include "map/map_outage.h"

#include "base/clock.h"

enum { FIRST_MS = 1000, LONGEST_MS = 30 * 1000 };

bool map_outage_holds(const struct map_outage *outage, struct err *err)
{
    if (outage->until_ms <= clock_now_ms())
        return false;
    err_set(err, ERR_TEMP, "%s", outage->reason);
    if (err)
        err->is_repeated = true;
    return true;
}

void map_outage_begin(struct map_outage *outage, int64_t interval_ms, struct err *why)
{
    why->is_repeated = outage->failures++ > 0;
    if (interval_ms == 0) {
        interval_ms = FIRST_MS;
        for (unsigned i = 1; i < outage->failures && interval_ms < LONGEST_MS; i++)
            interval_ms *= 2;
        interval_ms = MIN(interval_ms, (int64_t)LONGEST_MS);
    }
    outage->until_ms = clock_now_ms() + interval_ms;
    snprintf(outage->reason, sizeof outage->reason, "%s", why->reason);
}

void map_outage_end(struct map_outage *outage)
{
    outage->until_ms = 0;
    outage->failures = 0;
}

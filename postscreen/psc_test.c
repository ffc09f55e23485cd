#include "postscreen/psc_test.h"

#include "base/num.h"

#include <strings.h>

bool psc_action_parse(const char *text, enum psc_action *ret)
{
    static const char *const names[] = {"ignore", "enforce", "drop"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcasecmp(names[i], text) == 0) {
            *ret = (enum psc_action)i;
            return true;
        }
    return false;
}

/* Releases before 2.8 had fewer tests; what a record does not tell of was never passed. */
bool psc_times_parse(struct slice text, struct psc_times *ret)
{
    struct psc_times times = {{PSC_NEVER}};
    struct slice number;
    size_t count = 0;
    while (slice_next_token(&text, ";", &number)) {
        if (count == PSC_TESTS || !num_parse_i64(number, &times.until[count]) ||
            times.until[count] < 0)
            return false;
        count++;
    }
    if (count == 0)
        return false;
    *ret = times;
    return true;
}

void psc_times_format(const struct psc_times *times, struct strbuf *out)
{
    for (int i = 0; i < PSC_TESTS; i++)
        strbuf_addf(out, "%s%lld", i ? ";" : "", (long long)times->until[i]);
}

unsigned psc_times_todo(const struct psc_times *times, unsigned enabled, int64_t now)
{
    unsigned todo = 0;
    for (int i = 0; i < PSC_TESTS; i++)
        if ((enabled & 1u << i) && times->until[i] <= now)
            todo |= 1u << i;
    return todo;
}

bool psc_times_is_new(const struct psc_times *times)
{
    for (int i = 0; i < PSC_TESTS; i++)
        if (times->until[i] == PSC_NEVER)
            return true;
    return false;
}

void psc_times_pass(struct psc_times *times, unsigned passed, int64_t now,
                    const int64_t ttl[PSC_TESTS])
{
    for (int i = 0; i < PSC_TESTS; i++)
        if (passed & 1u << i)
            times->until[i] = now + ttl[i];
}

void psc_times_skip_disabled(struct psc_times *times, unsigned enabled)
{
    for (int i = 0; i < PSC_TESTS; i++)
        if (!(enabled & 1u << i) && times->until[i] == PSC_NEVER)
            times->until[i] = PSC_WAS_OFF;
}

void psc_times_merge(struct psc_times *times, const struct psc_times *other)
{
    for (int i = 0; i < PSC_TESTS; i++)
        times->until[i] = MAX(times->until[i], other->until[i]);
}

void psc_times_vouch(struct psc_times *times, int64_t until)
{
    for (int i = 0; i < PSC_TESTS; i++)
        times->until[i] = MAX(times->until[i], until);
}

int64_t psc_times_latest(const struct psc_times *times)
{
    int64_t latest = 0;
    for (int i = 0; i < PSC_TESTS; i++)
        latest = MAX(latest, times->until[i]);
    return latest;
}

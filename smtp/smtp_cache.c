#include "smtp/smtp_cache.h"

#include "base/clock.h"
#include "smtp/smtp_delivery.h"
#include "smtp/smtp_notice.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_sasl.h"

#include <string.h>
#include <strings.h>

static void on_idle(void *owner)
{
    smtp_session_quit(owner);
}

static int64_t age_ms(const struct smtp_session *s)
{
    return clock_now_ms() - s->created_ms;
}

bool smtp_cache_may_keep(const struct smtp_session *s)
{
    int64_t count_limit = smtp_params.smtp_connection_reuse_count_limit;
    return !s->is_unusable && (!s->tls || s->allows_tls_reuse) && !s->is_tls_off &&
           s->outstanding == 0 && stream_output_pending(s->stream) == 0 &&
           stream_input(s->stream).len == 0 &&
           age_ms(s) < smtp_params.smtp_connection_reuse_time_limit * 1000 &&
           (count_limit == 0 || s->uses <= count_limit);
}

void smtp_cache_put(struct smtp_session *s)
{
    smtp_notice_end(s);
    s->delivery = NULL;
    s->send = SMTP_STEP_NONE;
    s->recv = SMTP_STEP_IDLE;
    stream_deadline(s->stream, 0);
    s->idle = timer_new(smtp_client.loop, on_idle, s);
    timer_start(s->idle, smtp_params.smtp_connection_cache_time_limit * 1000);
}

/* The policy of each delivery counts, not that of the one the session was made for. That of a host
 * is known; where it takes TLSA records, a session of the destination never has the same. */
static bool has_right_tls(const struct smtp_session *s, struct smtp_delivery *d,
                          const struct smtp_nexthop *destination, const struct smtp_host *host)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY, warnings = STRBUF_ANY;
    struct smtp_tls_policy policy = d->policy;
    if (!host && !smtp_tls_policy_find(destination, s->host.name, d->arena, &policy, &warnings))
        return false; /* what is wrong is told before a connection is made */
    if (s->tls && !policy.allows_reuse)
        return false;
    smtp_tls_policy_key(&policy, &key);
    return strcmp(key.s, s->policy_key) == 0;
}

struct smtp_session *smtp_cache_take(struct smtp_delivery *d,
                                     const struct smtp_nexthop *destination,
                                     const struct smtp_host *host)
{
    for (struct smtp_session *s = smtp_session_first(); s; s = s->next) {
        if (s->recv != SMTP_STEP_IDLE)
            continue;
        bool is_match = host ? s->host.port == host->port &&
                                   strcmp(s->host.address_text, host->address_text) == 0
                             : strcasecmp(s->destination, destination->text) == 0;
        if (!is_match || !has_right_tls(s, d, destination, host) ||
            !smtp_sasl_fits(s, d, destination))
            continue;
        if (age_ms(s) >= smtp_params.smtp_connection_reuse_time_limit * 1000)
            continue; /* its own timer ends it */
        timer_free(s->idle);
        s->idle = NULL;
        return s;
    }
    return NULL;
}

void smtp_cache_clear(void)
{
    struct smtp_session *next;
    for (struct smtp_session *s = smtp_session_first(); s; s = next) {
        next = s->next;
        if (s->recv == SMTP_STEP_IDLE)
            smtp_session_quit(s);
    }
}

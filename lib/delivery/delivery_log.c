/* The status line of one recipient, and how delays are rounded in it. */
#include "delivery/delivery_log.h"

#include "base/clock.h"
#include "config/common_params.h"
#include "mail/address.h"

#include <string.h>
#include <strings.h>

enum { US_PER_S = 1000000 };

int64_t delivery_wall_us(void)
{
    struct timeval now;
    clock_wall(&now);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_usec;
}

static void add_delays(const struct delivery_job *job, int64_t done_us, struct strbuf *out)
{
    int resolution = (int)common_params.delay_logging_resolution_limit;
    const struct delivery_request *request = &job->request;
    int64_t arrival_us = job->envelope->arrival_s * US_PER_S + job->envelope->arrival_us;
    int64_t connected_us = job->connect_done_us ? job->connect_done_us : request->sent_at_us;
    const int64_t parts[] = {
        request->active_at_us - arrival_us,
        request->sent_at_us - request->active_at_us,
        connected_us - request->sent_at_us,
        done_us - connected_us,
    };
    strbuf_add_str(out, "delay=");
    clock_format_delay(done_us - arrival_us, resolution, out);
    strbuf_add_str(out, ", delays=");
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (i > 0)
            strbuf_add_char(out, '/');
        clock_format_delay(parts[i], resolution, out);
    }
}

void delivery_log_address(const char *address, struct strbuf *out)
{
    strbuf_add_char(out, '<');
    if (strcmp(common_params.info_log_address_format, "internal") == 0)
        strbuf_add_str(out, address);
    else
        address_to_external(slice_of(address), out);
    strbuf_add_char(out, '>');
}

void delivery_log_outcome(const struct delivery_job *job, const struct recipient *rcpt,
                          const struct delivery_outcome *o, const char *status, int64_t done_us)
{
    CLEANUP(strbuf_done) struct strbuf line = STRBUF_INIT(64 * 1024);
    strbuf_add_str(&line, "to=");
    delivery_log_address(rcpt->address, &line);
    if (rcpt->orig_address[0] != '\0' && strcasecmp(rcpt->orig_address, rcpt->address) != 0) {
        strbuf_add_str(&line, ", orig_to=");
        delivery_log_address(rcpt->orig_address, &line);
    }
    strbuf_addf(&line, ", relay=%s, %s", o->relay, o->log_extra ? o->log_extra : "");
    add_delays(job, done_us, &line);
    if (o->log_tls && *o->log_tls)
        strbuf_addf(&line, ", %s", o->log_tls);
    strbuf_addf(&line, ", dsn=%s, status=%s (%s)", o->dsn, status, o->text);
    log_info(&job->log, "%s", line.s);
}

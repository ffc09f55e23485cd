/*
 * error: bounces every recipient with the text in the nexthop; the service "retry" defers them
 * instead.
 *
 * transport_maps, access rules and qmgr itself use these transports to say why mail is not
 * delivered. An enhanced status code may stand in front of the text.
 */
#include "delivery/delivery.h"

#include <string.h>

static bool is_retry;

static void on_job(struct delivery_job *job)
{
    struct slice dsn, text;
    if (!delivery_split_dsn(slice_of(job->request.nexthop), &dsn, &text))
        dsn = slice_of(is_retry ? "4.0.0" : "5.0.0");
    const struct delivery_outcome outcome = {
        .dsn = arena_slice_dup(job->arena, dsn),
        .relay = "none",
        .text = arena_slice_dup(job->arena, text),
    };
    for (size_t i = 0; i < job->recipient_count; i++)
        if (is_retry)
            delivery_deferred(job, &job->recipients[i], &outcome);
        else
            delivery_bounced(job, &job->recipients[i], &outcome);
    delivery_job_done(job);
}

static void after_jail(struct config *cfg)
{
    (void)cfg;
    /* error(8): the name in master.cf decides */
    is_retry = strcmp(service_instance(), "retry") == 0;
}

int main(int argc, char **argv)
{
    static const struct delivery_program program = {
        .service = {.name = "error", .after_jail = after_jail},
        .is_event_driven = true,
        .on_job = on_job,
    };
    return delivery_main(&program, argc, argv);
}

/*
 * discard: throws mail away and logs it as sent, with the nexthop as the reason. An enhanced status
 * code may stand in front of the reason.
 */
#include "delivery/delivery.h"

static void on_job(struct delivery_job *job)
{
    struct slice dsn, text;
    if (!delivery_split_dsn(slice_of(job->request.nexthop), &dsn, &text))
        dsn = slice_of("2.0.0");
    const struct delivery_outcome outcome = {
        .dsn = arena_slice_dup(job->arena, dsn),
        .relay = "none",
        .text = arena_slice_dup(job->arena, text),
    };
    for (size_t i = 0; i < job->recipient_count; i++)
        delivery_sent(job, &job->recipients[i], &outcome);
    delivery_job_done(job);
}

int main(int argc, char **argv)
{
    static const struct delivery_program program = {
        .service = {.name = "discard"},
        .is_event_driven = true,
        .on_job = on_job,
    };
    return delivery_main(&program, argc, argv);
}

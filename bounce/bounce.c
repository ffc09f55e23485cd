/*
 * bounce(8): keeps the delivery status of each message and reports it: to the sender, to the
 * postmaster. master.cf runs it three times; the name of the service (bounce, defer, trace) is the
 * name of the logs, and tells what a report of them is.
 */
#include "bounce/bounce_mail.h"
#include "bounce/bounce_params.h"
#include "bounce/bounce_session.h"
#include "bounce/bounce_sync.h"
#include "service/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void after_jail(struct config *cfg)
{
    /* for postconf -b and -t, which show the texts of this program */
    bool expand = strcmp(service_instance(), "expand_templates") == 0;
    if (service_is_alone_on_stdin() &&
        (expand || strcmp(service_instance(), "dump_templates") == 0)) {
        bounce_mail_print_templates(expand);
        exit(fflush(stdout) == 0 ? 0 : 1);
    }
    bounce_mail_after_jail(cfg);
    bounce_sync_start(service_loop());
}

static void on_exit_of_service(void)
{
    bounce_sync_stop();
    bounce_mail_stop();
}

static bool on_retire(void)
{
    bounce_session_retire();
    return false;
}

static const struct service bounce_service = {
    .name = "bounce",
    .model = SERVICE_MANY_CLIENTS,
    .needs = CONFINE_WRITES_QUEUE | CONFINE_NETWORK,
    .params = bounce_param_rows,
    .params_at = &bounce_params,
    .before_jail = bounce_mail_before_jail,
    .after_jail = after_jail,
    .on_connect = bounce_session_start,
    .on_retire = on_retire,
    .on_exit = on_exit_of_service,
};

int main(int argc, char **argv)
{
    return service_main(&bounce_service, argc, argv);
}

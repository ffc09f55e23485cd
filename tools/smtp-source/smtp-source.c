/*
 * smtp-source: an SMTP or LMTP client that sends many messages, for tests and measurements. By the
 * name qmqp-source it speaks QMQP.
 */
#include "tools/smtp-source/source_run.h"

#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct source_options options;
    source_options_parse(argc, argv, &options);
    signal(SIGPIPE, SIG_IGN);
    srandom((unsigned)getpid());
    source_run(&options);
    source_options_done(&options);
    return 0;
}

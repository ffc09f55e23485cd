/* finger_session: one SMTP or LMTP session: greeting, EHLO, STARTTLS, EHLO, QUIT. */
#ifndef FINGER_SESSION_H
#define FINGER_SESSION_H

#include "tools/posttls-finger/finger_tls.h"

struct finger_session_setup {
    const struct finger_options *options;
    const struct finger_hosts *hosts;
    struct finger_tls *tls;
    struct loop *loop;
    const char *our_name;
};

enum finger_session_end {
    FINGER_SESSION_UNREACHED, /* no connection: another host may do */
    FINGER_SESSION_BROKEN,
    FINGER_SESSION_COMPLETE, /* up to QUIT */
};

/* Connect to HOST and talk to it until the session is over; all of it is said. IS_AGAIN: not for
 * the first time, with the sessions of TLS that it has left in setup->tls. */
enum finger_session_end finger_session_run(const struct finger_session_setup *setup,
                                           const struct finger_host *host, bool is_again);

#endif

/* finger_tls: TLS as the command line wants it, and what there is to say of it. */
#ifndef FINGER_TLS_H
#define FINGER_TLS_H

#include "base/arena.h"
#include "config/config.h"
#include "tools/posttls-finger/finger_hosts.h"

struct stream;
struct tls_client;
struct tls_dane;
struct tls_info;
struct tls_session;
struct tls_session_events;

struct finger_tls {
    const struct finger_options *options;
    struct tls_client *client; /* NULL: TLS cannot be had */
    struct tls_dane *anchors;  /* of -A; NULL: none */
    struct strbuf chain;       /* what -C shows, after all else */
    bool was_offered;          /* the server had a session of an earlier connection to go on with */
};

/* Keys, certificates and authorities. What is wrong with them is said, and TLS is not to be had. */
void finger_tls_open(const struct finger_options *options, struct config *cfg, struct arena *arena,
                     struct finger_tls *ret);
void finger_tls_close(struct finger_tls *tls); /* shows the chain that -C wants */

/* Whom a handshake is with. */
struct finger_server {
    const struct finger_hosts *hosts;
    const struct finger_host *host; /* of HOSTS */
    const char *peer;               /* in lines */
    const char *name;               /* that it gives itself; "": not yet */
    bool is_again;                  /* there has been a connection before */
};

/* Begin the handshake on STREAM. NULL: it cannot be, and why is said. OWNER goes to the events. */
struct tls_session *finger_tls_begin(struct finger_tls *tls, struct loop *loop,
                                     struct stream *stream, const struct finger_server *server,
                                     const struct tls_session_events *events, void *owner);
/* The handshake is over. */
void finger_tls_show(struct finger_tls *tls, const struct tls_session *session,
                     const struct tls_info *info, const struct finger_server *server);
/* Is there a session to go on with? */
bool finger_tls_has_sessions(const struct finger_tls *tls);

#endif

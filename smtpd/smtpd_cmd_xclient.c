/* XCLIENT: a trusted peer (a proxy, a test) says who the client is; the session begins again. */
#include "base/xmem.h"
#include "mail/address.h"
#include "smtpd/smtpd_cmd.h"
#include "smtpd/smtpd_eval.h"
#include "smtpd/smtpd_greet.h"
#include "smtpd/smtpd_limits.h"
#include "smtpd/smtpd_milter.h"
#include "smtpd/smtpd_peer.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"
#include "smtpd/smtpd_tx.h"
#include "smtpd/smtpd_xattr.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum claim { NAME, ADDR, PORT, PROTO, HELO, REVERSE_NAME, LOGIN, DESTADDR, DESTPORT, CLAIMS };

static bool is_protocol(const char *value)
{
    return strcasecmp(value, "SMTP") == 0 || strcasecmp(value, "ESMTP") == 0;
}

static const struct smtpd_xattr attributes[CLAIMS] = {
    [NAME] = {"NAME", smtpd_xattr_is_name},
    [ADDR] = {"ADDR", smtpd_xattr_is_address},
    [PORT] = {"PORT", smtpd_xattr_is_port},
    [PROTO] = {"PROTO", is_protocol},
    [HELO] = {"HELO", NULL},
    [REVERSE_NAME] = {"REVERSE_NAME", smtpd_xattr_is_name},
    [LOGIN] = {"LOGIN", NULL},
    [DESTADDR] = {"DESTADDR", smtpd_xattr_is_address},
    [DESTPORT] = {"DESTPORT", smtpd_xattr_is_port},
};

static const char *name_or_unknown(struct smtpd_session *s, const char *name)
{
    if (strcasecmp(name, SMTPD_XATTR_TEMPORARY) == 0) {
        s->flags |= SMTPD_SESSION_SEEN_NAME_ERROR;
        return "unknown";
    }
    return name[0] ? name : "unknown";
}

static void set_address(char **at, const char *value)
{
    free(*at);
    *at = xstrdup(value[0] ? smtpd_xattr_address(value) : "unknown");
}

static uint16_t port_of(const char *value)
{
    return (uint16_t)strtoul(value, NULL, 10);
}

static void set_peer(struct smtpd_session *s, char **claims)
{
    struct smtpd_peer *peer = &s->peer;
    s->flags &= ~(unsigned)SMTPD_SESSION_SEEN_NAME_ERROR;
    if (claims[ADDR]) {
        set_address(&peer->address, claims[ADDR]);
        peer->family = strchr(peer->address, ':') ? AF_INET6 : AF_INET;
    }
    if (claims[PORT])
        peer->port = port_of(claims[PORT]);
    if (claims[DESTADDR])
        set_address(&peer->server_address, claims[DESTADDR]);
    if (claims[DESTPORT])
        peer->server_port = port_of(claims[DESTPORT]);
    const char *name = claims[NAME] ? name_or_unknown(s, claims[NAME]) : peer->name;
    /* a name that is known stands for both */
    const char *reverse = claims[REVERSE_NAME]           ? name_or_unknown(s, claims[REVERSE_NAME])
                          : strcmp(name, "unknown") == 0 ? peer->reverse_name
                          : claims[NAME]                 ? name
                                                         : peer->reverse_name;
    CLEANUP(xfree_ptr) char *name_copy = xstrdup(name), *reverse_copy = xstrdup(reverse);
    smtpd_peer_set_names(peer, name_copy, reverse_copy);
}

static void set_greeting(struct smtpd_session *s, char **claims)
{
    free(s->helo);
    s->helo = claims[HELO] && claims[HELO][0] ? smtpd_helo_clean(slice_of(claims[HELO])) : NULL;
    s->flags &= ~(unsigned)SMTPD_SESSION_ESMTP;
    if (claims[PROTO] && strcasecmp(claims[PROTO], "ESMTP") == 0)
        s->flags |= SMTPD_SESSION_ESMTP;
    bool named = claims[LOGIN] && claims[LOGIN][0];
    smtpd_session_set_login(s, "XCLIENT", named ? claims[LOGIN] : NULL);
}

struct reply smtpd_cmd_xclient(struct smtpd_session *s, struct slice args)
{
    char *claims[CLAIMS] = {NULL};
    if (!smtpd_server_list_has(s->server->xclient_hosts, s))
        return reply_text("550 5.7.0 Error: insufficient authorization");
    const char *problem = smtpd_xattr_parse(s, "XCLIENT", args, attributes, CLAIMS, claims);
    if (problem) {
        smtpd_xattr_free(claims, CLAIMS);
        return reply_text(problem);
    }
    smtpd_limit_disconnect(s); /* the old address is counted no longer */
    smtpd_milter_abort(s, (s->tx ? 1 : 0) + (s->helo ? 1 : 0));
    smtpd_milter_end(s);
    smtpd_tx_reset(s);
    smtpd_held_free(s->held);
    s->held = NULL;
    set_peer(s, claims);
    set_greeting(s, claims);
    smtpd_xattr_free(claims, CLAIMS);
    return smtpd_greet_again(s);
}

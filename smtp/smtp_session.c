/* Connections: making them, ending them, and who hears of what happens on them. */
#include "smtp/smtp_session.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "io/sock.h"
#include "log/log.h"
#include "smtp/smtp_cache.h"
#include "smtp/smtp_delivery.h"
#include "smtp/smtp_input.h"
#include "smtp/smtp_notice.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_proto.h"
#include "smtp/smtp_sasl.h"
#include "smtp/smtp_tls.h"
#include "tls/tls_session.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static struct smtp_session *sessions;

struct smtp_session *smtp_session_first(void)
{
    return sessions;
}

static void session_detach_stream(struct smtp_session *s, bool flush)
{
    tls_session_detach(s->handshake);
    if (flush)
        stream_free_flush(s->stream);
    else
        stream_free(s->stream);
    s->stream = NULL;
}

static void session_release(struct smtp_session *s)
{
    watch_free(s->connecting);
    timer_free(s->timer);
    timer_free(s->idle);
    if (s->fd >= 0)
        close(s->fd);
    smtp_notice_end(s);
    esmtp_reply_done(&s->reply);
    strbuf_done(&s->filtered);
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    free((char *)s->host.name);
    free((char *)s->host.address_text);
    free(s->destination);
    free(s->name);
    free(s->relay);
    free(s->policy_key);
    smtp_sasl_free(s);
    free(s);
}

void smtp_session_free(struct smtp_session *s)
{
    if (!s)
        return;
    session_detach_stream(s, false);
    session_release(s);
}

void smtp_session_quit(struct smtp_session *s)
{
    s->delivery = NULL;
    if (!s->stream || s->is_unusable) {
        smtp_session_free(s);
        return;
    }
    smtp_notice_said(s, SMTP_STEP_QUIT, slice_of("QUIT\r\n"));
    stream_write_str(s->stream, "QUIT\r\n");
    if (smtp_params.smtp_skip_quit_response) {
        session_detach_stream(s, true);
        session_release(s);
        return;
    }
    s->send = SMTP_STEP_NONE;
    s->recv = SMTP_STEP_QUIT;
    s->outstanding = 1;
    smtp_session_deadline(s, smtp_params.smtp_quit_timeout);
}

void smtp_session_deadline(struct smtp_session *s, int64_t seconds)
{
    s->pending_seen = stream_output_pending(s->stream);
    stream_deadline(s->stream, seconds * 1000);
}

/* The connection is over before its time. */
static void session_lost(struct smtp_session *s, enum smtp_end end)
{
    struct smtp_delivery *d = s->delivery;
    if (d)
        smtp_delivery_on_lost(d, s, end); /* frees the session */
    else
        smtp_session_free(s);
}

static void on_input(void *owner, struct stream *stream)
{
    (void)stream;
    struct smtp_session *s = owner;
    if (s->recv == SMTP_STEP_IDLE) { /* nobody asked: it says good-bye */
        smtp_session_free(s);
        return;
    }
    smtp_input(s);
}

static void on_closed(void *owner, struct stream *stream, const struct err *err)
{
    (void)stream;
    (void)err;
    session_lost(owner, SMTP_END_LOST);
}

/* Content that still drains earns the peer more time; with smtp_per_request_deadline only when it
 * drains fast enough. */
static bool session_makes_progress(struct smtp_session *s)
{
    size_t pending = stream_output_pending(s->stream);
    int64_t limit = smtp_params.smtp_data_xfer_timeout;
    if (pending == 0 || pending >= s->pending_seen || s->recv < SMTP_STEP_BODY)
        return false;
    int64_t wanted =
        smtp_params.smtp_per_request_deadline ? limit * smtp_params.smtp_min_data_rate : 0;
    if ((int64_t)(s->pending_seen - pending) < wanted)
        return false;
    smtp_session_deadline(s, limit);
    return true;
}

static void on_timeout(void *owner, struct stream *stream)
{
    (void)stream;
    struct smtp_session *s = owner;
    if (!session_makes_progress(s))
        session_lost(s, SMTP_END_TIMEOUT);
}

static void on_room(void *owner, struct stream *stream)
{
    (void)stream;
    smtp_proto_send(owner);
}

static const struct stream_events stream_events = {on_input, on_closed, on_timeout, on_room};

static void session_connect_failed(struct smtp_session *s, const char *reason)
{
    smtp_delivery_on_connect_failed(s->delivery, s, reason); /* frees the session */
}

static void on_connect(void *owner, unsigned events)
{
    (void)events;
    struct smtp_session *s = owner;
    int error = sock_error(s->fd);
    watch_free(s->connecting);
    s->connecting = NULL;
    if (error) {
        session_connect_failed(s, strerror(error));
        return;
    }
    timer_stop(s->timer);
    s->stream = stream_new(smtp_client.loop, s->fd, &stream_events, s);
    s->fd = -1;
    smtp_notice_begin(s);
    smtp_proto_begin(s);
}

static void on_connect_timeout(void *owner)
{
    session_connect_failed(owner, strerror(ETIMEDOUT));
}

/* The address to connect from: smtp_bind_address, else the one non-loopback address of
 * inet_interfaces when there is but one. */
static bool bind_address(int family, struct sockaddr_storage *ret, socklen_t *ret_len,
                         struct err *err)
{
    const char *set =
        family == AF_INET ? smtp_params.smtp_bind_address : smtp_params.smtp_bind_address6;
    *ret_len = 0;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    struct slice address = slice_of(set);
    if (address.len > 2 && address.s[0] == '[')
        address = (struct slice){address.s + 1, address.len - 2};
    strbuf_add_slice(&text, address);
    if (text.len > 0)
        return sock_address_parse(text.s, 0, ret, ret_len) && ret->ss_family == family
                   ? true
                   : err_set(err, ERR_CONFIG, "bad smtp_bind_address: %s", set);
    if (strcmp(common_params.inet_interfaces, "all") == 0)
        return true;
    const char *only = NULL;
    struct sockaddr_storage candidate;
    socklen_t len;
    for (size_t i = 0; i < smtp_client.own_addresses.count; i++) {
        const char *own = smtp_client.own_addresses.at[i];
        if (!sock_address_parse(own, 0, &candidate, &len) || candidate.ss_family != family)
            continue;
        if (only)
            return true;
        only = own;
        *ret = candidate;
        *ret_len = len;
    }
    if (only && (strncmp(only, "127.", 4) == 0 || strcmp(only, "::1") == 0))
        *ret_len = 0;
    return true;
}

static int connect_start(const struct smtp_host *host, struct err *err)
{
    if (host->path)
        return sock_connect_unix_start(host->path, err);
    struct sockaddr_storage from;
    socklen_t from_len;
    int window = (int)common_params.tcp_windowsize;
    struct err bind_err = ERR_INIT;
    const struct sockaddr *to = (const struct sockaddr *)&host->address;
    bool can_bind = bind_address(to->sa_family, &from, &from_len, &bind_err);
    if (!can_bind && smtp_params.smtp_bind_address_enforce) {
        *err = bind_err;
        return -1;
    }
    if (!can_bind)
        log_warn(NULL, "%s", bind_err.reason);
    if (can_bind && from_len > 0) {
        int fd = sock_connect_start_window(to, host->address_len, (struct sockaddr *)&from,
                                           from_len, window, err);
        bool can_bind_there = strcmp(err->reason, strerror(EADDRNOTAVAIL)) != 0;
        if (fd >= 0 || smtp_params.smtp_bind_address_enforce || can_bind_there)
            return fd;
        log_warn(NULL, "cannot connect from the address of smtp_bind_address: %s", err->reason);
        *err = (struct err)ERR_INIT;
    }
    return sock_connect_start_window(to, host->address_len, NULL, 0, window, err);
}

struct smtp_session *smtp_session_connect(const struct smtp_host *host, const char *destination,
                                          struct smtp_delivery *delivery, struct err *err)
{
    int fd = connect_start(host, err);
    if (fd < 0)
        return NULL;
    struct smtp_session *s = xzalloc(sizeof *s);
    s->host = *host;
    s->host.name = xstrdup(host->path ? common_params.myhostname : host->name);
    s->host.address_text = xstrdup(host->address_text);
    s->destination = xstrdup(destination);
    s->name = xasprintf("%s[%s]", s->host.name, s->host.address_text);
    s->relay = host->path ? xstrdup(s->name) : xasprintf("%s:%d", s->name, host->port);
    s->host.path = s->host.asked = s->host.target = NULL; /* the delivery's, up to here */
    s->delivery = delivery;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    smtp_tls_policy_key(&delivery->policy, &key);
    s->policy_key = xstrdup(key.s);
    s->tls_wanted = (int)delivery->policy.wanted;
    s->allows_tls_reuse = delivery->policy.allows_reuse;
    /* never where TLS is required, whatever went before */
    s->is_tls_off = delivery->is_tls_off && delivery->policy.level == SMTP_TLS_MAY;
    s->fd = fd;
    s->send = SMTP_STEP_NONE;
    s->uses = 1;
    s->created_ms = clock_now_ms();
    esmtp_reply_init(&s->reply);
    strbuf_init(&s->filtered, (size_t)2 * ESMTP_REPLY_LINE_MAX);
    s->next = sessions;
    s->link = &sessions;
    if (s->next)
        s->next->link = &s->next;
    sessions = s;
    s->connecting = watch_new(smtp_client.loop, fd, WATCH_WRITE, on_connect, s);
    s->timer = timer_new(smtp_client.loop, on_connect_timeout, s);
    if (smtp_params.smtp_connect_timeout > 0)
        timer_start(s->timer, smtp_params.smtp_connect_timeout * 1000);
    return s;
}

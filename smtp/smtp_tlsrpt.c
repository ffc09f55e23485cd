/* When something is reported, of whom, and the datagram on its way. What is in it:
 * smtp_tlsrpt_text.c. */
#include "smtp/smtp_tlsrpt.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "dns/dns_ace.h"
#include "io/fd.h"
#include "io/sock.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_tls.h"
#include "smtp/smtp_tlsrpt_text.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* Questions that are open at a time; what comes on top is not reported. */
enum { PENDING_MAX = 1000 };

static struct sockaddr_un collector;
static int out = -1; /* -1: nothing is reported */
static size_t pending;
static bool is_collector_gone; /* it was told of */

/* An event that waits for the domain's record. */
struct tlsrpt_event {
    char *domain, *body; /* members of the datagram, but for the record */
    struct strbuf note;  /* to be logged once it is sent */
};

static const char *parameter(const char *end)
{
    static char name[100];
    snprintf(name, sizeof name, "%s_tlsrpt_%s", smtp_client.is_lmtp ? "lmtp" : "smtp", end);
    return name;
}

/* The socket as a process sees it whose root, or working directory, is the queue directory. */
static const char *path_in_queue(const char *path)
{
    struct slice name = slice_of(path);
    const char *queue = common_params.queue_directory;
    size_t len = strlen(queue);
    return slice_starts(name, queue) && path[len] == '/' ? path + len + strspn(path + len, "/")
                                                         : path;
}

void smtp_tlsrpt_open(void)
{
    if (!smtp_params.smtp_tlsrpt_enable)
        return;
    const char *path = path_in_queue(smtp_params.smtp_tlsrpt_socket_name);
    if (!*path)
        log_warn(NULL, "%s is empty: no TLS results are reported", parameter("socket_name"));
    else if (strlen(path) >= sizeof collector.sun_path)
        log_warn(NULL, "%s is too long for a socket: no TLS results are reported",
                 parameter("socket_name"));
    else if (!(smtp_client.host_lookup & SMTP_LOOKUP_DNS))
        log_warn(NULL, "%s needs DNS look-ups: no TLS results are reported", parameter("enable"));
    else
        collector.sun_family = AF_UNIX;
    if (collector.sun_family)
        memcpy(collector.sun_path, path, strlen(path));
}

void smtp_tlsrpt_start(void)
{
    if (!collector.sun_family)
        return;
    out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (out < 0)
        log_warn(NULL, "no TLS results are reported: %s", strerror(errno));
}

/* --- sending -------------------------------------------------------------------------------- */

static void event_free(struct tlsrpt_event *e)
{
    free(e->domain);
    free(e->body);
    strbuf_done(&e->note);
    free(e);
    pending--;
}

static void warn_too_long(const char *domain)
{
    log_warn(NULL, "TLSRPT: a result for %s is too long to be reported", domain);
}

/* By name each time: a collector that is started again is found. A warning is for the first loss,
 * not for each. */
static void send_datagram(const struct tlsrpt_event *e, const char *record)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(SMTP_TLSRPT_MAX);
    smtp_tlsrpt_text_whole(e->domain, record, e->body, &text);
    if (text.overflow) {
        warn_too_long(e->domain);
        return;
    }
    ssize_t sent = sendto(out, text.s, text.len, MSG_NOSIGNAL, (const struct sockaddr *)&collector,
                          sizeof collector);
    bool is_lost = sent < 0;
    if (is_lost && !is_collector_gone)
        log_warn(NULL, "TLSRPT: cannot send to %s: %s", smtp_params.smtp_tlsrpt_socket_name,
                 strerror(errno));
    is_collector_gone = is_lost;
    if (!is_lost && smtp_tls_loglevel() > 0)
        log_info(NULL, "%s", e->note.s);
}

/* RFC 8460, section 3: a domain with more than one record has none. */
static const char *the_record(const struct dns_answer *answer)
{
    const char *found = NULL;
    for (size_t i = 0; i < answer->count; i++) {
        const char *text = answer->records[i].text;
        struct slice rest = slice_from(slice_of(text), strlen("v=TLSRPTv1"));
        if (!slice_starts(slice_of(text), "v=TLSRPTv1") ||
            !slice_starts(slice_trim_left(rest), ";"))
            continue;
        if (found)
            return NULL;
        found = text;
    }
    return found;
}

static void on_record(void *owner, const struct dns_answer *answer, const struct err *err)
{
    struct tlsrpt_event *e = owner;
    const char *record = answer->status == DNS_FOUND ? the_record(answer) : NULL;
    if (record)
        send_datagram(e, record);
    else if (answer->status == DNS_FAILED && smtp_tls_loglevel() > 0)
        log_info(NULL, "TLSRPT: no report for %s: %s", e->domain, err->reason);
    event_free(e);
}

/* --- what happens --------------------------------------------------------------------------- */

/* Reports are for domains whose policies are found by name: not for hosts in [], addresses, sockets
 * and ports of their own. */
static bool is_domain(const struct smtp_nexthop *nexthop)
{
    struct sockaddr_storage address;
    socklen_t len;
    return nexthop->kind != SMTP_NEXTHOP_UNIX && nexthop->text[0] != '[' &&
           nexthop->port == smtp_client.port &&
           !sock_address_parse(nexthop->host, 0, &address, &len);
}

static void report(const struct smtp_delivery *d, const struct smtp_session *s, const char *type,
                   const char *reason)
{
    CLEANUP(strbuf_done) struct strbuf sender = STRBUF_ANY, body = STRBUF_INIT(SMTP_TLSRPT_MAX);
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY, domain = STRBUF_ANY;
    const struct smtp_nexthop *nexthop = d->policy_nexthop;
    const struct smtp_host *host = s ? &s->host : d->policy_host;
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    if (out < 0 || pending >= PENDING_MAX || !is_domain(nexthop) ||
        !dns_ace(nexthop->host, &domain))
        return;
    if (s && s->stream && getsockname(stream_fd(s->stream), (struct sockaddr *)&own, &len) == 0)
        sock_address_text((const struct sockaddr *)&own, &sender);
    const char *failure = d->policy.sts.failure;
    const struct smtp_tlsrpt_result result = {
        .policy = &d->policy,
        .domain = domain.s,
        .host = host->name,
        .host_address = host->address_text,
        .own_address = sender.s,
        .type = type ? type : failure, /* a policy that could not be had is no success */
        .reason = reason,
    };
    smtp_tlsrpt_text_result(&result, &body);
    if (body.overflow) {
        warn_too_long(domain.s);
        return;
    }
    struct tlsrpt_event *e = xzalloc(sizeof *e);
    pending++;
    e->domain = strbuf_take(&domain);
    strbuf_init(&e->note, SMTP_TLSRPT_MAX);
    strbuf_addf(&e->note, "TLSRPT: status=%s, domain=%s, receiving_mx=%s[%s]",
                result.type ? "failure" : "success", e->domain, host->name, host->address_text);
    if (result.type)
        strbuf_addf(&e->note, ", failure_type=%s", result.type);
    e->body = strbuf_take(&body);
    strbuf_addf(&name, "_smtp._tls.%s", e->domain);
    dns_query_start(smtp_client.dns, name.s, DNS_TXT, on_record, e);
}

void smtp_tlsrpt_succeeded(const struct smtp_session *s, const struct tls_info *info)
{
    if (!info->is_resumed || !smtp_params.smtp_tlsrpt_skip_reused_handshakes)
        report(s->delivery, s, NULL, NULL);
}

void smtp_tlsrpt_mismatched(const struct smtp_session *s, const struct tls_info *info)
{
    // clang-format off
    static const char *const types[] = {
        [TLS_FAULT_NONE] = "validation-failure",      [TLS_FAULT_OTHER] = "validation-failure",
        [TLS_FAULT_NAME] = "certificate-host-mismatch", [TLS_FAULT_EXPIRED] = "certificate-expired",
        [TLS_FAULT_UNTRUSTED] = "certificate-not-trusted",
    };
    // clang-format on
    if (!info->is_resumed || !smtp_params.smtp_tlsrpt_skip_reused_handshakes)
        report(s->delivery, s, types[info->fault], info->fault_text);
}

void smtp_tlsrpt_failed(const struct smtp_session *s, const char *type, const char *reason)
{
    report(s->delivery, s, type, reason);
}

void smtp_tlsrpt_refused(const struct smtp_delivery *d, const char *type, const char *reason)
{
    report(d, NULL, type, reason);
}

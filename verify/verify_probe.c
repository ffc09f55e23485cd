#include "verify/verify_probe.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "log/log.h"
#include "mail/cleanup_client.h"
#include "mail/envelope.h"
#include "mail/verify_sender.h"

#include <stdlib.h>
#include <utlist.h>

struct probe {
    struct cleanup_stream *stream;
    char *address;
    struct probe *prev, *next;
};

static struct cleanup_client *client;
static struct probe *probes;
static size_t probe_count;

enum { PROBES_MAX = 1000 }; /* on their way to cleanup */

void verify_probe_start(struct loop *loop)
{
    CLEANUP(xfree_ptr) char *path = xasprintf("public/%s", common_params.cleanup_service_name);
    client = cleanup_client_new(loop, path, common_params.ipc_timeout * 1000);
}

static void probe_free(struct probe *probe)
{
    DL_DELETE(probes, probe);
    probe_count--;
    cleanup_stream_free(probe->stream);
    free(probe->address);
    free(probe);
}

void verify_probe_stop(void)
{
    struct probe *probe, *next;
    DL_FOREACH_SAFE (probes, probe, next)
        probe_free(probe);
    cleanup_client_free(client);
    client = NULL;
}

static void on_opened(void *owner, const char *queue_id)
{
    (void)owner;
    (void)queue_id;
}

/* A probe that was not taken is tried again when somebody asks later (PROBE_TTL_S). */
static void on_done(void *owner, const struct cleanup_done *done, const struct err *err)
{
    struct probe *probe = owner;
    int code;
    const char *text = err ? err->reason : "";
    if (done && done->status != 0)
        cleanup_status_text(done->status, &code, &text);
    if (!done || done->status != 0)
        log_warn(NULL, "cannot send a probe for %s: %s", probe->address, text);
    probe_free(probe);
}

static const struct cleanup_events events = {on_opened, on_done, NULL};

static int64_t flags(void)
{
    struct slice rest = slice_of(common_params.smtputf8_autodetect_classes), class;
    while (slice_next_item(&rest, &class))
        if (slice_eq_nocase(class, "verify") || slice_eq_nocase(class, "all"))
            return CLEANUP_FLAGS_INTERNAL | CLEANUP_FLAG_AUTO_UTF8;
    return CLEANUP_FLAGS_INTERNAL;
}

void verify_probe_send(const char *address)
{
    struct timeval now;
    CLEANUP(strbuf_done) struct strbuf sender = STRBUF_ANY;
    if (probe_count >= PROBES_MAX) {
        log_warn(NULL, "too many probes on their way; none is sent for %s", address);
        return;
    }
    clock_wall(&now);
    verify_sender_make(now.tv_sec, &sender);
    struct probe *probe = xzalloc(sizeof *probe);
    probe->address = xstrdup(address);
    DL_APPEND(probes, probe);
    probe_count++;
    struct cleanup_stream *s = cleanup_stream_open(client, flags(), &events, probe);
    probe->stream = s;
    cleanup_stream_addf(s, REC_TIME, "%lld %lld", (long long)now.tv_sec, (long long)now.tv_usec);
    cleanup_stream_attribute(s, "log_message_origin", "local");
    CLEANUP(xfree_ptr) char *trace = xasprintf("%d", TRACE_MTA_PROBE);
    cleanup_stream_attribute(s, "trace_flags", trace);
    cleanup_stream_add(s, REC_SENDER, strbuf_slice(&sender));
    /* under this name the outcome is reported, whatever rewriting makes of the address */
    CLEANUP(xfree_ptr) char *orcpt = xasprintf("rfc822;%s", address);
    cleanup_stream_attribute(s, "dsn_orig_rcpt", orcpt);
    cleanup_stream_add(s, REC_ORIGINAL, slice_of(address));
    cleanup_stream_add(s, REC_RECIPIENT, slice_of(address));
    cleanup_stream_add(s, REC_MESSAGE, SLICE_EMPTY);
    cleanup_stream_add(s, REC_EXTRACTED, SLICE_EMPTY);
    cleanup_stream_finish(s);
}

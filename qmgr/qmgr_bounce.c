/* Questions to bounce, defer and trace about the logs of a message. */
#include "base/xmem.h"
#include "config/common_params.h"
#include "mail/bounce_log.h"
#include "mail/queue_id.h"
#include "qmgr/qmgr.h"

#include <string.h>
#include <unistd.h>

enum { MAX_IDLE = 4 };

static struct client *clients[QMGR_LOGS];

static const char *service_name(enum qmgr_log log)
{
    switch (log) {
    case QMGR_LOG_BOUNCE:
        return common_params.bounce_service_name;
    case QMGR_LOG_DEFER:
        return common_params.defer_service_name;
    default:
        return common_params.trace_service_name;
    }
}

void qmgr_bounce_init(void)
{
    for (size_t i = 0; i < QMGR_LOGS; i++) {
        CLEANUP(xfree_ptr) char *path = xasprintf("private/%s", service_name((enum qmgr_log)i));
        /* A report must not be sent twice because a connection closed late: no second try. */
        const struct client_options options = {
            .path = path,
            .timeout_ms = qmgr_params.qmgr_ipc_timeout * 1000,
            .max_idle = MAX_IDLE,
            .max_idle_ms = common_params.ipc_idle * 1000,
            .no_retry = true,
        };
        clients[i] = client_new(service_loop(), &options);
    }
}

struct asking {
    struct qmgr_message *message;
    enum qmgr_log log;
    qmgr_bounce_fn fn;
};

static bool answer_is_ok(uint16_t kind, struct slice body, const struct err *err, struct err *why)
{
    if (!body.s)
        return err_set(why, ERR_TEMP, "%s", err->reason);
    CLEANUP(arena_free_ptr) struct arena *arena = arena_new("bounce_status");
    struct bounce_status status;
    if (kind != BOUNCE_STATUS)
        return err_set(why, ERR_TEMP, "unexpected answer of kind %u", (unsigned)kind);
    if (!msg_decode(&bounce_status_type, body, arena, &status, why))
        return false;
    return status.ok ? true : err_set(why, ERR_TEMP, "%s", status.reason);
}

static void on_answer(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    struct asking asked = *(struct asking *)owner;
    free(owner);
    asked.message->call = NULL;
    struct err why = ERR_INIT;
    bool ok = answer_is_ok(kind, body, err, &why);
    if (!ok) {
        struct log_tag tag;
        qmgr_message_tag(asked.message->id, &tag);
        log_warn(&tag, "%s service failure: %s", service_name(asked.log), why.reason);
    }
    asked.fn(asked.message, ok);
}

void qmgr_bounce_ask(struct qmgr_message *m, enum qmgr_log log, enum bounce_kind kind,
                     qmgr_bounce_fn fn)
{
    const struct bounce_flush question = {
        .queue_name = QUEUE_ACTIVE,
        .queue_id = m->id,
        .encoding = m->env->encoding,
        .smtputf8 = m->env->smtputf8,
        .sender = m->env->sender,
        .dsn_envid = m->env->dsn_envid,
        .dsn_ret = m->env->dsn_ret,
        .verp = common_params.disable_verp_bounces ? "" : m->env->verp,
    };
    struct asking *asking = xzalloc(sizeof *asking);
    *asking = (struct asking){m, log, fn};
    m->call =
        client_call(clients[log], (uint16_t)kind, &bounce_flush_type, &question, on_answer, asking);
}

struct call *qmgr_bounce_append_defer(const struct bounce_append *question, call_fn fn, void *owner)
{
    return client_call(clients[QMGR_LOG_DEFER], BOUNCE_APPEND, &bounce_append_type, question, fn,
                       owner);
}

bool qmgr_bounce_log_exists(const char *id, enum qmgr_log log)
{
    static const char *const names[] = {BOUNCE_LOG_BOUNCE, BOUNCE_LOG_DEFER, BOUNCE_LOG_TRACE};
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    queue_path(&path, names[log], id);
    return access(path.s, F_OK) == 0;
}

/* Questions to bounce, defer and trace about the logs of a message. */
#include "base/xmem.h"
#include "config/common_params.h"
#include "mail/bounce_log.h"
#include "mail/queue_id.h"
#include "qmgr/qmgr.h"

#include <string.h>
#include <unistd.h>

enum { MAX_IDLE = 4 };

static struct client *clients[BOUNCE_SERVICES];

void qmgr_bounce_init(void)
{
    for (size_t i = 0; i < BOUNCE_SERVICES; i++) {
        /* A report must not be sent twice because a connection closed late: no second try. */
        const struct client_options options = {
            .timeout_ms = qmgr_params.qmgr_ipc_timeout * 1000,
            .max_idle = MAX_IDLE,
            .max_idle_ms = common_params.ipc_idle * 1000,
            .max_age_ms = common_params.ipc_ttl * 1000,
            .no_retry = true,
        };
        clients[i] = bounce_client_new(service_loop(), (enum bounce_service)i, options);
    }
}

struct asking {
    struct qmgr_message *message;
    enum bounce_service log;
    qmgr_bounce_fn fn;
};

static void on_answer(void *owner, uint16_t kind, struct slice body, const struct err *err)
{
    struct asking asked = *(struct asking *)owner;
    free(owner);
    asked.message->call = NULL;
    struct err why = ERR_INIT;
    bool ok = bounce_client_answer(kind, body, err, &why);
    if (!ok) {
        struct log_tag tag;
        qmgr_message_tag(asked.message->id, &tag);
        log_warn(&tag, "%s service failure: %s", bounce_client_name(asked.log), why.reason);
    }
    asked.fn(asked.message, ok);
}

void qmgr_bounce_ask(struct qmgr_message *m, enum bounce_service log, enum bounce_kind kind,
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
    return client_call(clients[DEFER_SERVICE], BOUNCE_APPEND, &bounce_append_type, question, fn,
                       owner);
}

bool qmgr_bounce_log_exists(const char *id, enum bounce_service log)
{
    static const char *const names[] = {BOUNCE_LOG_BOUNCE, BOUNCE_LOG_DEFER, BOUNCE_LOG_TRACE};
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_INIT(4096);
    queue_path(&path, names[log], id);
    return access(path.s, F_OK) == 0;
}

#include "smtpd/smtpd_dns.h"

#include "base/xmem.h"
#include "dns/dns_filter.h"
#include "log/log.h"
#include "smtpd/smtpd_server.h"
#include "smtpd/smtpd_session.h"

#include <string.h>
#include <strings.h>

/* Answers kept; where there are more, the next run begins with none. */
enum { ANSWERS_MAX = 1000 };

struct question {
    struct smtpd_dns *dns;
    const char *name;
    enum dns_type type;
    struct dns_query *query; /* NULL: answered */
    struct smtpd_answer answer;
    struct question *next;
};

struct smtpd_dns {
    struct arena *arena;
    struct question *questions;
    size_t count, open;
    struct smtpd_eval *waiting; /* NULL: nobody */
};

static struct smtpd_dns *dns_get(struct smtpd_session *s)
{
    if (!s->dns) {
        struct arena *arena = arena_new("smtpd_dns");
        s->dns = arena_zalloc(arena, sizeof *s->dns);
        s->dns->arena = arena;
    }
    return s->dns;
}

void smtpd_dns_begin(struct smtpd_session *s)
{
    if (s->dns && s->dns->count > ANSWERS_MAX) {
        smtpd_dns_free(s->dns);
        s->dns = NULL;
    }
}

void smtpd_dns_free(struct smtpd_dns *dns)
{
    if (!dns)
        return;
    for (struct question *q = dns->questions; q; q = q->next)
        dns_query_cancel(q->query);
    arena_free(dns->arena);
}

void smtpd_dns_forget(struct smtpd_eval *e)
{
    struct smtpd_dns *dns = e->s->dns;
    if (!dns || dns->waiting != e)
        return;
    dns->waiting = NULL;
    /* what was not answered is not known: it is asked again when somebody wants it */
    for (struct question **at = &dns->questions; *at;) {
        if ((*at)->query) {
            dns_query_cancel((*at)->query);
            *at = (*at)->next;
            dns->count--;
        } else {
            at = &(*at)->next;
        }
    }
    dns->open = 0;
}

static void log_oddities(const struct dns_answer *dns)
{
    struct slice in = slice_of(dns->warnings), line;
    while (slice_next_line(&in, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
    in = slice_of(dns->notes);
    while (slice_next_line(&in, &line))
        log_info(NULL, "%.*s", SLICE_ARG(line));
}

static void on_answer(void *owner, const struct dns_answer *answer, const struct err *err)
{
    struct question *q = owner;
    struct smtpd_dns *dns = q->dns;
    struct smtpd_eval *e = dns->waiting;
    q->query = NULL;
    struct dns_answer *copy = dns_answer_copy(answer, dns->arena);
    struct err why = *err;
    dns_filter_apply(e->s->server->dns_filter, copy, dns->arena, &why);
    log_oddities(copy);
    q->answer.dns = copy;
    q->answer.reason = copy->status == DNS_FOUND     ? ""
                       : copy->status == DNS_DROPPED ? dns_answer_why(copy)
                                                     : arena_strdup(dns->arena, why.reason);
    if (--dns->open > 0)
        return;
    dns->waiting = NULL;
    smtpd_eval_resume(e, SMTPD_VERDICT_NONE);
}

/* A name that cannot be in the DNS needs no question. */
static bool is_askable(const char *name, enum dns_type type)
{
    struct slice text = slice_of(name);
    return type == DNS_HOST ? text.len > 0 && text.len <= DNS_NAME_MAX
                            : dns_is_hostname(text) && text.s[text.len - 1] != '.';
}

struct smtpd_answer *smtpd_dns_ask(struct smtpd_eval *e, const char *name, enum dns_type type)
{
    struct smtpd_dns *dns = dns_get(e->s);
    for (struct question *q = dns->questions; q; q = q->next)
        if (q->type == type && strcasecmp(q->name, name) == 0)
            return q->query ? NULL : &q->answer;
    struct question *q = arena_zalloc(dns->arena, sizeof *q);
    *q = (struct question){.dns = dns, .type = type, .next = dns->questions};
    q->name = arena_strdup(dns->arena, name);
    dns->questions = q;
    dns->count++;
    if (is_askable(name, type)) {
        q->query = dns_query_start(e->s->server->dns, q->name, type, on_answer, q);
        dns->open++;
        dns->waiting = e;
        e->is_asking = true;
        return NULL;
    }
    struct dns_answer *none = arena_zalloc(dns->arena, sizeof *none);
    struct err err = ERR_INIT;
    dns_answer_fail(q->name, type, DNS_NOT_FOUND, none, &err);
    q->answer = (struct smtpd_answer){none, arena_strdup(dns->arena, err.reason), false};
    return &q->answer;
}

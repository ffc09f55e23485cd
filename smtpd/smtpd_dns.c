#include "smtpd/smtpd_dns.h"

#include "base/xmem.h"
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

/* "name. ttl IN MX 10 host.": what smtpd_dns_reply_filter looks for. */
static void format_record(const struct dns_answer *answer, const struct dns_record *record,
                          struct strbuf *out)
{
    bool is_name = answer->type == DNS_MX || answer->type == DNS_NS || answer->type == DNS_PTR;
    strbuf_addf(out, "%s. %lu IN %s ", record->owner, (unsigned long)record->ttl,
                dns_type_name(answer->type));
    if (answer->type == DNS_MX)
        strbuf_addf(out, "%u ", record->preference);
    strbuf_addf(out, "%s%s", record->text, is_name ? "." : "");
}

/* May this record be used? A table that cannot be asked, or says what we do not know, makes the
 * whole answer a temporary error. */
static enum map_status filter_record(struct maps *filter, const char *text, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf action = STRBUF_ANY;
    enum map_status status = maps_find(filter, text, MAPS_WHOLE_KEY, &action, err);
    if (status != MAP_FOUND)
        return status;
    if (strcasecmp(action.s, "IGNORE") == 0) {
        log_info(NULL, "ignoring DNS RR: %s", text);
        return MAP_FOUND;
    }
    err_set(err, ERR_CONFIG, "smtpd_dns_reply_filter: unknown DNS filter action: \"%s\"", action.s);
    return MAP_FAILED;
}

static void filter_answer(struct smtpd_server *server, struct smtpd_answer *answer,
                          struct dns_answer *dns)
{
    if (dns->status != DNS_FOUND || dns->type == DNS_HOST || maps_is_empty(server->dns_filter))
        return;
    size_t kept = 0;
    struct err err = ERR_INIT;
    for (size_t i = 0; i < dns->count; i++) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        format_record(dns, &dns->records[i], &text);
        switch (filter_record(server->dns_filter, text.s, &err)) {
        case MAP_FOUND:
            break;
        case MAP_NOT_FOUND:
            dns->records[kept++] = dns->records[i];
            break;
        case MAP_FAILED:
            log_warn(NULL, "%s", err.reason);
            dns_answer_fail(dns->name, dns->type, DNS_FAILED, dns, &err);
            return;
        }
    }
    dns->count = kept;
    answer->is_filtered = kept == 0;
}

static void log_warnings(const struct dns_answer *dns)
{
    struct slice in = slice_of(dns->warnings), line;
    while (slice_next_line(&in, &line))
        log_warn(NULL, "%.*s", SLICE_ARG(line));
}

static void on_answer(void *owner, const struct dns_answer *answer, const struct err *err)
{
    struct question *q = owner;
    struct smtpd_dns *dns = q->dns;
    struct smtpd_eval *e = dns->waiting;
    q->query = NULL;
    struct dns_answer *copy = dns_answer_copy(answer, dns->arena);
    q->answer.dns = copy;
    q->answer.reason = answer->status == DNS_FOUND ? "" : arena_strdup(dns->arena, err->reason);
    log_warnings(copy);
    filter_answer(e->s->server, &q->answer, copy);
    if (q->answer.is_filtered)
        q->answer.reason = "DNS reply filter drops all results";
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
    q->answer = (struct smtpd_answer){none, arena_strdup(dns->arena, err.reason), false, false};
    return &q->answer;
}

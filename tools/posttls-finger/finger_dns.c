#include "tools/posttls-finger/finger_dns.h"

bool finger_dns_open(struct finger_dns *ret, struct loop *loop, struct arena *arena, bool is_secure,
                     struct err *err)
{
    *ret = (struct finger_dns){.loop = loop, .arena = arena, .dns = dns_new(err)};
    if (!ret->dns)
        return false;
    if (is_secure)
        dns_ask_secure(ret->dns);
    dns_start(ret->dns, loop);
    return true;
}

void finger_dns_close(struct finger_dns *q)
{
    dns_free(q->dns);
    q->dns = NULL;
}

static void on_answer(void *owner, const struct dns_answer *answer, const struct err *err)
{
    struct finger_dns *q = owner;
    q->answer = dns_answer_copy(answer, q->arena);
    q->err = *err;
    loop_stop(q->loop);
}

const struct dns_answer *finger_dns_ask(struct finger_dns *q, const char *name, enum dns_type type)
{
    dns_query_start(q->dns, name, type, on_answer, q);
    loop_run(q->loop);
    return q->answer;
}

#include "mail/verify_sender.h"

#include "config/common_params.h"

/* The number of the period, in digits that make no words. */
static void add_period(struct strbuf *out, int64_t period)
{
    static const char digits[] = "0123456789BCDFGHJKLMNPQRSTVWXYZ";
    char text[16];
    size_t at = sizeof text;
    do {
        text[--at] = digits[period % (int64_t)(sizeof digits - 1)];
        period /= (int64_t)(sizeof digits - 1);
    } while (period > 0 && at > 0);
    strbuf_add(out, text + at, sizeof text - at);
}

static void split(struct slice *ret_local, struct slice *ret_domain)
{
    struct slice whole = slice_of(common_params.address_verify_sender);
    if (!slice_rsplit(whole, '@', ret_local, ret_domain)) {
        *ret_local = whole;
        *ret_domain = slice_of(common_params.myorigin);
    }
}

static void make_local(int64_t period, struct strbuf *out)
{
    struct slice local, domain;
    split(&local, &domain);
    strbuf_set_slice(out, local);
    if (common_params.address_verify_sender_ttl > 0)
        add_period(out, period);
}

void verify_sender_make(time_t now, struct strbuf *out)
{
    struct slice local, domain;
    int64_t ttl = common_params.address_verify_sender_ttl;
    strbuf_reset(out);
    if (!common_params.address_verify_sender[0] ||
        slice_eq(slice_of(common_params.address_verify_sender), "<>"))
        return;
    split(&local, &domain);
    make_local(ttl > 0 ? now / ttl : 0, out);
    strbuf_addf(out, "@%.*s", SLICE_ARG(domain));
}

bool verify_sender_has_local_part(time_t now, struct slice local)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    int64_t ttl = common_params.address_verify_sender_ttl;
    if (!common_params.address_verify_sender[0])
        return false;
    /* a server may ask back a while after the probe */
    for (int64_t ago = 0; ago <= (ttl > 0 ? 1 : 0); ago++) {
        make_local(ttl > 0 ? now / ttl - ago : 0, &name);
        if (slice_eq_nocase(local, name.s))
            return true;
    }
    return false;
}

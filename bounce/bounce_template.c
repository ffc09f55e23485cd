/* The built-in texts, and $name in a text. */
#include "bounce/bounce_template.h"

#include "config/common_params.h"

#include <string.h>

#define GREETING "This is the mail system at host $myhostname.\n\n"
#define HELP                                                                                       \
    "For further assistance, please send mail to postmaster.\n\n"                                  \
    "If you do so, please include this problem report. You can\n"                                  \
    "delete your own text from the attached returned message.\n\n"
#define SIGNATURE "                   The mail system\n"

static const struct bounce_template builtin[BOUNCE_TEMPLATES] = {
    [BOUNCE_TEMPLATE_FAILURE] =
        {
            .kind = "failure",
            .subject = "Undelivered Mail Returned to Sender",
            .postmaster_subject = "Postmaster Copy: Undelivered Mail",
            .text = GREETING
            "I'm sorry to have to inform you that your message could not\n"
            "be delivered to one or more recipients. It's attached below.\n\n" HELP SIGNATURE,
        },
    [BOUNCE_TEMPLATE_DELAY] =
        {
            .kind = "delay",
            .subject = "Delayed Mail (still being retried)",
            .postmaster_subject = "Postmaster Warning: Delayed Mail",
            .text = GREETING
            "####################################################################\n"
            "# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #\n"
            "####################################################################\n\n"
            "Your message could not be delivered for more than $delay_warning_time_hours hour(s).\n"
            "It will be retried until it is $maximal_queue_lifetime_days day(s) old.\n\n" HELP
                SIGNATURE,
        },
    [BOUNCE_TEMPLATE_SUCCESS] =
        {
            .kind = "success",
            .subject = "Successful Mail Delivery Report",
            .text =
                GREETING "Your message was successfully delivered to the destination(s)\n"
                         "listed below. If the message was delivered to mailbox you will\n"
                         "receive no further notifications. Otherwise you may still receive\n"
                         "notifications of mail delivery errors from other systems.\n\n" SIGNATURE,
        },
    [BOUNCE_TEMPLATE_VERIFY] =
        {
            .kind = "verify",
            .subject = "Mail Delivery Status Report",
            .text =
                GREETING "Enclosed is the mail delivery report that you requested.\n\n" SIGNATURE,
        },
};

void bounce_template_builtin(struct bounce_template *ret)
{
    for (size_t i = 0; i < BOUNCE_TEMPLATES; i++) {
        ret[i] = builtin[i];
        ret[i].origin = "[built-in]";
        ret[i].charset = "us-ascii";
        if (!ret[i].postmaster_subject)
            ret[i].postmaster_subject = ret[i].subject; /* never sent to a postmaster */
    }
}

static const struct {
    const char *name;
    int64_t seconds;
} time_units[] = {
    {"seconds", 1}, {"minutes", 60}, {"hours", 3600}, {"days", 86400}, {"weeks", 604800},
};

struct expansion {
    const struct config *cfg;
    const struct bounce_template *template;
    bounce_warn_fn warn;
    struct err *err;
    bool is_bad;
    struct strbuf value; /* what lookup() returned last */
};

static void warn_zero(struct expansion *e, const char *parameter, const char *unit)
{
    char line[512];
    snprintf(line, sizeof line, "%s: zero result in %s template conversion of parameter \"%s_%s\"",
             e->template->origin, e->template->kind, parameter, unit);
    e->warn(line);
    snprintf(line, sizeof line, "please reduce time unit \"%s\" of \"%s_%s\" in %s template", unit,
             parameter, unit, e->template->kind);
    e->warn(line);
    e->warn("for instructions see the bounce(5) manual");
}

/* delay_warning_time_hours and the like. */
static const char *lookup_time(struct expansion *e, struct slice unit, const char *parameter,
                               int64_t seconds)
{
    for (size_t i = 0; i < COUNT_OF(time_units); i++) {
        if (!slice_eq(unit, time_units[i].name))
            continue;
        int64_t count = seconds / time_units[i].seconds;
        if (count == 0 && seconds > 0)
            warn_zero(e, parameter, time_units[i].name);
        strbuf_setf(&e->value, "%lld", (long long)count);
        return e->value.s;
    }
    if (!e->is_bad)
        err_set(e->err, ERR_CONFIG, "%s: unrecognized suffix \"%.*s\" in parameter \"%s_%.*s\"",
                e->template->origin, SLICE_ARG(unit), parameter, SLICE_ARG(unit));
    e->is_bad = true;
    return NULL;
}

static const char *lookup_domain(struct expansion *e, const char *domain)
{
    strbuf_reset(&e->value);
    if (!common_params.smtputf8_enable)
        return domain;
    bounce_idn_to_utf8(slice_of(domain), &e->value);
    return e->value.s;
}

static const char *lookup(void *ctx, struct slice name)
{
    static const char delay[] = "delay_warning_time_", lifetime[] = "maximal_queue_lifetime_";
    struct expansion *e = ctx;
    if (slice_starts(name, delay))
        return lookup_time(e, slice_from(name, strlen(delay)), "delay_warning_time",
                           common_params.delay_warning_time);
    if (slice_starts(name, lifetime))
        return lookup_time(e, slice_from(name, strlen(lifetime)), "maximal_queue_lifetime",
                           common_params.maximal_queue_lifetime);
    if (slice_eq(name, "myhostname"))
        return lookup_domain(e, common_params.myhostname);
    if (slice_eq(name, "mydomain"))
        return lookup_domain(e, common_params.mydomain);
    strbuf_set_slice(&e->value, name);
    const char *raw = e->cfg ? config_raw(e->cfg, e->value.s) : NULL;
    if (!raw && !e->is_bad)
        err_set(e->err, ERR_CONFIG, "%s: undefined $name in %s template: %.*s", e->template->origin,
                e->template->kind, SLICE_ARG(name));
    e->is_bad = e->is_bad || !raw;
    return raw;
}

bool bounce_template_expand(const struct config *cfg, const struct bounce_template *t,
                            struct strbuf *out, bounce_warn_fn warn, struct err *err)
{
    struct expansion e = {.cfg = cfg, .template = t, .warn = warn, .err = err, .value = STRBUF_ANY};
    struct err syntax = ERR_INIT;
    bool ok = config_expand_with(lookup, &e, slice_of(t->text), out, &syntax);
    strbuf_done(&e.value);
    if (!ok)
        return err_set(err, ERR_CONFIG, "%s: bad $name syntax in %s template: %s", t->origin,
                       t->kind, syntax.reason);
    return !e.is_bad;
}

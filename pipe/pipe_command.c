#include "pipe/pipe_command.h"

#include "base/text.h"
#include "config/common_params.h"
#include "config/config.h"
#include "mail/address.h"
#include "map/map_address.h"

#include <string.h>

struct expansion {
    const struct pipe_attributes *a;
    const struct pipe_message *m;
    const struct recipient *rcpt;
    bool is_per_recipient; /* the argument holds a macro of recipients */
    char unknown[128];     /* name of a macro that does not exist; "": none */
    struct strbuf value;
};

/* An address with its parts folded and its local part quoted, as the flags ask. */
static void add_address(struct expansion *x, const char *address)
{
    struct slice local, domain;
    CLEANUP(strbuf_done) struct strbuf plain = STRBUF_ANY;
    bool has_domain = address_split(slice_of(address), &local, &domain);
    if (x->a->flags & PIPE_FLAG_FOLD_LOCAL)
        text_fold_case(&plain, local);
    else
        strbuf_add_slice(&plain, local);
    if (has_domain)
        strbuf_add_char(&plain, '@');
    if (x->a->flags & PIPE_FLAG_FOLD_DOMAIN)
        text_fold_case(&plain, domain);
    else
        strbuf_add_slice(&plain, domain);
    if (x->a->flags & PIPE_FLAG_QUOTE)
        address_to_external(strbuf_slice(&plain), &x->value);
    else
        strbuf_add_slice(&x->value, strbuf_slice(&plain));
}

static void add_folded(struct expansion *x, struct slice text, unsigned flag)
{
    if (x->a->flags & flag)
        text_fold_case(&x->value, text);
    else
        strbuf_add_slice(&x->value, text);
}

static void put_recipient(struct expansion *x)
{
    add_address(x, x->rcpt->address);
}

static void put_original_recipient(struct expansion *x)
{
    add_address(x, x->rcpt->orig_address[0] ? x->rcpt->orig_address : x->rcpt->address);
}

static void put_domain(struct expansion *x)
{
    struct slice local, domain;
    address_split(slice_of(x->rcpt->address), &local, &domain);
    add_folded(x, domain, PIPE_FLAG_FOLD_DOMAIN);
}

static void put_mailbox(struct expansion *x)
{
    struct slice local, domain;
    address_split(slice_of(x->rcpt->address), &local, &domain);
    add_folded(x, local, PIPE_FLAG_FOLD_LOCAL);
}

static void split_local(struct expansion *x, struct slice *ret_user, struct slice *ret_extension)
{
    struct slice local, domain;
    address_split(slice_of(x->rcpt->address), &local, &domain);
    *ret_extension = SLICE_EMPTY;
    if (!map_address_split_extension(local, common_params.recipient_delimiter, ret_user,
                                     ret_extension))
        *ret_user = local;
}

static void put_user(struct expansion *x)
{
    struct slice user, extension;
    split_local(x, &user, &extension);
    add_folded(x, user, PIPE_FLAG_FOLD_LOCAL);
}

static void put_extension(struct expansion *x)
{
    struct slice user, extension;
    split_local(x, &user, &extension);
    add_folded(x, extension, PIPE_FLAG_FOLD_LOCAL);
}

static void put_sender(struct expansion *x)
{
    const char *sender = pipe_command_sender(x->a, x->m->envelope);
    if (x->a->flags & PIPE_FLAG_QUOTE && *sender)
        address_to_external(slice_of(sender), &x->value);
    else
        strbuf_add_str(&x->value, sender);
}

static void put_nexthop(struct expansion *x)
{
    add_folded(x, slice_of(x->m->nexthop), PIPE_FLAG_FOLD_DOMAIN);
}

static void put_size(struct expansion *x)
{
    strbuf_addf(&x->value, "%lld", (long long)x->m->envelope->message_size);
}

static void put_queue_id(struct expansion *x)
{
    strbuf_add_str(&x->value, x->m->queue_id);
}

#define ENVELOPE_MACRO(name, field)                                                                \
    static void name(struct expansion *x)                                                          \
    {                                                                                              \
        strbuf_add_str(&x->value, x->m->envelope->field);                                          \
    }
ENVELOPE_MACRO(put_client_address, log_client_address)
ENVELOPE_MACRO(put_client_helo, log_helo_name)
ENVELOPE_MACRO(put_client_hostname, log_client_name)
ENVELOPE_MACRO(put_client_port, log_client_port)
ENVELOPE_MACRO(put_client_protocol, log_protocol_name)
ENVELOPE_MACRO(put_sasl_method, sasl_method)
ENVELOPE_MACRO(put_sasl_sender, sasl_sender)
ENVELOPE_MACRO(put_sasl_username, sasl_username)

static const char *look_up(void *ctx, struct slice name)
{
    // clang-format off
    static const struct { const char *name; void (*put)(struct expansion *x); bool of_rcpt; } rows[] = {
        {"client_address", put_client_address, false},
        {"client_helo", put_client_helo, false},
        {"client_hostname", put_client_hostname, false},
        {"client_port", put_client_port, false},
        {"client_protocol", put_client_protocol, false},
        {"domain", put_domain, true},
        {"extension", put_extension, true},
        {"mailbox", put_mailbox, true},
        {"nexthop", put_nexthop, false},
        {"original_recipient", put_original_recipient, true},
        {"queue_id", put_queue_id, false},
        {"recipient", put_recipient, true},
        {"sasl_method", put_sasl_method, false},
        {"sasl_sender", put_sasl_sender, false},
        {"sasl_username", put_sasl_username, false},
        {"sender", put_sender, false},
        {"size", put_size, false},
        {"user", put_user, true},
    };
    // clang-format on
    struct expansion *x = ctx;
    strbuf_reset(&x->value);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!slice_eq(name, rows[i].name))
            continue;
        x->is_per_recipient |= rows[i].of_rcpt;
        rows[i].put(x);
        /* what a stranger put into an address is text, not a macro */
        CLEANUP(strbuf_done) struct strbuf plain = STRBUF_ANY;
        strbuf_add_slice(&plain, strbuf_slice(&x->value));
        strbuf_reset(&x->value);
        for (size_t k = 0; k < plain.len; k++)
            strbuf_add_str(&x->value, plain.s[k] == '$' ? "$$" : (char[]){plain.s[k], 0});
        return x->value.s;
    }
    if (!x->unknown[0])
        snprintf(x->unknown, sizeof x->unknown, "%.*s", SLICE_ARG(name));
    return NULL;
}

static bool expand_one(struct expansion *x, const char *word, struct argv *out, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    x->unknown[0] = 0;
    if (!config_expand_with(look_up, x, slice_of(word), &text, err))
        return false;
    if (x->unknown[0])
        return err_set(err, ERR_CONFIG, "unknown macro name: \"%s\"", x->unknown);
    argv_add(out, text.len > 0 ? text.s : "");
    return true;
}

bool pipe_command_expand(const struct pipe_attributes *a, const struct pipe_message *m,
                         struct argv *out, struct err *err)
{
    struct expansion x = {.a = a, .m = m, .value = STRBUF_ANY};
    bool ok = true;
    for (size_t i = 0; i < a->command.count && ok; i++) {
        x.is_per_recipient = false;
        x.rcpt = &m->recipients[0];
        ok = expand_one(&x, a->command.at[i], out, err);
        for (size_t k = 1; k < m->recipient_count && x.is_per_recipient && ok; k++) {
            x.rcpt = &m->recipients[k];
            ok = expand_one(&x, a->command.at[i], out, err);
        }
    }
    strbuf_done(&x.value);
    return ok;
}

const char *pipe_command_sender(const struct pipe_attributes *a, const struct envelope *e)
{
    return e->sender[0] ? e->sender : a->null_sender;
}

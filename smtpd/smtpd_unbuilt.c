/*
 * Parameters whose part of the server is not built yet. Setting one is logged at start; where going
 * on without it would be less safe than asked for, clients or their mail are refused.
 */
#include "base/num.h"
#include "config/common_params.h"
#include "config/config.h"
#include "log/log.h"
#include "smtpd/smtpd_server.h"

#include <string.h>
#include <strings.h>

#define REFUSE_CLIENTS "421 4.3.5 Server configuration error"
#define REFUSE_MAIL    "451 4.3.5 Server configuration error"

static const struct unbuilt {
    const char *name;
    const char *harmless;  /* values that ask for nothing, separated by blanks */
    const char *refuse_if; /* values that make us refuse clients; "*": any other value; "mail": any
                              other value, of mail only */
    const char *what;
} unbuilt[] = {
    // clang-format off
    {"smtpd_milters",                 "",      "mail",    "the Milter protocol"},
    {"smtpd_milter_maps",             "",      "mail",    "the Milter protocol"},
    // clang-format on
};

static bool has_word(const char *list, const char *word)
{
    struct slice rest = slice_of(list), item;
    while (slice_next_item(&rest, &item))
        if (slice_eq_nocase(item, word))
            return true;
    return false;
}

/* receive_override_options may switch mail filters off. */
static bool is_overridden(const struct unbuilt *u)
{
    return strncmp(u->name, "smtpd_milter", 12) == 0 &&
           has_word(common_params.receive_override_options, "no_milters");
}

static void check(struct smtpd_server *server, const struct unbuilt *u, const char *value)
{
    bool of_mail = strcmp(u->refuse_if, "mail") == 0;
    bool refuse = of_mail || strcmp(u->refuse_if, "*") == 0 || has_word(u->refuse_if, value);
    log_warn(NULL, "%s = %s: %s is not built into this release yet: %s", u->name, value, u->what,
             of_mail  ? "refusing all mail"
             : refuse ? "refusing all clients"
                      : "the setting has no effect");
    if (of_mail) {
        server->refuse_mail = REFUSE_MAIL;
        server->refuse_mail_why = u->name;
    } else if (refuse) {
        server->refuse_all = REFUSE_CLIENTS;
    }
}

void smtpd_unbuilt_check(struct smtpd_server *server)
{
    for (size_t i = 0; i < COUNT_OF(unbuilt); i++) {
        const struct unbuilt *u = &unbuilt[i];
        CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
        struct err err = ERR_INIT;
        if (!config_set_value(server->cfg, u->name) ||
            !config_get_text(server->cfg, u->name, "", &value, &err))
            continue;
        if (value.len > 0 && !has_word(u->harmless, value.s) && !is_overridden(u))
            check(server, u, value.s);
    }
}

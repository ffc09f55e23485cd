#include "service/service_compat.h"

#include "config/common_params.h"
#include "config/compat_level.h"
#include "log/log.h"
#include "map/match_list.h"

/* where "localhost" may be listed; a program has one set, for as long as it lives */
static struct match_list *address_classes[4];

static void open_classes(void)
{
    const struct {
        const char *title, *text;
    } rows[] = {
        {"mydestination", common_params.mydestination},
        {"virtual_alias_domains", common_params.virtual_alias_domains},
        {"virtual_mailbox_domains", common_params.virtual_mailbox_domains},
        {"relay_domains", common_params.relay_domains},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (!address_classes[i])
            address_classes[i] = match_list_new(rows[i].title, rows[i].text, MATCH_DOMAIN, 0);
}

static bool is_localhost_listed(void)
{
    for (size_t i = 0; i < COUNT_OF(address_classes); i++)
        if (match_list_find(address_classes[i], "localhost", NULL) != MAP_NOT_FOUND)
            return true;
    return false;
}

static void on_append(struct slice domain)
{
    bool is_localhost = slice_eq_nocase(domain, "localhost");
    if (is_localhost && is_localhost_listed())
        return;
    log_info(NULL,
             "using backwards-compatible default setting append_dot_mydomain=yes to rewrite "
             "\"%.*s\" to \"%.*s.%s\"%s",
             SLICE_ARG(domain), SLICE_ARG(domain), common_params.mydomain,
             is_localhost ? "; please add \"localhost\" to mydestination or other address class"
                          : "");
}

void service_compat_watch(struct rewrite_rules *rules, const struct config *cfg)
{
    if (!compat_level_is_below(common_params.compatibility_level, "1") ||
        config_set_value(cfg, "append_dot_mydomain"))
        return;
    open_classes();
    rules->on_append = on_append;
}

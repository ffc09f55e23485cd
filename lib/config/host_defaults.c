#include "config/host_defaults.h"

#include "base/xmem.h"
#include "config/logical_line.h"
#include "config/own_networks.h"

#include <errno.h>
#include <unistd.h>

#define FALLBACK_DOMAIN "localdomain"

static void domain_of(const char *host, struct strbuf *out)
{
    const char *dot = strchr(host, '.');
    strbuf_set(out, dot && dot[1] ? dot + 1 : FALLBACK_DOMAIN);
}

void host_defaults_names(const char *host_name, const char *set_myhostname,
                         const char *set_mydomain, struct strbuf *myhostname,
                         struct strbuf *mydomain)
{
    strbuf_set(myhostname, host_name);
    if (!strchr(host_name, '.'))
        strbuf_addf(myhostname, ".%s", set_mydomain ? set_mydomain : FALLBACK_DOMAIN);
    domain_of(set_myhostname ? set_myhostname : myhostname->s, mydomain);
}

/* What main.cf makes of NAME; false when it does not set it or refers to something impossible. */
static bool expanded_setting(struct config *cfg, const char *name, struct strbuf *out)
{
    const char *raw = config_set_value(cfg, name);
    strbuf_reset(out);
    /* a mistake in it is reported when the parameter itself is read */
    return raw && config_expand(cfg, slice_of(raw), out, NULL);
}

void host_defaults_set_names(struct config *cfg)
{
    CLEANUP(strbuf_done) struct strbuf set_host = STRBUF_INIT(CONFIG_VALUE_MAX);
    CLEANUP(strbuf_done) struct strbuf set_domain = STRBUF_INIT(CONFIG_VALUE_MAX);
    CLEANUP(strbuf_done) struct strbuf host = STRBUF_INIT(CONFIG_VALUE_MAX);
    CLEANUP(strbuf_done) struct strbuf domain = STRBUF_INIT(CONFIG_VALUE_MAX);
    char name[256] = "";
    if (gethostname(name, sizeof name - 1) < 0 || !*name)
        (void)snprintf(name, sizeof name, "localhost");

    /* first mydomain, then myhostname, which may hold $mydomain; and the other way round */
    bool has_domain = expanded_setting(cfg, "mydomain", &set_domain);
    host_defaults_names(name, NULL, has_domain ? set_domain.s : NULL, &host, &domain);
    config_set_default(cfg, "myhostname", host.s);
    config_set_default(cfg, "mydomain", has_domain ? set_domain.s : FALLBACK_DOMAIN);
    bool has_host = expanded_setting(cfg, "myhostname", &set_host);
    host_defaults_names(name, has_host ? set_host.s : NULL, has_domain ? set_domain.s : NULL, &host,
                        &domain);
    config_set_default(cfg, "mydomain", domain.s);
}

bool host_defaults_set_networks(struct config *cfg, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf style = STRBUF_INIT(CONFIG_VALUE_MAX);
    CLEANUP(strbuf_done) struct strbuf interfaces = STRBUF_INIT(CONFIG_VALUE_MAX);
    CLEANUP(strbuf_done) struct strbuf protocols = STRBUF_INIT(CONFIG_VALUE_MAX);
    CLEANUP(strbuf_done) struct strbuf networks = STRBUF_INIT(CONFIG_VALUE_MAX);
    if (config_set_value(cfg, "mynetworks"))
        return true; /* the default is not needed: no mistake in its ingredients matters */
    if (!config_get_text(cfg, "mynetworks_style", NULL, &style, err) ||
        !config_get_text(cfg, "inet_interfaces", NULL, &interfaces, err) ||
        !config_get_text(cfg, "inet_protocols", NULL, &protocols, err) ||
        !own_networks(style.s, interfaces.s, protocols.s, &networks, err))
        return false;
    config_set_default(cfg, "mynetworks", networks.s);
    return true;
}

bool host_defaults_set(struct config *cfg, struct err *err)
{
    CLEANUP(xfree_ptr) char *id = xasprintf("%ld", (long)getpid());
    config_set_default(cfg, "process_name", program_invocation_short_name);
    config_set_default(cfg, "process_id", id);
    host_defaults_set_names(cfg);
    return host_defaults_set_networks(cfg, err);
}

bool host_defaults_read_origin(const char **myorigin, struct err *err)
{
    if ((*myorigin)[0] != '/')
        return true;
    CLEANUP(strbuf_done) struct strbuf content = STRBUF_ANY;
    if (!logical_line_read_file(*myorigin, &content, err))
        return err_prefix(err, "myorigin");
    struct slice in = strbuf_slice(&content), line = SLICE_EMPTY;
    (void)slice_next_line(&in, &line);
    line = slice_trim(line);
    if (line.len == 0)
        return err_set(err, ERR_CONFIG, "myorigin: file %s has no name in its first line",
                       *myorigin);
    char *name = slice_dup(line);
    free((char *)(uintptr_t)*myorigin);
    *myorigin = name;
    return true;
}

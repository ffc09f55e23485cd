/* posttls-finger(1): what TLS a mail server speaks, and what its certificate is worth. */
#include "posttls-finger/finger_session.h"

#include "base/clock.h"
#include "config/common_params.h"
#include "log/log.h"
#include "posttls-finger/finger_dane.h"
#include "posttls-finger/finger_say.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct config *load(const struct finger_options *o)
{
    struct err err = ERR_INIT;
    struct config *cfg = config_new(config_choose_dir(NULL));
    config_set_default(cfg, "process_name", "posttls-finger");
    for (size_t i = 0; i < o->settings.count; i++) {
        struct slice name, value;
        const char *mistake;
        if (!config_split(slice_of(o->settings.at[i]), &name, &value, &mistake))
            finger_fatal("-o %s: %s", o->settings.at[i], mistake);
        char *n = slice_dup(name), *v = slice_dup(value);
        config_override(cfg, n, v);
        free(n);
        free(v);
    }
    if (!config_load(cfg, &err) || !common_params_load(cfg, &err))
        finger_fatal("%s", err.reason);
    return cfg;
}

/* A signal that comes does not make it shorter. */
static void wait_s(int64_t seconds)
{
    struct timespec left = {.tv_sec = seconds};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* Does a server of HOST go on with a session of TLS that it had before? */
static void reconnect(const struct finger_session_setup *setup, const struct finger_host *host)
{
    const struct finger_options *o = setup->options;
    if (!finger_tls_has_sessions(setup->tls)) {
        finger_say("Server declined session caching. Done reconnecting.");
        return;
    }
    for (int64_t i = 0; i < o->reconnects; i++) {
        finger_say("Reconnecting after %lld seconds", (long long)o->delay_s);
        wait_s(o->delay_s);
        if (finger_session_run(setup, host, true) != FINGER_SESSION_COMPLETE)
            return;
        if (setup->tls->was_offered) {
            finger_say("Found a previously used server.  Done reconnecting.");
            return;
        }
    }
    finger_say("Maximum reconnect count reached.");
}

static void try_hosts(const struct finger_session_setup *setup, struct finger_dns *dns,
                      struct finger_hosts *hosts)
{
    struct err err = ERR_INIT;
    if (!finger_hosts_find(setup->options, dns, hosts, &err)) {
        finger_say("Destination address lookup failed: %s", err.reason);
        return;
    }
    for (size_t i = 0; i < hosts->count; i++) {
        struct finger_host *host = &hosts->at[i];
        if (!finger_dane_find(setup->options, dns, hosts, host))
            continue;
        enum finger_session_end end = finger_session_run(setup, host, false);
        if (end == FINGER_SESSION_COMPLETE && setup->options->delay_s > 0)
            reconnect(setup, host);
        if (end != FINGER_SESSION_UNREACHED)
            return;
    }
}

static void run(const struct finger_session_setup *setup, struct finger_hosts *hosts,
                struct arena *arena)
{
    struct finger_dns dns;
    struct err err = ERR_INIT;
    bool is_dane = setup->options->level >= FINGER_DANE;
    if (!finger_dns_open(&dns, setup->loop, arena, is_dane, &err))
        finger_fatal("%s", err.reason);
    try_hosts(setup, &dns, hosts);
    finger_dns_close(&dns);
}

int main(int argc, char **argv)
{
    struct finger_options options;
    struct finger_tls tls;
    struct finger_hosts hosts;
    finger_options_parse(argc, argv, &options);
    signal(SIGPIPE, SIG_IGN);
    srandom((unsigned)(clock_now_ms() ^ getpid()));
    struct config *cfg = load(&options);
    struct arena *arena = arena_new("posttls-finger");
    struct loop *loop = loop_new();
    finger_tls_open(&options, cfg, arena, &tls);
    finger_hosts_parse(&options, common_params.myhostname, arena, &hosts);
    const struct finger_session_setup setup = {.options = &options,
                                               .hosts = &hosts,
                                               .tls = &tls,
                                               .loop = loop,
                                               .our_name = common_params.myhostname};
    run(&setup, &hosts, arena);
    finger_tls_close(&tls);
    loop_free(loop);
    arena_free(arena);
    params_done(common_param_rows, &common_params);
    config_free(cfg);
    finger_options_done(&options);
    return 0;
}

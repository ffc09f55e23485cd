#include "tools/posttls-finger/finger_tls.h"

#include "io/stream.h"
#include "tls/tls_client.h"
#include "tls/tls_info.h"
#include "tls/tls_library.h"
#include "tls/tls_params.h"
#include "tls/tls_peer_chain.h"
#include "tls/tls_session.h"
#include "tools/posttls-finger/finger_say.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <strings.h>

enum { CHAIN_DEPTH = 9 }; /* as smtp_tls_scert_verifydepth */

/* --- set-up --------------------------------------------------------------------------------- */

static const char *digest(const struct finger_options *o, const struct config *cfg,
                          struct arena *arena)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (o->digest)
        return o->digest;
    if (!config_get_text(cfg, "smtp_tls_fingerprint_digest",
                         "${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}", &value, &err))
        finger_fatal("%s", err.reason);
    return arena_strdup(arena, value.s);
}

static void load_anchors(struct finger_tls *tls, struct arena *arena)
{
    struct err err = ERR_INIT;
    if (tls->options->anchor_files.len == 0)
        return;
    tls->anchors = arena_zalloc(arena, sizeof *tls->anchors);
    if (!tls_dane_load_anchors(tls->options->anchor_files.s, arena, tls->anchors, &err))
        finger_fatal("%s", err.reason);
}

void finger_tls_open(const struct finger_options *options, struct config *cfg, struct arena *arena,
                     struct finger_tls *ret)
{
    CLEANUP(strbuf_done) struct strbuf problems = STRBUF_ANY;
    struct err err = ERR_INIT;
    *ret = (struct finger_tls){.options = options, .chain = STRBUF_ANY};
    if (options->level == FINGER_NONE)
        return;
    if (!params_load(cfg, tls_param_rows, &tls_params, &err))
        finger_fatal("%s", err.reason);
    const struct tls_client_settings settings = {
        .files = {.chain_files = options->chain_files.s,
                  .cert_file = options->cert_file,
                  .key_file = options->key_file,
                  .eccert_file = "",
                  .eckey_file = "",
                  .dcert_file = "",
                  .dkey_file = "",
                  .CAfile = options->CAfile,
                  .CApath = options->CApath},
        .verify_depth = CHAIN_DEPTH,
        .fingerprint_digest = digest(options, cfg, arena),
        .cache = "posttls-finger",
        .keeps_any = true,
    };
    load_anchors(ret, arena);
    if (options->wants_raw_keys)
        tls_library_refuse_keys("-x", &problems);
    /* tls_client_start() is not called: sessions are not tlsmgr's business */
    ret->client = tls_client_new(&settings, &problems);
    finger_warn_lines(problems.s);
}

void finger_tls_close(struct finger_tls *tls)
{
    fwrite(tls->chain.s, 1, tls->chain.len, stdout);
    strbuf_done(&tls->chain);
    tls_client_free(tls->client);
    params_done(tls_param_rows, &tls_params);
}

/* --- whom to expect ------------------------------------------------------------------------- */

static void add_name(struct argv *list, const char *word, const struct finger_hosts *hosts,
                     const struct finger_host *host)
{
    if (strcasecmp(word, "nexthop") == 0)
        argv_add(list, hosts->domain);
    else if (strcasecmp(word, "dot-nexthop") == 0)
        argv_addf(list, ".%s", hosts->domain);
    else if (strcasecmp(word, "hostname") == 0)
        argv_add(list, host->name);
    else
        argv_add(list, word);
}

/* What smtp_tls_verify_cert_match and smtp_tls_secure_cert_match are by default, unless the command
 * line has something else. */
static void list_names(const struct finger_options *o, const struct finger_hosts *hosts,
                       const struct finger_host *host, struct argv *ret)
{
    char *const verify[] = {"hostname", NULL}, *const secure[] = {"nexthop", "dot-nexthop", NULL};
    char *const *match = o->level == FINGER_VERIFY ? verify : secure;
    for (match = o->matches[0] ? o->matches : match; *match; match++)
        add_name(ret, *match, hosts, host);
}

/* Sessions are for those servers only that have the same name, and for the same policy. */
static void add_cache_key(const struct finger_options *o, const struct finger_server *server,
                          const struct argv *names, struct strbuf *out)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    const struct finger_host *host = server->host;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    strbuf_addf(&text, "%s\n%d\n%s\n%s\n%s\n", server->name, (int)host->level, o->protocols,
                o->grade, host->dane ? host->dane->base : "");
    for (size_t i = 0; i < names->count; i++)
        strbuf_addf(&text, "%s\n", names->at[i]);
    if (host->port)
        strbuf_addf(out, "[%s]:%d&", host->address, host->port);
    else
        strbuf_addf(out, "%s&", host->address);
    if (EVP_Digest(text.s, text.len, digest, &size, EVP_sha256(), NULL) != 1)
        size = 0;
    for (unsigned i = 0; i < size; i++)
        strbuf_addf(out, "%02X", digest[i]);
}

static struct tls_session_options session_options(const struct finger_options *o,
                                                  const struct finger_server *server)
{
    bool is_again = server->is_again;
    return (struct tls_session_options){
        .peer = server->peer,
        .loglevel = is_again ? o->trace_again : o->trace,
        .tells_match = o->shows_match && !is_again,
        .tells_cache = is_again || (o->shows_cache && o->delay_s > 0),
    };
}

struct tls_session *finger_tls_begin(struct finger_tls *tls, struct loop *loop,
                                     struct stream *stream, const struct finger_server *server,
                                     const struct tls_session_events *events, void *owner)
{
    const struct finger_options *o = tls->options;
    const struct finger_host *host = server->host;
    CLEANUP(argv_done) struct argv names = ARGV_INIT;
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    struct err err = ERR_INIT;
    tls->was_offered = false;
    if (host->level >= FINGER_FINGERPRINT)
        list_names(o, server->hosts, host, &names);
    add_cache_key(o, server, &names, &key);
    const char *const *expected = (const char *const *)names.at;
    const char *const dane_names[] = {server->hosts->domain, host->dane ? host->dane->base : NULL,
                                      host->name, NULL};
    const struct tls_wants wants = {
        .protocols = o->protocols,
        .ciphers = o->grade,
        .exclude_ciphers = "",
        .server_name = host->dane ? host->dane->base : o->server_name,
        .names = host->dane                     ? dane_names
                 : host->level >= FINGER_VERIFY ? expected
                                                : NULL,
        .fingerprints = host->level == FINGER_FINGERPRINT ? expected : NULL,
        .dane = host->dane                     ? host->dane
                : host->level >= FINGER_VERIFY ? tls->anchors
                                               : NULL,
        .cache_key = key.s,
    };
    const struct tls_session_options options = session_options(o, server);
    struct tls_session *session = tls_session_new_client(
        tls->client, &wants, loop, stream_fd(stream), &options, events, owner, &err);
    if (!session) {
        finger_warn("%s: %s", server->peer, err.reason);
        return NULL;
    }
    if (tls_session_begin(session, stream))
        return session;
    finger_say("SSL_connect error to %s: lost connection", server->peer);
    return NULL;
}

bool finger_tls_has_sessions(const struct finger_tls *tls)
{
    return tls->client && tls_client_has_sessions(tls->client);
}

/* --- what there is to say ------------------------------------------------------------------- */

/* Shown once: a second connection has no more than a session of the first. */
static void show_certificate(struct finger_tls *tls, const struct tls_session *session,
                             const struct tls_info *info, const char *peer)
{
    enum { TRACE_HAS_CERTIFICATE = 2 };
    const struct finger_options *o = tls->options;
    if (o->shows_certificate && o->trace < TRACE_HAS_CERTIFICATE && info->has_certificate)
        finger_say("%s: subject_CN=%s, issuer_CN=%s, fingerprint=%s, pkey_fingerprint=%s", peer,
                   info->subject_cn, info->issuer_cn, info->fingerprint, info->key_fingerprint);
    if (o->shows_chain) {
        strbuf_add_str(&tls->chain, "\n---\nCertificate chain\n");
        tls_peer_chain_print(session, &tls->chain);
    }
}

void finger_tls_show(struct finger_tls *tls, const struct tls_session *session,
                     const struct tls_info *info, const struct finger_server *server)
{
    const struct finger_options *o = tls->options;
    tls->was_offered = info->was_offered;
    if (!server->is_again)
        show_certificate(tls, session, info, server->peer);
    if (o->shows_summary || server->is_again) {
        CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
        bool is_weak = server->host->is_weak && info->is_matched;
        tls_info_format(info, " ", " ", &text);
        finger_say("%s TLS connection established to %s: %s",
                   is_weak ? "Trusted" : tls_info_trust(info), server->peer, text.s);
    }
}

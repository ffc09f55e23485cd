#include "tls/tls_sni.h"

#include "base/text.h"
#include "base/xmem.h"
#include "map/maps.h"
#include "tls/tls_chain.h"
#include "tls/tls_session_private.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 255, LABEL_MAX = 63, VALUE_MAX = 1 << 20 };

static bool is_label(struct slice label)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.s[0] == '-' ||
        label.s[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.s[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return true;
}

static bool is_name(struct slice name)
{
    bool is_numeric = name.len > 0 && strspn(name.s, "0123456789.") == name.len;
    struct slice label;
    if (name.len == 0 || name.len > NAME_MAX_LEN || is_numeric)
        return false;
    while (slice_split(name, '.', &label, &name))
        if (!is_label(label))
            return false;
    return is_label(name);
}

/* The name, then its parents with a dot in front. */
static enum map_status find(struct maps *maps, const char *name, struct strbuf *value,
                            struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf lower = STRBUF_ANY;
    strbuf_add_str(&lower, name);
    strbuf_lower(&lower);
    enum map_status status = MAP_NOT_FOUND;
    for (const char *key = lower.s; key && status == MAP_NOT_FOUND; key = strchr(key + 1, '.'))
        status = maps_find(maps, key, MAPS_WHOLE_KEY, value, err);
    return status;
}

static void wipe(struct strbuf *secret)
{
    if (secret->cap > 0)
        OPENSSL_cleanse(secret->s, secret->cap);
    strbuf_done(secret);
}

static bool use_chain(SSL *ssl, struct tls_session *t, const char *name, struct slice value)
{
    CLEANUP(wipe) struct strbuf pem = STRBUF_INIT(VALUE_MAX);
    CLEANUP(strbuf_done) struct strbuf title = STRBUF_ANY;
    struct err err = ERR_INIT;
    strbuf_addf(&title, "SNI data for %s", name);
    if (!text_base64_decode(value, &pem)) {
        tls_session_note(t, 0, "tls_server_sni_maps: %s: malformed BASE64 value: %.30s", name,
                         value.s);
        tls_session_note(t, 0, "tls_server_sni_maps: %s map lookup problem", name);
        return false;
    }
    if (!pem.overflow && tls_chain_load_text(ssl, strbuf_slice(&pem), title.s, &err))
        return true;
    tls_session_note(t, 0, "%s", pem.overflow ? "chain is too large" : err.reason);
    tls_session_note(t, 0,
                     "error loading private keys and certificates from: %s: aborting TLS handshake",
                     title.s);
    return false;
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
    struct maps *maps = arg;
    struct tls_session *t = SSL_get_app_data(ssl);
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    CLEANUP(wipe) struct strbuf value = STRBUF_INIT(VALUE_MAX);
    struct err err = ERR_INIT;
    if (!name)
        return SSL_TLSEXT_ERR_NOACK;
    if (!is_name(slice_of(name))) {
        tls_session_note(t, 0, "TLS SNI from %s is invalid: %.100s", t->peer, name);
        return SSL_TLSEXT_ERR_NOACK;
    }
    *alert = SSL_AD_INTERNAL_ERROR;
    switch (find(maps, name, &value, &err)) {
    case MAP_FAILED:
        if (!err.is_repeated)
            tls_session_note(t, 0, "%s", err.reason);
        tls_session_note(t, 0, "tls_server_sni_maps: %s map lookup problem", name);
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    case MAP_NOT_FOUND:
        tls_session_note(t, 1, "TLS SNI %s from %s not matched, using default chain", name,
                         t->peer);
        return SSL_TLSEXT_ERR_NOACK;
    case MAP_FOUND:
        break;
    }
    if (!use_chain(ssl, t, name, strbuf_slice(&value)))
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    free(t->sni);
    t->sni = xstrdup(name);
    return SSL_TLSEXT_ERR_OK;
}

void tls_sni_set_up(SSL_CTX *ctx, struct maps *maps)
{
    SSL_CTX_set_tlsext_servername_arg(ctx, maps);
    SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
}

#include "smtp/smtp_sasl_cache.h"

#include "base/num.h"
#include "base/text.h"
#include "smtp/smtp_params.h"
#include "smtp/smtp_proto.h"

#include <openssl/evp.h>
#include <string.h>

enum { VALUE_MAX = 4096 };

static struct map *table; /* NULL: nothing is remembered */

void smtp_sasl_cache_open(void)
{
    const char *name = smtp_params.smtp_sasl_auth_cache_name;
    if (!*name)
        return;
    if (strpbrk(name, ", \t\r\n"))
        log_fatal("SASL authentication cache name \"%s\" contains multiple values", name);
    if (strncmp(name, "proxy:", strlen("proxy:")) != 0)
        log_fatal("SASL authentication cache name \"%s\" must start with \"proxy:\"", name);
    table = map_open(name, MAP_WRITE | MAP_KEEP_DUPLICATES_QUIET);
}

bool smtp_sasl_cache_parse(struct slice value, struct smtp_sasl_cache_entry *ret)
{
    struct slice time, rest;
    if (!slice_split(value, ';', &time, &rest) || !num_parse_i64(time, &ret->time_s) ||
        !slice_split(rest, ';', &ret->digest, &rest) || !slice_split(rest, ';', &ret->dsn, &rest))
        return false;
    size_t end = slice_find(rest, '\n'); /* Postfix leaves the lines of a reply as they are */
    ret->reply = end == SIZE_MAX ? rest : slice_first(rest, end);
    bool is_code =
        ret->dsn.len >= strlen("5.0.0") && strchr("45", ret->dsn.s[0]) && ret->dsn.s[1] == '.';
    return is_code && ret->digest.len > 0;
}

static bool add_digest(const struct smtp_sasl_login *login, struct strbuf *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(login->password.s, login->password.len, digest, &len, EVP_sha1(), NULL) != 1)
        return false;
    text_base64_encode((struct slice){(const char *)digest, len}, out);
    return true;
}

static void set_key(struct strbuf *key, const char *host, const struct smtp_sasl_login *login)
{
    strbuf_setf(key, "%s;%s", host, login->user.s);
}

static void warn_failed(const struct err *err)
{
    if (!err->is_repeated)
        log_warn(NULL, "%s", err->reason);
}

static int64_t now_s(void)
{
    return smtp_proto_wall_us() / 1000000;
}

static bool is_fresh(const struct smtp_sasl_cache_entry *entry)
{
    return entry->time_s <= now_s() &&
           now_s() - entry->time_s < smtp_params.smtp_sasl_auth_cache_time;
}

bool smtp_sasl_cache_find(const char *host, const struct smtp_sasl_login *login, struct strbuf *dsn,
                          struct strbuf *reply)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY, digest = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
    struct smtp_sasl_cache_entry entry;
    struct err err = ERR_INIT;
    if (!table || !add_digest(login, &digest))
        return false;
    set_key(&key, host, login);
    enum map_status status = map_find(table, key.s, &value, &err);
    if (status == MAP_FAILED)
        warn_failed(&err);
    if (status != MAP_FOUND)
        return false;
    if (!smtp_sasl_cache_parse(strbuf_slice(&value), &entry) || !is_fresh(&entry)) {
        if (map_remove(table, key.s, &err) == MAP_FAILED)
            warn_failed(&err);
        return false;
    }
    if (!slice_eq(entry.digest, digest.s))
        return false;
    strbuf_set_slice(dsn, entry.dsn);
    text_add_printable(reply, entry.reply);
    return true;
}

void smtp_sasl_cache_put(const char *host, const struct smtp_sasl_login *login, const char *dsn,
                         const char *reply)
{
    CLEANUP(strbuf_done) struct strbuf key = STRBUF_ANY;
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_INIT(VALUE_MAX);
    struct err err = ERR_INIT;
    if (!table)
        return;
    set_key(&key, host, login);
    strbuf_addf(&value, "%lld;", (long long)now_s());
    if (!add_digest(login, &value))
        return;
    strbuf_addf(&value, ";%s;%s", dsn, reply);
    if (!map_put(table, key.s, value.s, &err))
        warn_failed(&err);
}

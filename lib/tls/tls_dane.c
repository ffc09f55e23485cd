#include "tls/tls_dane.h"

#include "base/num.h"
#include "tls/tls_client_private.h"
#include "tls/tls_session_private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

enum { ANCHORS_MAX = 200, MATCHING_MAX = 255, SHOWN_MAX = 64 };

/* --- digests -------------------------------------------------------------------------------- */

struct digest {
    unsigned matching; /* the number it has in records (RFC 6698, section 2.1.3) */
    const EVP_MD *md;
};

enum { DIGESTS_MAX = 16, IS_SHA256 = 1, IS_SHA512 = 2 };

static const char *registered_name(unsigned matching)
{
    return matching == IS_SHA256 ? "sha256" : matching == IS_SHA512 ? "sha512" : NULL;
}

/* ITEM: "sha256", "sha256=1" */
static bool digest_parse(struct slice item, struct digest *ret, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_INIT(64);
    struct slice before, after;
    int64_t number = 0;
    bool has_number = slice_split(item, '=', &before, &after);
    strbuf_set_slice(&name, has_number ? before : item);
    if (has_number && (!num_parse_i64(after, &number) || number < 1 || number > MATCHING_MAX))
        return err_set(err, ERR_CONFIG, "invalid matching type number: %.*s", SLICE_ARG(item));
    for (unsigned known = IS_SHA256; known <= IS_SHA512; known++) {
        bool is_it = slice_eq_nocase(strbuf_slice(&name), registered_name(known));
        if (!is_it && number == known)
            return err_set(err, ERR_CONFIG, "matching type %u can only be %s", known,
                           registered_name(known));
        if (is_it && !has_number)
            number = known;
    }
    ret->md = name.overflow ? NULL : EVP_get_digestbyname(name.s);
    ret->matching = (unsigned)number;
    if (!ret->md)
        return err_set(err, ERR_CONFIG, "digest algorithm \"%s\" unknown", name.s);
    return number > 0 ||
           err_set(err, ERR_CONFIG, "digest algorithm %s needs an explicit number", name.s);
}

static bool digests_parse(const char *list, struct digest *digests, size_t *ret_count,
                          struct err *err)
{
    struct slice in = slice_of(list), item;
    *ret_count = 0;
    while (slice_next_item(&in, &item)) {
        if (*ret_count == DIGESTS_MAX)
            return err_set(err, ERR_CONFIG, "more than %d digests", DIGESTS_MAX);
        if (!digest_parse(item, &digests[*ret_count], err))
            return false;
        for (size_t i = 0; i < *ret_count; i++)
            if (digests[i].matching == digests[*ret_count].matching)
                return err_set(err, ERR_CONFIG, "matching type %u specified more than once",
                               digests[i].matching);
        ++*ret_count;
    }
    return true;
}

bool tls_dane_set_up(SSL_CTX *ctx, const char *list, struct strbuf *problems)
{
    struct digest digests[DIGESTS_MAX];
    struct err err = ERR_INIT;
    size_t count = 0;
    if (SSL_CTX_dane_enable(ctx) != 1)
        return false;
    if (!digests_parse(list, digests, &count, &err)) {
        strbuf_addf(problems, "tls_dane_digests: %s\n", err.reason);
        count = 0;
    }
    /* those that OpenSSL has of itself are off unless they are listed */
    bool ok = SSL_CTX_dane_mtype_set(ctx, NULL, IS_SHA256, 0) == 1 &&
              SSL_CTX_dane_mtype_set(ctx, NULL, IS_SHA512, 0) == 1;
    for (size_t i = 0; ok && i < count; i++)
        ok = SSL_CTX_dane_mtype_set(ctx, digests[i].md, (uint8_t)digests[i].matching,
                                    (uint8_t)(count - i)) == 1;
    return ok;
}

/* --- trust anchors of files ----------------------------------------------------------------- */

struct anchors {
    struct arena *arena;
    struct tls_dane_record *records;
    size_t count;
};

/* Is this what the server has itself, or who has signed it? It may be either. What is malformed is
 * found out when a session wants to use it. */
static bool anchor_add(struct anchors *a, const char *kind, struct slice der, struct err *err)
{
    enum { WHOLE_CERTIFICATE = 0, PUBLIC_KEY = 1, AS_IT_IS = 0 };
    static const unsigned usages[] = {TLS_DANE_EE, TLS_DANE_TA};
    bool is_key = strcmp(kind, PEM_STRING_PUBLIC) == 0;
    bool is_certificate =
        strcmp(kind, PEM_STRING_X509) == 0 || strcmp(kind, PEM_STRING_X509_OLD) == 0;
    if (!is_key && !is_certificate)
        return err_set(err, ERR_CONFIG, "%s where a certificate or public key belongs", kind);
    if (a->count + COUNT_OF(usages) > ANCHORS_MAX)
        return err_set(err, ERR_CONFIG, "more than %zu trust anchors",
                       ANCHORS_MAX / COUNT_OF(usages));
    for (size_t i = 0; i < COUNT_OF(usages); i++)
        a->records[a->count++] = (struct tls_dane_record){
            .usage = usages[i],
            .selector = is_key ? PUBLIC_KEY : WHOLE_CERTIFICATE,
            .matching = AS_IT_IS,
            .data = {arena_slice_dup(a->arena, der), der.len},
        };
    return true;
}

static bool anchors_read(struct anchors *a, BIO *file, struct err *err)
{
    char *kind, *header;
    unsigned char *data;
    long size;
    size_t before = a->count;
    bool ok = true;
    while (ok && PEM_read_bio(file, &kind, &header, &data, &size) == 1) {
        ok = anchor_add(a, kind, (struct slice){(const char *)data, (size_t)size}, err);
        OPENSSL_free(kind);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    /* the end of the file is the error that it begins no more */
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (ok && (!at_end || a->count == before))
        ok = err_set(err, ERR_CONFIG, "no trust anchor in PEM format is found");
    return ok;
}

bool tls_dane_load_anchors(const char *files, struct arena *arena, struct tls_dane *ret,
                           struct err *err)
{
    struct anchors a = {.arena = arena};
    struct slice in = slice_of(files), name;
    a.records = arena_zalloc(arena, ANCHORS_MAX * sizeof *a.records);
    while (slice_next_item(&in, &name)) {
        const char *path = arena_slice_dup(arena, name);
        BIO *file = BIO_new_file(path, "r");
        if (!file) {
            int error = errno;
            ERR_clear_error();
            return err_set(err, ERR_CONFIG, "error opening trust anchor file: %s: %s", path,
                           strerror(error));
        }
        bool ok = anchors_read(&a, file, err);
        BIO_free(file);
        if (!ok)
            return err_prefix(err, path);
    }
    *ret = (struct tls_dane){.records = a.records, .count = a.count};
    return true;
}

/* --- a session ------------------------------------------------------------------------------ */

static void add_hex(struct slice data, struct strbuf *out)
{
    for (size_t i = 0; i < data.len; i++)
        strbuf_addf(out, "%02X", (unsigned char)data.s[i]);
}

void tls_dane_print(const struct tls_dane_record *record, struct strbuf *out)
{
    struct slice data = record->data;
    strbuf_addf(out, "%u %u %u ", record->usage, record->selector, record->matching);
    if (data.len <= SHOWN_MAX) {
        add_hex(data, out);
        return;
    }
    add_hex(slice_first(data, SHOWN_MAX / 2), out);
    strbuf_add_str(out, "...");
    add_hex(slice_from(data, data.len - SHOWN_MAX / 2), out);
}

static void note_unusable(struct tls_session *t, const struct tls_dane_record *record)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    tls_dane_print(record, &text);
    tls_session_note(t, 0, "%s: unusable TLSA RR: %s", t->peer, text.s);
}

bool tls_dane_enable(struct tls_session *t, const struct tls_dane *wants, bool *ret_usable,
                     struct err *err)
{
    const char *base = wants->base ? wants->base : "localhost"; /* must be one; set again later */
    *ret_usable = false;
    if (SSL_dane_enable(t->ssl, base) != 1)
        return err_set(err, ERR_TEMP, "error enabling DANE-based certificate validation");
    if (wants->base) /* RFC 7671, section 5.1: the record binds the certificate to the name */
        SSL_dane_set_flags(t->ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    for (size_t i = 0; i < wants->count; i++) {
        const struct tls_dane_record *r = &wants->records[i];
        /* OpenSSL would put the usages 0 and 1 to use; RFC 7672, section 3.1.3, has none for them
         */
        bool is_ours = r->usage == TLS_DANE_TA || r->usage == TLS_DANE_EE;
        int status = !is_ours ? 0
                              : SSL_dane_tlsa_add(t->ssl, (uint8_t)r->usage, (uint8_t)r->selector,
                                                  (uint8_t)r->matching, (const uint8_t *)r->data.s,
                                                  r->data.len);
        ERR_clear_error();
        if (status > 0)
            *ret_usable = true;
        else if (status == 0)
            note_unusable(t, r);
        else
            return err_set(err, ERR_TEMP, "error loading TLSA records");
    }
    if (!*ret_usable)
        tls_session_note(t, 0, "%s: all %s unusable%s", t->peer,
                         wants->base ? "TLSA records" : "trust anchors",
                         wants->may_fall_back ? ", fallback to unauthenticated TLS" : "");
    return true;
}

void tls_dane_tell(struct tls_session *t)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    uint8_t usage, selector, matching;
    const unsigned char *data;
    size_t size;
    EVP_PKEY *key = NULL;
    int depth = SSL_get0_dane_authority(t->ssl, NULL, &key);
    if (t->loglevel < t->match_level || depth < 0)
        return;
    if (t->expect->has_anchors) {
        tls_session_note(t, t->match_level, "%s: Matched trust anchor at depth %d", t->peer, depth);
        return;
    }
    if (SSL_get0_dane_tlsa(t->ssl, &usage, &selector, &matching, &data, &size) < 0)
        return;
    const struct tls_dane_record record = {usage, selector, matching, {(const char *)data, size}};
    tls_dane_print(&record, &text);
    const char *what = key                    ? "TA public key verified certificate"
                       : usage == TLS_DANE_EE ? "EE certificate"
                                              : "TA certificate";
    tls_session_note(t, t->match_level, "%s: Matched DANE %s at depth %d: %s", t->peer, what, depth,
                     text.s);
}

/*
 * Certificates and their keys. Root reads the files as bytes; they are parsed without its rights.
 */
#include "postlint/postlint.h"

#include "base/xmem.h"
#include "io/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_SIZE_MAX = 1024 * 1024, SOON_SECONDS = 14 * 24 * 3600, OTHERS_MODE = 027 };

/* A pair of files, read: CERT holds a certificate, KEY its private key. */
struct postlint_pem {
    struct postlint_where cert_where, key_where;
    char *cert_path, *key_path;
    struct strbuf cert, key;
};

static const char *const programs[] = {"smtpd", "smtp", "lmtp"};
static const struct {
    const char *cert, *key;
} pairs[] = {
    {"cert_file", "key_file"},
    {"dcert_file", "dkey_file"},
    {"eccert_file", "eckey_file"},
};

static bool read_file(struct postlint *lint, struct postlint_where where, const char *path,
                      struct strbuf *out, mode_t *ret_mode)
{
    struct stat st;
    CLEANUP(fd_done) int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const char *fault = NULL;
    if (fd < 0 || fstat(fd, &st) < 0)
        fault = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        fault = "not a regular file";
    while (!fault) {
        char *room = strbuf_room(out, 8192);
        ssize_t n = room ? read(fd, room, 8192) : 0;
        if (!room || out->len > FILE_SIZE_MAX)
            fault = "too large";
        else if (n < 0)
            fault = strerror(errno);
        if (n <= 0)
            break;
        strbuf_grew(out, (size_t)n);
    }
    if (fault) {
        postlint_report(lint, LINT_V090, where, NULL, "%s: %s: %s", where.name, path, fault);
        return false;
    }
    *ret_mode = st.st_mode;
    return true;
}

static void check_mode(struct postlint *lint, struct postlint_where where, const char *path,
                       mode_t mode)
{
    if (mode & OTHERS_MODE)
        postlint_report(lint, LINT_V093, where, NULL,
                        "%s: the private key in %s can be read by others or changed by its group",
                        where.name, path);
}

/* The buffers never grow, so that no copy of a key stays behind. */
static void pem_init(struct postlint_pem *pem)
{
    *pem = (struct postlint_pem){0};
    strbuf_init(&pem->cert, FILE_SIZE_MAX + 16384);
    strbuf_init(&pem->key, FILE_SIZE_MAX + 16384);
    (void)strbuf_room(&pem->key, FILE_SIZE_MAX + 16384);
}

static void pem_done(struct postlint_pem *pem)
{
    if (pem->key.cap > 0)
        OPENSSL_cleanse(pem->key.s, pem->key.cap);
    if (pem->cert.cap > 0)
        OPENSSL_cleanse(pem->cert.s, pem->cert.cap);
    strbuf_done(&pem->key);
    strbuf_done(&pem->cert);
    free(pem->cert_path);
    free(pem->key_path);
}

static void keep(struct postlint *lint, struct postlint_pem *pem)
{
    lint->pems = xrealloc_array(lint->pems, lint->pem_count + 1, sizeof *lint->pems);
    lint->pems[lint->pem_count++] = *pem;
}

static void read_pair(struct postlint *lint, const struct postlint_scope *scope,
                      const char *program, const char *cert_end, const char *key_end)
{
    CLEANUP(xfree_ptr) char *cert = xasprintf("%s_tls_%s", program, cert_end);
    CLEANUP(xfree_ptr) char *key = xasprintf("%s_tls_%s", program, key_end);
    CLEANUP(strbuf_done) struct strbuf cert_path = STRBUF_ANY, key_path = STRBUF_ANY;
    mode_t mode;
    if ((!postlint_is_set_here(lint, scope, cert) && !postlint_is_set_here(lint, scope, key)) ||
        !postlint_get(scope, cert, &cert_path) || !postlint_get(scope, key, &key_path) ||
        cert_path.len == 0 || key_path.len == 0 || strcmp(cert_path.s, "none") == 0)
        return;
    struct postlint_pem pem;
    pem_init(&pem);
    /* the names of the parameters must outlive this: those of the settings do */
    const struct postlint_setting *cert_setting = postlint_setting_of(lint, scope, cert);
    const struct postlint_setting *key_setting = postlint_setting_of(lint, scope, key);
    const struct postlint_setting *any = cert_setting ? cert_setting : key_setting;
    key_setting = key_setting ? key_setting : any;
    pem.cert_where = (struct postlint_where){any->file, any->line, any->name};
    pem.key_where =
        (struct postlint_where){key_setting->file, key_setting->line, key_setting->name};
    bool has_cert = read_file(lint, pem.cert_where, cert_path.s, &pem.cert, &mode);
    bool has_key = read_file(lint, pem.key_where, key_path.s, &pem.key, &mode);
    if (has_key)
        check_mode(lint, pem.key_where, key_path.s, mode);
    pem.cert_path = strbuf_take(&cert_path);
    pem.key_path = strbuf_take(&key_path);
    if (has_cert && has_key)
        keep(lint, &pem);
    else
        pem_done(&pem);
}

/* PROGRAM_tls_chain_files: each file has a key and its certificates. */
static void read_chains(struct postlint *lint, const struct postlint_scope *scope,
                        const char *program)
{
    CLEANUP(xfree_ptr) char *name = xasprintf("%s_tls_chain_files", program);
    CLEANUP(argv_done) struct argv files = ARGV_INIT;
    if (!postlint_is_set_here(lint, scope, name))
        return;
    postlint_get_items(scope, name, &files);
    const struct postlint_setting *setting = postlint_setting_of(lint, scope, name);
    for (size_t i = 0; i < files.count; i++) {
        struct postlint_pem pem;
        mode_t mode;
        pem_init(&pem);
        pem.cert_where = (struct postlint_where){setting->file, setting->line, setting->name};
        pem.key_where = pem.cert_where;
        if (!read_file(lint, pem.key_where, files.at[i], &pem.key, &mode)) {
            pem_done(&pem);
            continue;
        }
        check_mode(lint, pem.key_where, files.at[i], mode);
        strbuf_add_slice(&pem.cert, strbuf_slice(&pem.key));
        pem.cert_path = xstrdup(files.at[i]);
        pem.key_path = xstrdup(files.at[i]);
        keep(lint, &pem);
    }
}

static void check_authorities(struct postlint *lint, const struct postlint_scope *scope,
                              const char *program)
{
    CLEANUP(xfree_ptr) char *name = xasprintf("%s_tls_CAfile", program);
    CLEANUP(strbuf_done) struct strbuf path = STRBUF_ANY;
    if (postlint_is_set_here(lint, scope, name) && postlint_get(scope, name, &path) &&
        path.len > 0 && access(path.s, R_OK) < 0)
        postlint_report(lint, LINT_V090, postlint_where(lint, scope, name), NULL, "%s: %s: %s",
                        name, path.s, strerror(errno));
}

void postlint_certs_read(struct postlint *lint)
{
    for (size_t i = 0; i < lint->scope_count; i++) {
        const struct postlint_scope *scope = &lint->scopes[i];
        for (size_t k = 0; k < COUNT_OF(programs); k++) {
            for (size_t p = 0; p < COUNT_OF(pairs); p++)
                read_pair(lint, scope, programs[k], pairs[p].cert, pairs[p].key);
            read_chains(lint, scope, programs[k]);
            check_authorities(lint, scope, programs[k]);
        }
    }
}

/* Nobody is asked for a passphrase. */
static int no_password(char *buffer, int size, int is_writing, void *owner)
{
    (void)buffer;
    (void)size;
    (void)is_writing;
    (void)owner;
    return 0;
}

static BIO *bio_of(const struct strbuf *text)
{
    return BIO_new_mem_buf(text->s, (int)text->len);
}

static void check_dates(struct postlint *lint, const struct postlint_pem *pem, const X509 *cert)
{
    time_t now = time(NULL), soon = now + SOON_SECONDS;
    const ASN1_TIME *end = X509_get0_notAfter(cert), *start = X509_get0_notBefore(cert);
    if (X509_cmp_time(end, &now) < 0)
        postlint_report(lint, LINT_V091, pem->cert_where, NULL,
                        "%s: the certificate in %s has expired", pem->cert_where.name,
                        pem->cert_path);
    else if (X509_cmp_time(end, &soon) < 0)
        postlint_report(lint, LINT_V094, pem->cert_where, NULL,
                        "%s: the certificate in %s expires within two weeks", pem->cert_where.name,
                        pem->cert_path);
    if (X509_cmp_time(start, &now) > 0)
        postlint_report(lint, LINT_V091, pem->cert_where, NULL,
                        "%s: the certificate in %s is not valid yet", pem->cert_where.name,
                        pem->cert_path);
}

static void check_pair(struct postlint *lint, const struct postlint_pem *pem)
{
    BIO *cert_bio = bio_of(&pem->cert), *key_bio = bio_of(&pem->key);
    X509 *cert = PEM_read_bio_X509(cert_bio, NULL, no_password, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, no_password, NULL);
    if (!cert)
        postlint_report(lint, LINT_V095, pem->cert_where, NULL, "%s: no certificate in %s",
                        pem->cert_where.name, pem->cert_path);
    if (!key)
        postlint_report(lint, LINT_V095, pem->key_where, NULL,
                        "%s: no private key that can be used without a passphrase in %s",
                        pem->key_where.name, pem->key_path);
    if (cert)
        check_dates(lint, pem, cert);
    if (cert && key && !X509_check_private_key(cert, key))
        postlint_report(lint, LINT_V092, pem->key_where, NULL,
                        "%s: the key in %s does not belong to the certificate in %s",
                        pem->key_where.name, pem->key_path, pem->cert_path);
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(cert_bio);
    BIO_free(key_bio);
    ERR_clear_error();
}

void postlint_certs(struct postlint *lint)
{
    for (size_t i = 0; i < lint->pem_count; i++)
        check_pair(lint, &lint->pems[i]);
}

void postlint_certs_done(struct postlint *lint)
{
    for (size_t i = 0; i < lint->pem_count; i++)
        pem_done(&lint->pems[i]);
    free(lint->pems);
    lint->pems = NULL;
    lint->pem_count = 0;
}

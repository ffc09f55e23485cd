#include "postfix/postfix_openssl.h"

#include "io/fd.h"
#include "log/log.h"
#include "postfix/postfix_params.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1 << 20, CANNOT_READ = 126, CANNOT_RUN = 127 };

/* Run it with IN as its standard input, NULL for none; OUT gets what it writes, NULL: that goes
 * where ours goes. True: exit status 0. */
static bool run(const struct argv *argv, const char *in, struct strbuf *out, bool is_quiet)
{
    int ends[2] = {-1, -1}, status;
    if (out && pipe(ends) < 0)
        log_fatal("pipe: %s", strerror(errno));
    log_flush();
    pid_t pid = fork();
    if (pid < 0)
        log_fatal("fork: %s", strerror(errno));
    if (pid == 0) {
        int from = open(in ? in : "/dev/null", O_RDONLY), quiet = open("/dev/null", O_WRONLY);
        if (from < 0)
            _exit(CANNOT_READ);
        if (dup2(from, STDIN_FILENO) < 0 || (out && dup2(ends[1], STDOUT_FILENO) < 0) ||
            (is_quiet && dup2(quiet, STDERR_FILENO) < 0))
            _exit(CANNOT_RUN);
        if (out)
            close(ends[0]);
        execvp(argv->at[0], argv->at);
        _exit(CANNOT_RUN);
    }
    if (out) {
        char chunk[4096];
        ssize_t len;
        close(ends[1]);
        while ((len = read(ends[0], chunk, sizeof chunk)) > 0)
            strbuf_add(out, chunk, (size_t)len);
        close(ends[0]);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_RUN)
        log_fatal("cannot run %s (openssl_path)", argv->at[0]);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void begin(struct argv *argv, const char *words)
{
    argv_add(argv, postfix_params.openssl_path);
    argv_add_items(argv, words);
}

void postfix_openssl_key(const char *algorithm, const char *bits, const char *file)
{
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    /* ours from the first byte on: nobody else reads it */
    CLEANUP(fd_done) int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        log_fatal("cannot make %s: %s", file, strerror(errno));
    begin(&argv, "genpkey -algorithm");
    argv_add(&argv, strcmp(algorithm, "rsa") == 0 ? "RSA" : "EC");
    argv_add(&argv, "-pkeyopt");
    argv_addf(&argv, "%s:%s",
              strcmp(algorithm, "rsa") == 0 ? "rsa_keygen_bits" : "ec_paramgen_curve", bits);
    argv_add(&argv, "-out");
    argv_add(&argv, file);
    struct strbuf none = STRBUF_ANY;
    bool ok = run(&argv, NULL, &none, true);
    strbuf_done(&none);
    if (!ok) {
        unlink(file);
        log_fatal("cannot make a private key: %s %s", algorithm, bits);
    }
}

/* "subjectAltName=DNS:a,DNS:b" */
static void add_names(struct argv *argv, const struct argv *hosts)
{
    CLEANUP(strbuf_done) struct strbuf names = STRBUF_ANY;
    strbuf_add_str(&names, "subjectAltName=");
    for (size_t i = 0; i < hosts->count; i++)
        strbuf_addf(&names, "%sDNS:%s", i ? "," : "", hosts->at[i]);
    argv_add(argv, "-addext");
    argv_add(argv, names.s);
}

void postfix_openssl_certificate(const char *key, const struct argv *hosts, const char *file)
{
    enum { COMMON_NAME_MAX = 64 };
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    begin(&argv, "req -x509 -new -sha256 -days 36525 -subj");
    if (strlen(hosts->at[0]) <= COMMON_NAME_MAX)
        argv_addf(&argv, "/CN=%s", hosts->at[0]);
    else
        argv_add(&argv, "/");
    add_names(&argv, hosts);
    argv_add(&argv, "-key");
    argv_add(&argv, key);
    argv_add(&argv, "-out");
    argv_add(&argv, file);
    if (!run(&argv, NULL, NULL, false))
        log_fatal("cannot make a certificate for the key in %s", key);
    chmod(file, 0644);
}

static bool public_key(const char *command, const char *file, struct strbuf *out)
{
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    begin(&argv, command);
    return run(&argv, file, out, true) && out->len > 0;
}

bool postfix_openssl_has_key(const char *file)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(OUTPUT_MAX);
    return access(file, R_OK) == 0 && public_key("pkey -pubout", file, &out);
}

bool postfix_openssl_match(const char *certificate, const char *key)
{
    CLEANUP(strbuf_done) struct strbuf of_key = STRBUF_INIT(OUTPUT_MAX);
    CLEANUP(strbuf_done) struct strbuf of_certificate = STRBUF_INIT(OUTPUT_MAX);
    return public_key("pkey -pubout", key, &of_key) &&
           public_key("x509 -noout -pubkey", certificate, &of_certificate) &&
           strcmp(of_key.s, of_certificate.s) == 0;
}

const char *postfix_openssl_algorithm(const char *key)
{
    CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT(OUTPUT_MAX);
    if (!public_key("pkey -noout -text_pub", key, &out))
        return "";
    if (strstr(out.s, "Modulus:"))
        return "rsa";
    return strstr(out.s, "ASN1 OID:") ? "ecdsa" : "";
}

void postfix_openssl_print_request(const char *key, const struct argv *hosts)
{
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    begin(&argv, "req -new -sha256 -subj / -addext");
    argv_add(&argv, "extendedKeyUsage=serverAuth,clientAuth");
    argv_add(&argv, "-key");
    argv_add(&argv, key);
    add_names(&argv, hosts);
    if (!run(&argv, NULL, NULL, false))
        log_fatal("cannot make a certificate signing request for the key in %s", key);
}

void postfix_openssl_key_digest(const char *key, struct strbuf *ret)
{
    CLEANUP(strbuf_done) struct strbuf der = STRBUF_INIT(OUTPUT_MAX), out = STRBUF_INIT(OUTPUT_MAX);
    char name[] = "/tmp/postfix-tls-XXXXXX"; /* public keys only */
    CLEANUP(argv_done) struct argv argv = ARGV_INIT;
    CLEANUP(fd_done) int fd = mkstemp(name);
    if (fd < 0)
        log_fatal("cannot make a temporary file: %s", strerror(errno));
    bool ok =
        public_key("pkey -pubout -outform DER", key, &der) && fd_write_all(fd, der.s, der.len);
    begin(&argv, "dgst -sha256 -r");
    ok = ok && run(&argv, name, &out, true);
    unlink(name);
    if (!ok || out.len < 64)
        log_fatal("cannot make a digest of the key in %s", key);
    strbuf_set_slice(ret, slice_first(strbuf_slice(&out), 64));
}

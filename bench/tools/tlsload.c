/*
 * tlsload - STARTTLS session generator.
 *
 *	tlsload full|resume PARALLEL COUNT PORT		on 127.0.0.1
 *
 * Each session: banner, EHLO, STARTTLS, handshake, EHLO, QUIT. PARALLEL
 * processes; with "resume" each resumes its previous session. Prints one JSON
 * object.
 */
#include "common.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared {
    long ok, failed, resumed;
    char error[128];
};

static struct shared *sh;
static SSL_CTX *ctx;
static SSL_SESSION *saved;
static int port;

static int keep_session(SSL *ssl, SSL_SESSION *sess)
{
    (void)ssl;
    SSL_SESSION_free(saved);
    saved = sess;
    return 1;
}

/* Read one reply, possibly of several lines; return its first digit. */
static int reply(int fd, SSL *ssl)
{
    char buf[8192];
    size_t len = 0;
    for (;;) {
        ssize_t n = ssl ? SSL_read(ssl, buf + len, (int)(sizeof(buf) - 1 - len))
                        : recv(fd, buf + len, sizeof(buf) - 1 - len, 0);
        char *line;
        if (n <= 0)
            return 0;
        len += (size_t)n;
        buf[len] = 0;
        if (buf[len - 1] != '\n')
            continue;
        for (line = buf + len - 1; line > buf && line[-1] != '\n'; line--)
            /* void */;
        if (buf + len - line >= 4 && line[3] == ' ')
            return line[0] - '0';
    }
}

static const char *session(int resume, int *resumed)
{
    struct sockaddr_in sa = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    SSL *ssl = NULL;
    const char *why = NULL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
        why = "connect";
    else if (reply(fd, NULL) != 2)
        why = "banner";
    else if (send(fd, "EHLO tls.example\r\n", 18, 0) != 18 || reply(fd, NULL) != 2)
        why = "EHLO";
    else if (send(fd, "STARTTLS\r\n", 10, 0) != 10 || reply(fd, NULL) != 2)
        why = "STARTTLS refused";
    else {
        ssl = SSL_new(ctx);
        SSL_set_fd(ssl, fd);
        if (resume && saved) { /* OpenSSL uses a TLS 1.3 session once, a copy is new */
            SSL_SESSION *copy = SSL_SESSION_dup(saved);
            SSL_set_session(ssl, copy);
            SSL_SESSION_free(copy);
        }
        if (SSL_connect(ssl) != 1)
            why = "handshake";
        else if (SSL_write(ssl, "EHLO tls.example\r\n", 18) != 18 || reply(fd, ssl) != 2)
            why = "EHLO under TLS";
        else if (SSL_write(ssl, "QUIT\r\n", 6) != 6 || reply(fd, ssl) != 2)
            why = "QUIT";
        *resumed = SSL_session_reused(ssl);
        SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(ssl);
    }
    close(fd);
    return why;
}

static void worker(int resume, long count)
{
    while (count-- > 0) {
        int resumed = 0;
        const char *why = session(resume, &resumed);
        if (why) {
            __atomic_add_fetch(&sh->failed, 1, __ATOMIC_RELAXED);
            snprintf(sh->error, sizeof(sh->error), "%s", why);
        } else
            __atomic_add_fetch(&sh->ok, 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&sh->resumed, resumed, __ATOMIC_RELAXED);
    }
}

int main(int argc, char **argv)
{
    struct rusage ru;
    long parallel, count, i;
    uint64_t start;
    int resume;
    if (argc != 5) {
        fprintf(stderr, "usage: tlsload full|resume PARALLEL COUNT PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    resume = strcmp(argv[1], "resume") == 0;
    parallel = number(argv[2]);
    count = number(argv[3]);
    port = (int)number(argv[4]);
    sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ctx = SSL_CTX_new(TLS_client_method());
    if (resume) {
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, keep_session);
    }
    start = now_ns();
    for (i = 0; i < parallel; i++)
        if (fork() == 0) {
            worker(resume, count / parallel + (i < count % parallel));
            _exit(0);
        }
    while (wait(NULL) > 0)
        /* void */;
    getrusage(RUSAGE_CHILDREN, &ru);
    printf("{\"sent\": %ld, \"failed\": %ld, \"resumed\": %ld, \"secs\": %.6f, \"cpu_s\": %.6f, "
           "\"error\": \"%s\"}\n",
           sh->ok, sh->failed, sh->resumed, (double)(now_ns() - start) / 1e9,
           (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
               (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6,
           sh->error);
    return 0;
}

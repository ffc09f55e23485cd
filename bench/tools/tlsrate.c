/*
 * tlsrate - what a STARTTLS session costs OpenSSL alone: server and client in one process, without
 *network.
 *
 *	tlsrate full|resume COUNT CERTIFICATE
 *
 * Each session: handshake, EHLO, reply, QUIT, reply. CERTIFICATE: certificate and key in one file.
 *Prints one JSON object with the CPU time of either side, microseconds a session.
 */
#include "common.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static SSL_SESSION *saved;

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(saved);
    saved = session;
    return 1;
}

static uint64_t cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

/* What one side does in its turn, and the time that took. */
struct side {
    SSL_CTX *ctx;
    SSL *ssl;
    uint64_t used_ns;
};

static void turn_handshake(struct side *side)
{
    uint64_t start = cpu_ns();
    SSL_do_handshake(side->ssl);
    side->used_ns += cpu_ns() - start;
}

static bool turn_say(struct side *side, const char *text)
{
    uint64_t start = cpu_ns();
    int n = (int)strlen(text);
    bool done = SSL_write(side->ssl, text, n) == n;
    side->used_ns += cpu_ns() - start;
    return done;
}

static bool turn_hear(struct side *side)
{
    char text[512];
    uint64_t start = cpu_ns();
    bool done = SSL_read(side->ssl, text, sizeof text) > 0;
    side->used_ns += cpu_ns() - start;
    return done;
}

static void side_open(struct side *side, BIO *bio, bool is_server)
{
    uint64_t start = cpu_ns();
    side->ssl = SSL_new(side->ctx);
    SSL_set_bio(side->ssl, bio, bio);
    if (is_server)
        SSL_set_accept_state(side->ssl);
    else
        SSL_set_connect_state(side->ssl);
    side->used_ns += cpu_ns() - start;
}

static void side_close(struct side *side)
{
    uint64_t start = cpu_ns();
    SSL_set_shutdown(side->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(side->ssl);
    side->used_ns += cpu_ns() - start;
}

/* Returns false when a step failed; sets *RESUMED. */
static bool session(struct side *server, struct side *client, bool resume, bool *resumed)
{
    BIO *ends[2];
    BIO_new_bio_pair(&ends[0], 1 << 16, &ends[1], 1 << 16);
    side_open(server, ends[0], true);
    side_open(client, ends[1], false);
    if (resume && saved) { /* OpenSSL uses a TLS 1.3 session once, a copy is new */
        SSL_SESSION *copy = SSL_SESSION_dup(saved);
        SSL_set_session(client->ssl, copy);
        SSL_SESSION_free(copy);
    }
    for (int i = 0;
         i < 4 && !(SSL_is_init_finished(server->ssl) && SSL_is_init_finished(client->ssl)); i++) {
        turn_handshake(client);
        turn_handshake(server);
    }
    bool done = turn_say(client, "EHLO tls.example\r\n") && turn_hear(server) &&
                turn_say(server, "250-mx.bench.example\r\n250 8BITMIME\r\n") && turn_hear(client) &&
                turn_say(client, "QUIT\r\n") && turn_hear(server) &&
                turn_say(server, "221 2.0.0 Bye\r\n") && turn_hear(client);
    *resumed = SSL_session_reused(client->ssl);
    side_close(server);
    side_close(client);
    return done;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: tlsrate full|resume COUNT CERTIFICATE\n");
        return 2;
    }
    bool resume = strcmp(argv[1], "resume") == 0;
    long count = number(argv[2]), done = 0, resumed_count = 0;
    struct side server = {.ctx = SSL_CTX_new(TLS_server_method())};
    struct side client = {.ctx = SSL_CTX_new(TLS_client_method())};
    if (SSL_CTX_use_certificate_chain_file(server.ctx, argv[3]) != 1 ||
        SSL_CTX_use_PrivateKey_file(server.ctx, argv[3], SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "tlsrate: no certificate and key in %s\n", argv[3]);
        return 1;
    }
    SSL_CTX_set_session_id_context(server.ctx, (const unsigned char *)"bench", 5);
    SSL_CTX_set_session_cache_mode(client.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client.ctx, keep_session);
    for (long i = 0; i < count; i++) {
        bool resumed;
        done += session(&server, &client, resume, &resumed);
        resumed_count += resumed;
    }
    if (done < count) {
        fprintf(stderr, "tlsrate: %ld of %ld sessions failed\n", count - done, count);
        return 1;
    }
    printf("{\"sessions\": %ld, \"resumed\": %ld, \"server_us\": %.1f, \"client_us\": %.1f}\n",
           count, resumed_count, (double)server.used_ns / (double)count / 1e3,
           (double)client.used_ns / (double)count / 1e3);
    return 0;
}

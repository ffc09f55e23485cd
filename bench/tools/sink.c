/*
 * sink - in-memory SMTP server for benchmarks.
 *
 *	sink PORT COUNT STATSFILE [PEMFILE]
 *
 * With PEMFILE (certificate and key) it offers STARTTLS. Speaks LMTP too, for messages with one
 *recipient. Listens on 127.0.0.1, ports PORT .. PORT+COUNT-1, one epoll loop. Accepts and throws
 *away all mail, counting it in STATSFILE (struct stats), where the controller can also switch on
 *refusals and delays.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define INBUF   65536
#define HEADBUF 4096

struct conn {
    int fd;
    int listener;
    int in_data;
    int dead;
    unsigned rcpts;
    size_t in_len, head_len, out_len;
    uint64_t due_ns;
    SSL *ssl; /* from STARTTLS on */
    int wants_tls;
    struct conn *next; /* delayed replies, oldest first */
    char in[INBUF], head[HEADBUF], out[8192];
};

static struct stats *st;
static int epfd;
static SSL_CTX *tls;
static struct conn *delay_head, **delay_tail = &delay_head;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void flush_out(struct conn *c)
{
    size_t done = 0;
    while (done < c->out_len) {
        ssize_t n = c->ssl ? SSL_write(c->ssl, c->out + done, (int)(c->out_len - done))
                           : send(c->fd, c->out + done, c->out_len - done, MSG_NOSIGNAL);
        if (n <= 0)
            break; /* replies are tiny: no room means a dead peer */
        done += (size_t)n;
    }
    c->out_len = 0;
}

static void put(struct conn *c, const char *text)
{
    size_t n = strlen(text);
    if (c->out_len + n > sizeof(c->out))
        flush_out(c);
    memcpy(c->out + c->out_len, text, n);
    c->out_len += n;
}

static void end_of_message(struct conn *c)
{
    uint64_t now = now_ns();
    char *p = memmem(c->head, c->head_len, "X-Bench: ", 9);
    if (p != NULL) {
        uint64_t stamp = strtoull(p + 9, NULL, 10);
        st->lat[st->nlat % LAT_MAX] = now - stamp;
        st->nlat++;
    }
    if (st->first_ns == 0)
        st->first_ns = now;
    st->last_ns = now;
    st->rcpts += c->rcpts;
    c->rcpts = 0;
    __atomic_add_fetch(&st->msgs, 1, __ATOMIC_RELEASE);
    c->in_data = 0;
    put(c, "250 2.0.0 Ok\r\n");
    if (st->delay_ms != 0) {
        c->due_ns = now + st->delay_ms * 1000000u;
        c->next = NULL;
        *delay_tail = c;
        delay_tail = &c->next;
    }
}

static void command(struct conn *c, const char *line)
{
    if (strncasecmp(line, "EHLO", 4) == 0 || strncasecmp(line, "LHLO", 4) == 0) {
        put(c, "250-sink.example\r\n250-PIPELINING\r\n250-SIZE 0\r\n250-ENHANCEDSTATUSCODES\r\n");
        put(c, tls && !c->ssl ? "250-STARTTLS\r\n250 8BITMIME\r\n" : "250 8BITMIME\r\n");
    } else if (strncasecmp(line, "STARTTLS", 8) == 0 && tls && !c->ssl) {
        put(c, "220 2.0.0 Go\r\n");
        c->wants_tls = 1;
    } else if (strncasecmp(line, "HELO", 4) == 0)
        put(c, "250 sink.example\r\n");
    else if (strncasecmp(line, "MAIL", 4) == 0)
        put(c, "250 2.1.0 Ok\r\n");
    else if (strncasecmp(line, "RCPT", 4) == 0) {
        if (st->refuse)
            put(c, "450 4.2.0 Refused for now\r\n");
        else {
            c->rcpts++;
            put(c, "250 2.1.5 Ok\r\n");
        }
    } else if (strncasecmp(line, "DATA", 4) == 0) {
        if (c->rcpts == 0)
            put(c, "554 5.5.1 No valid recipients\r\n");
        else {
            put(c, "354 Go\r\n");
            c->in_data = 1;
            c->head_len = 0;
        }
    } else if (strncasecmp(line, "RSET", 4) == 0) {
        c->rcpts = 0;
        put(c, "250 2.0.0 Ok\r\n");
    } else if (strncasecmp(line, "NOOP", 4) == 0)
        put(c, "250 2.0.0 Ok\r\n");
    else if (strncasecmp(line, "QUIT", 4) == 0) {
        put(c, "221 2.0.0 Bye\r\n");
        c->dead = 1;
    } else
        put(c, "502 5.5.2 Unknown command\r\n");
}

/* Consume what is in the buffer; keep an incomplete tail. */
static void process(struct conn *c)
{
    size_t pos = 0;
    while (!c->dead && c->due_ns == 0 && pos < c->in_len) {
        char *start = c->in + pos;
        size_t left = c->in_len - pos;
        if (c->in_data) {
            char *end = memmem(start, left, "\r\n.\r\n", 5);
            size_t take = end ? (size_t)(end - start) + 5 : left > 4 ? left - 4 : 0;
            size_t keep = sizeof(c->head) - c->head_len;
            if (keep > take)
                keep = take;
            memcpy(c->head + c->head_len, start, keep);
            c->head_len += keep;
            st->bytes += take;
            pos += take;
            if (end == NULL)
                break;
            end_of_message(c);
        } else {
            char *nl = memchr(start, '\n', left);
            if (nl == NULL)
                break;
            *nl = 0;
            command(c, start);
            pos += (size_t)(nl - start) + 1;
        }
    }
    memmove(c->in, c->in + pos, c->in_len - pos);
    c->in_len -= pos;
}

static void finish(struct conn *c)
{
    SSL_free(c->ssl);
    close(c->fd);
    free(c);
}

static void begin_tls(struct conn *c)
{
    c->wants_tls = 0;
    c->in_len = 0;
    c->ssl = SSL_new(tls);
    if (c->ssl == NULL || !SSL_set_fd(c->ssl, c->fd))
        die("SSL_new");
    SSL_set_accept_state(c->ssl); /* the first SSL_read shakes hands */
}

/* Like recv() on a socket that does not block. */
static ssize_t receive(struct conn *c)
{
    char *at = c->in + c->in_len;
    size_t room = sizeof(c->in) - c->in_len;
    if (c->ssl == NULL)
        return recv(c->fd, at, room, 0);
    int n = SSL_read(c->ssl, at, (int)room);
    if (n <= 0 && SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ) {
        errno = EAGAIN;
        return -1;
    }
    return n > 0 ? n : 0;
}

static void readable(struct conn *c)
{
    ssize_t n;
    if (c->due_ns != 0) /* waiting; level-triggered event, ignore */
        return;
    if (c->in_len == sizeof(c->in))
        c->in_len = 0; /* over-long command line */
    n = receive(c);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        finish(c);
        return;
    }
    c->in_len += (size_t)n;
    process(c);
    if (c->due_ns != 0) {
        struct epoll_event ev = {.events = 0, .data.ptr = c};
        epoll_ctl(epfd, EPOLL_CTL_MOD, c->fd, &ev);
        return;
    }
    flush_out(c);
    if (c->wants_tls)
        begin_tls(c);
    if (c->dead)
        finish(c);
    else if (c->ssl && SSL_pending(c->ssl) > 0)
        readable(c);
}

static void open_tls(const char *pem)
{
    tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL || SSL_CTX_use_certificate_chain_file(tls, pem) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, pem, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "sink: no certificate and key in %s\n", pem);
        exit(1);
    }
}

static void release_delayed(void)
{
    uint64_t now = now_ns();
    while (delay_head && (delay_head->due_ns <= now || st->delay_ms == 0)) {
        struct conn *c = delay_head;
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
        if ((delay_head = c->next) == NULL)
            delay_tail = &delay_head;
        c->due_ns = 0;
        epoll_ctl(epfd, EPOLL_CTL_MOD, c->fd, &ev);
        process(c);
        flush_out(c);
        if (c->dead)
            finish(c);
    }
}

static void add(int fd, int listener)
{
    struct conn *c = malloc(sizeof(*c));
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
    if (c == NULL)
        die("malloc");
    memset(c, 0, offsetof(struct conn, in));
    c->fd = fd;
    c->listener = listener;
    if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
        die("epoll_ctl");
    if (!listener) {
        put(c, "220 sink.example ESMTP\r\n");
        flush_out(c);
    }
}

int main(int argc, char **argv)
{
    int port, count, fd, i, one = 1;
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: sink PORT COUNT STATSFILE [PEMFILE]\n");
        return 2;
    }
    if (argc == 5)
        open_tls(argv[4]);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* end with the benchmark */
    port = (int)number(argv[1]);
    count = (int)number(argv[2]);
    fd = open(argv[3], O_RDWR | O_CREAT, 0666);
    if (fd < 0 || ftruncate(fd, sizeof(*st)) < 0)
        die(argv[3]);
    st = mmap(NULL, sizeof(*st), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (st == MAP_FAILED)
        die("mmap");
    epfd = epoll_create1(0);
    for (i = 0; i < count; i++) {
        struct sockaddr_in sa = {
            .sin_family = AF_INET,
            .sin_port = htons((uint16_t)(port + i)),
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(s, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(s, 4096) < 0)
            die("bind/listen");
        add(s, 1);
    }
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        struct epoll_event ev[64];
        int n = epoll_wait(epfd, ev, 64, delay_head ? 5 : -1);
        for (i = 0; i < n; i++) {
            struct conn *c = ev[i].data.ptr;
            if (!c->listener) {
                readable(c);
                continue;
            }
            while ((fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
                st->conns++;
                add(fd, 0);
            }
        }
        if (delay_head)
            release_delayed();
    }
}

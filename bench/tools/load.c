/*
 * load - SMTP load generator for benchmarks (one epoll loop).
 *
 *	load [options] PORT		on 127.0.0.1
 *
 *	-M mail|conn|hold  what to do: send mail; connect, EHLO, QUIT; or
 *	                   connect, EHLO and stay until stdin is closed
 *	-s N   parallel sessions (1)
 *	-m N   messages, or sessions for -M conn (1)
 *	-k N   messages per session (1; 0: no limit)
 *	-l N   message size in bytes (4096)
 *	-r N   recipients per message (1)
 *	-t T   recipient template: %u is a running number modulo -u, %d one
 *	       modulo -d (user%u@example.com)
 *	-u N, -d N  see -t (100, 10)
 *	-i N   open loop: start a message every N microseconds at most
 *	-w F   closed loop: before each next message wait until the sink with
 *	       statistics file F has got all earlier ones
 *
 * Prints one JSON object. Every message has an X-Bench header with the time
 * at which MAIL was sent.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum state { BANNER, EHLO, MAIL, RCPT, DATA, BODY, DOT, QUIT, HELD };

struct sess {
    int fd;
    enum state state;
    int pending; /* replies outstanding in RCPT */
    int refused; /* RCPT replies other than 2xx */
    int pipelining;
    long sent; /* messages in this session */
    uint64_t start_ns;
    char in[8192];
    size_t in_len;
    char head[512];
    struct iovec_ {
        const char *p;
        size_t n;
    } iov[2];
};

static const char *mode = "mail", *template = "user%u@example.com";
static long nsess = 1, nmsg = 1, per_session = 1, size = 4096, nrcpt = 1;
static long mod_u = 100, mod_d = 10, interval_us;
static struct stats *sink;
static int port, epfd;
static char *body;
static size_t body_len;
static long started, sent, failed, active, held, counter;
static uint64_t *lat, first_ns, last_ns, next_start;
static uint64_t sink_base;
static char first_error[256];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void make_body(void)
{
    long i;
    body_len = (size_t)size;
    body = malloc(body_len + 8);
    for (i = 0; i < size; i++)
        body[i] = i % 80 == 78 ? '\r' : i % 80 == 79 ? '\n' : (char)('a' + i % 23);
    memcpy(body + size, "\r\n.\r\n", 6);
    body_len += 5;
}

static void address(char *buf, size_t room)
{
    const char *t;
    size_t n = 0;
    for (t = template; *t && n + 24 < room; t++) {
        if (t[0] == '%' && t[1] == 'u')
            n += (size_t)snprintf(buf + n, room - n, "%ld", counter % mod_u), t++;
        else if (t[0] == '%' && t[1] == 'd')
            n += (size_t)snprintf(buf + n, room - n, "%ld", counter % mod_d), t++;
        else
            buf[n++] = *t;
    }
    buf[n] = 0;
    counter++;
}

static void say(struct sess *s, const char *text, size_t n)
{
    if (send(s->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n && first_error[0] == 0)
        snprintf(first_error, sizeof(first_error), "short command write");
}

static void want(struct sess *s, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = s};
    epoll_ctl(epfd, EPOLL_CTL_MOD, s->fd, &ev);
}

static void done(struct sess *s)
{
    close(s->fd);
    free(s);
    active--;
}

static void fail(struct sess *s, const char *why)
{
    if (first_error[0] == 0)
        snprintf(first_error, sizeof(first_error), "%s", why);
    failed++;
    done(s);
}

static int may_start(void)
{
    if (started >= nmsg)
        return 0;
    if (interval_us && now_ns() < next_start)
        return 0;
    if (sink && (active > 0 || sink->msgs - sink_base < (uint64_t)sent))
        return 0;
    return 1;
}

static void took_one(void)
{
    started++;
    if (interval_us)
        next_start = (next_start ? next_start : now_ns()) + (uint64_t)interval_us * 1000;
}

static void begin_message(struct sess *s)
{
    static const char mail[] = "MAIL FROM:<sender@bench.example>\r\n";
    s->start_ns = now_ns();
    s->state = MAIL;
    say(s, mail, sizeof(mail) - 1);
}

static void send_rcpts(struct sess *s, long n)
{
    size_t room = (size_t)n * 288;
    char *buf = malloc(room), addr[256];
    size_t len = 0;
    s->pending = (int)n;
    for (; n > 0; n--) {
        address(addr, sizeof(addr));
        len += (size_t)snprintf(buf + len, room - len, "RCPT TO:<%s>\r\n", addr);
    }
    say(s, buf, len);
    free(buf);
}

static void send_body(struct sess *s)
{
    while (s->iov[0].n + s->iov[1].n > 0) {
        int k = s->iov[0].n ? 0 : 1;
        ssize_t n = send(s->fd, s->iov[k].p, s->iov[k].n, MSG_NOSIGNAL | (k ? 0 : MSG_MORE));
        if (n < 0) {
            if (errno == EAGAIN) {
                want(s, EPOLLIN | EPOLLOUT);
                return;
            }
            break; /* the reply (or EOF) will tell */
        }
        s->iov[k].p += n;
        s->iov[k].n -= (size_t)n;
    }
    s->state = DOT;
    want(s, EPOLLIN);
}

static void quit(struct sess *s)
{
    say(s, "QUIT\r\n", 6);
    s->state = QUIT;
}

/* One complete reply has arrived. */
static void reply(struct sess *s, char *text)
{
    int good = text[0] == '2' || text[0] == '3';
    if (!good && s->state != RCPT && s->state != QUIT) {
        fail(s, text);
        return;
    }
    switch (s->state) {
    case BANNER:
        say(s, "EHLO load.example\r\n", 19);
        s->state = EHLO;
        break;
    case EHLO:
        if (strcmp(mode, "hold") == 0) {
            s->state = HELD;
            held++;
        } else if (strcmp(mode, "conn") == 0) {
            quit(s);
        } else
            begin_message(s);
        break;
    case MAIL:
        s->state = RCPT;
        s->refused = 0;
        s->sent++;
        send_rcpts(s, s->pipelining ? nrcpt : 1);
        if (!s->pipelining)
            s->pending = (int)nrcpt;
        break;
    case RCPT:
        if (!good) {
            s->refused++;
            if (first_error[0] == 0)
                snprintf(first_error, sizeof(first_error), "%s", text);
        }
        if (--s->pending > 0) {
            if (!s->pipelining) {
                int left = s->pending;
                send_rcpts(s, 1);
                s->pending = left;
            }
        } else if (s->refused == nrcpt) {
            fail(s, text);
        } else {
            say(s, "DATA\r\n", 6);
            s->state = DATA;
        }
        break;
    case DATA:
        s->iov[0].n = (size_t)snprintf(
            s->head, sizeof(s->head),
            "From: <sender@bench.example>\r\nTo: <recipient@bench.example>\r\n"
            "Subject: benchmark\r\nMessage-ID: <%llu.%ld@bench.example>\r\n"
            "Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nX-Bench: %llu\r\n\r\n",
            (unsigned long long)s->start_ns, counter, (unsigned long long)s->start_ns);
        s->iov[0].p = s->head;
        s->iov[1].p = body;
        s->iov[1].n = body_len;
        s->state = BODY;
        send_body(s);
        break;
    case DOT:
        last_ns = now_ns();
        lat[sent++] = last_ns - s->start_ns;
        if ((per_session == 0 || s->sent < per_session) && may_start()) {
            took_one();
            begin_message(s);
        } else
            quit(s);
        break;
    case QUIT:
        if (strcmp(mode, "conn") == 0) {
            last_ns = now_ns();
            lat[sent++] = last_ns - s->start_ns;
        }
        done(s);
        break;
    default:
        break;
    }
}

static void readable(struct sess *s)
{
    ssize_t n = recv(s->fd, s->in + s->in_len, sizeof(s->in) - 1 - s->in_len, 0);
    char *line, *nl;
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        if (s->state == QUIT)
            done(s);
        else
            fail(s, n < 0 ? strerror(errno) : "connection closed by server");
        return;
    }
    s->in_len += (size_t)n;
    s->in[s->in_len] = 0;
    line = s->in;
    while ((nl = strchr(line, '\n')) != NULL) {
        int last = nl - line < 4 || line[3] != '-';
        char text[128];
        long before = active;
        if (s->state == EHLO && strncmp(line + 4, "PIPELINING", 10) == 0)
            s->pipelining = 1;
        if (last) {
            snprintf(text, sizeof(text), "%.*s", (int)(nl - line - (nl > line && nl[-1] == '\r')),
                     line);
            reply(s, text);
            if (active < before)
                return; /* s is gone */
        }
        line = nl + 1;
    }
    s->in_len = strlen(line);
    memmove(s->in, line, s->in_len + 1);
}

static void open_session(void)
{
    struct sockaddr_in sa = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct sess *s = malloc(sizeof(*s));
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};
    int one = 1;
    memset(s, 0, sizeof(*s));
    s->start_ns = now_ns();
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (s->fd < 0)
        die("socket");
    active++;
    if (connect(s->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
        fail(s, strerror(errno));
        return;
    }
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
    epoll_ctl(epfd, EPOLL_CTL_ADD, s->fd, &ev);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double pct(double p)
{
    return sent ? (double)lat[(long)((double)(sent - 1) * p)] / 1e6 : 0;
}

static void report(void)
{
    struct rusage ru;
    char *p;
    getrusage(RUSAGE_SELF, &ru);
    for (p = first_error; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < 32)
            *p = '\'';
    qsort(lat, (size_t)sent, sizeof(*lat), by_value);
    printf(
        "{\"sent\": %ld, \"failed\": %ld, \"held\": %ld, \"first_ns\": %llu, \"last_ns\": %llu, "
        "\"secs\": %.6f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"cpu_s\": %.3f, \"error\": \"%s\"}\n",
        sent, failed, held, (unsigned long long)first_ns, (unsigned long long)last_ns,
        last_ns > first_ns ? (double)(last_ns - first_ns) / 1e9 : 0, pct(0.5), pct(0.99),
        (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
            (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6,
        first_error);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int c, hold, fd;
    while ((c = getopt(argc, argv, "M:s:m:k:l:r:t:u:d:i:w:")) > 0) {
        switch (c) {
        case 'M':
            mode = optarg;
            break;
        case 's':
            nsess = number(optarg);
            break;
        case 'm':
            nmsg = number(optarg);
            break;
        case 'k':
            per_session = number(optarg);
            break;
        case 'l':
            size = number(optarg);
            break;
        case 'r':
            nrcpt = number(optarg);
            break;
        case 't':
            template = optarg;
            break;
        case 'u':
            mod_u = number(optarg);
            break;
        case 'd':
            mod_d = number(optarg);
            break;
        case 'i':
            interval_us = number(optarg);
            break;
        case 'w':
            if ((fd = open(optarg, O_RDONLY)) < 0)
                die(optarg);
            sink = mmap(NULL, sizeof(*sink), PROT_READ, MAP_SHARED, fd, 0);
            if (sink == MAP_FAILED)
                die("mmap");
            sink_base = sink->msgs;
            break;
        default:
            return 2;
        }
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "usage: load [options] PORT\n");
        return 2;
    }
    port = (int)number(argv[optind]);
    signal(SIGPIPE, SIG_IGN);
    hold = strcmp(mode, "hold") == 0;
    if (hold)
        nmsg = nsess;
    make_body();
    lat = calloc((size_t)nmsg + 1, sizeof(*lat));
    epfd = epoll_create1(0);
    first_ns = last_ns = now_ns();
    for (;;) {
        struct epoll_event ev[64];
        int n, i, wait_ms = -1;
        while (active < nsess && may_start()) {
            took_one();
            open_session();
        }
        if (started >= nmsg && (active == 0 || (hold && held == active)))
            break;
        if (started < nmsg && active < nsess)
            wait_ms = 0;
        if (wait_ms == 0)
            usleep(100);
        n = epoll_wait(epfd, ev, 64, wait_ms);
        for (i = 0; i < n; i++) {
            struct sess *s = ev[i].data.ptr;
            if (s->state == BODY && (ev[i].events & EPOLLOUT))
                send_body(s);
            if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                readable(s);
        }
    }
    if (hold)
        last_ns = now_ns();
    report();
    if (hold)
        while (getchar() != EOF)
            /* void */;
    return 0;
}

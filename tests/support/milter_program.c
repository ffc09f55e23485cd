/* A mail filter on libmilter that does as a file of rules tells it, and notes what it is called
 * for.
 *
 *   milter_program SOCKET RULES LOG
 *
 * RULES is read again at every step. A rule is a line of words separated by tabs: the step, a text
 * that has to be in what the step is about (* for any), an action and its arguments. Actions that
 * answer (reject, setreply is none) end the list. LOG gets a line for each step: the number of the
 * connection, the step, its arguments. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS = 12, LINE = 4096 };

static const char *rules_path;
static int log_fd = -1;

struct session {
    int number;
    unsigned long steps; /* as agreed */
};

static void __attribute__((format(printf, 2, 3)))
note(const struct session *s, const char *fmt, ...)
{
    char text[LINE];
    va_list args;
    int n = snprintf(text, sizeof text, "%d ", s ? s->number : 0);
    va_start(args, fmt);
    n += vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
    va_end(args);
    if (n > (int)sizeof text - 2)
        n = sizeof text - 2;
    for (int i = 0; i < n; i++) /* one line, whatever a client sent */
        if (text[i] == '\n' || text[i] == '\r')
            text[i] = text[i] == '\n' ? '|' : '~';
    text[n++] = '\n';
    if (write(log_fd, text, (size_t)n) != n)
        abort();
}

/* ---- actions ---- */

struct call {
    SMFICTX *ctx;
    struct session *s;
    const char *step;
    char **word; /* the action and its arguments; after the last: empty ones */
};

static int do_macros(const struct call *c)
{
    for (int i = 1; c->word[i][0]; i++) {
        const char *value = smfi_getsymval(c->ctx, c->word[i]);
        note(c->s, "%s %s=%s", c->step, c->word[i], value ? value : "(none)");
    }
    return MI_SUCCESS;
}

static int do_setreply(const struct call *c)
{
    char *xcode = c->word[2][0] ? c->word[2] : NULL, *text = c->word[3][0] ? c->word[3] : NULL;
    return smfi_setreply(c->ctx, c->word[1], xcode, text);
}

static int do_setmlreply(const struct call *c)
{
    char **w = c->word;
    return smfi_setmlreply(c->ctx, w[1], w[2], w[3], w[4], w[5][0] ? w[5] : NULL, (char *)NULL);
}

static int do_addheader(const struct call *c)
{
    return smfi_addheader(c->ctx, c->word[1], c->word[2]);
}

static int do_insheader(const struct call *c)
{
    return smfi_insheader(c->ctx, (int)strtol(c->word[1], NULL, 10), c->word[2], c->word[3]);
}

static int do_chgheader(const struct call *c)
{
    return smfi_chgheader(c->ctx, c->word[2], (int)strtol(c->word[1], NULL, 10), c->word[3]);
}

static int do_chgfrom(const struct call *c)
{
    return smfi_chgfrom(c->ctx, c->word[1], c->word[2][0] ? c->word[2] : NULL);
}

static int do_addrcpt(const struct call *c)
{
    return smfi_addrcpt(c->ctx, c->word[1]);
}

static int do_addrcpt_par(const struct call *c)
{
    return smfi_addrcpt_par(c->ctx, c->word[1], c->word[2]);
}

static int do_delrcpt(const struct call *c)
{
    return smfi_delrcpt(c->ctx, c->word[1]);
}

static int do_body(const struct call *c)
{
    char text[LINE];
    int n = snprintf(text, sizeof text, "%s\r\n", c->word[1]);
    return smfi_replacebody(c->ctx, (unsigned char *)text, n);
}

static int do_large_body(const struct call *c)
{
    long lines = strtol(c->word[1], NULL, 10);
    size_t size = (size_t)lines * 80;
    char *text = malloc(size + 1);
    if (!text)
        return MI_FAILURE;
    for (long i = 0; i < lines; i++)
        snprintf(text + i * 80, 81, "%077ld.\r\n", i);
    int done = smfi_replacebody(c->ctx, (unsigned char *)text, (int)size);
    free(text);
    return done;
}

static int do_progress(const struct call *c)
{
    return smfi_progress(c->ctx);
}

static int do_quarantine(const struct call *c)
{
    return smfi_quarantine(c->ctx, c->word[1]);
}

static int do_nothing(const struct call *c)
{
    (void)c;
    return MI_SUCCESS;
}

static const struct action {
    const char *name;
    int (*run)(const struct call *c);
    int answer; /* -1: none, the list goes on */
} actions[] = {
    {"macros", do_macros, -1},
    {"setreply", do_setreply, -1},
    {"setmlreply", do_setmlreply, -1},
    {"addheader", do_addheader, -1},
    {"insheader", do_insheader, -1},
    {"chgheader", do_chgheader, -1},
    {"chgfrom", do_chgfrom, -1},
    {"addrcpt", do_addrcpt, -1},
    {"addrcpt_par", do_addrcpt_par, -1},
    {"delrcpt", do_delrcpt, -1},
    {"body", do_body, -1},
    {"large_body", do_large_body, -1},
    {"progress", do_progress, -1},
    {"quarantine", do_quarantine, -1},
    {"accept", do_nothing, SMFIS_ACCEPT},
    {"reject", do_nothing, SMFIS_REJECT},
    {"discard", do_nothing, SMFIS_DISCARD},
    {"tempfail", do_nothing, SMFIS_TEMPFAIL},
    {"skip", do_nothing, SMFIS_SKIP},
    {"continue", do_nothing, SMFIS_CONTINUE},
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    fprintf(stderr, "milter_program: no action %s\n", name);
    abort();
}

/* The words of the next rule for STEP about WHAT; false: there are no more. */
static int next_rule(FILE *rules, const char *step, const char *what, char *line, char *word[WORDS])
{
    while (fgets(line, LINE, rules)) {
        char *rest = line;
        line[strcspn(line, "\n")] = '\0';
        for (int i = 0; i < WORDS; i++) {
            char *got = strsep(&rest, "\t");
            word[i] = got ? got : line + strlen(line);
        }
        if (strcmp(word[0], step) == 0 && (strcmp(word[1], "*") == 0 || strstr(what, word[1])))
            return 1;
    }
    return 0;
}

/* BIT: of the steps whose answer the server may have agreed to do without. */
static sfsistat apply(SMFICTX *ctx, const char *step, const char *what, unsigned long bit)
{
    struct call c = {.ctx = ctx, .s = smfi_getpriv(ctx), .step = step};
    char line[LINE], *word[WORDS];
    sfsistat answer = SMFIS_CONTINUE;
    FILE *rules = fopen(rules_path, "re");
    if (!rules)
        abort();
    while (next_rule(rules, step, what, line, word)) {
        const struct action *a = find_action(word[2]);
        c.word = word + 2;
        if (a->run(&c) != MI_SUCCESS)
            note(c.s, "%s %s failed", step, word[2]);
        if (a->answer >= 0) {
            answer = a->answer;
            break;
        }
    }
    fclose(rules);
    return c.s->steps & bit ? SMFIS_NOREPLY : answer;
}

/* ---- steps ---- */

/* Rules: "negotiate * steps HEX", "negotiate * symlist STAGE NAMES". */
static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
                             unsigned long f3, unsigned long *pf0, unsigned long *pf1,
                             unsigned long *pf2, unsigned long *pf3)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int count;
    char line[LINE], *word[WORDS];
    struct session *s = calloc(1, sizeof *s);
    FILE *rules = fopen(rules_path, "re");
    if (!s || !rules)
        abort();
    pthread_mutex_lock(&lock);
    s->number = ++count;
    pthread_mutex_unlock(&lock);
    note(s, "negotiate actions=%lx steps=%lx more=%lx,%lx", f0, f1, f2, f3);
    while (next_rule(rules, "negotiate", "", line, word)) {
        if (strcmp(word[2], "steps") == 0)
            s->steps = strtoul(word[3], NULL, 16) & f1;
        else if (smfi_setsymlist(ctx, (int)strtol(word[3], NULL, 10), word[4]) != MI_SUCCESS)
            note(s, "negotiate symlist failed");
    }
    fclose(rules);
    smfi_setpriv(ctx, s);
    *pf0 = f0;
    *pf1 = s->steps | (f1 & SMFIP_SKIP);
    *pf2 = *pf3 = 0;
    return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    char text[INET6_ADDRSTRLEN + 16] = "unknown", number[INET6_ADDRSTRLEN];
    if (address && address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        inet_ntop(AF_INET, &in->sin_addr, number, sizeof number);
        snprintf(text, sizeof text, "inet %s", number);
    } else if (address && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        inet_ntop(AF_INET6, &in6->sin6_addr, number, sizeof number);
        snprintf(text, sizeof text, "inet6 %s", number);
    }
    note(smfi_getpriv(ctx), "connect %s %s", host, text);
    return apply(ctx, "connect", text, SMFIP_NR_CONN);
}

static sfsistat on_text(SMFICTX *ctx, const char *step, const char *text, unsigned long bit)
{
    note(smfi_getpriv(ctx), "%s %s", step, text);
    return apply(ctx, step, text, bit);
}

static sfsistat on_arguments(SMFICTX *ctx, const char *step, char **argv, unsigned long bit)
{
    char text[LINE] = "";
    for (size_t n = 0; *argv && n < sizeof text; argv++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "", *argv);
    return on_text(ctx, step, text, bit);
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
    return on_text(ctx, "helo", name, SMFIP_NR_HELO);
}

static sfsistat on_mail(SMFICTX *ctx, char **argv)
{
    return on_arguments(ctx, "mail", argv, SMFIP_NR_MAIL);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **argv)
{
    return on_arguments(ctx, "rcpt", argv, SMFIP_NR_RCPT);
}

static sfsistat on_data(SMFICTX *ctx)
{
    return on_text(ctx, "data", "", SMFIP_NR_DATA);
}

static sfsistat on_unknown(SMFICTX *ctx, const char *line)
{
    return on_text(ctx, "unknown", line, SMFIP_NR_UNKN);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
    char text[LINE];
    snprintf(text, sizeof text, "%s:%s", name, value);
    return on_text(ctx, "header", text, SMFIP_NR_HDR);
}

static sfsistat on_eoh(SMFICTX *ctx)
{
    return on_text(ctx, "eoh", "", SMFIP_NR_EOH);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *data, size_t len)
{
    char text[LINE];
    int shown = len > 60 ? 60 : (int)len;
    snprintf(text, sizeof text, "%zu %.*s", len, shown, (const char *)data);
    return on_text(ctx, "body", text, SMFIP_NR_BODY);
}

static sfsistat on_eom(SMFICTX *ctx)
{
    return on_text(ctx, "eom", "", 0);
}

static sfsistat on_abort(SMFICTX *ctx)
{
    note(smfi_getpriv(ctx), "abort");
    return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
    struct session *s = smfi_getpriv(ctx);
    if (s)
        note(s, "close");
    smfi_setpriv(ctx, NULL);
    free(s);
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    struct smfiDesc filter = {
        .xxfi_name = argv[0],
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGBODY | SMFIF_ADDRCPT | SMFIF_DELRCPT |
                      SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_CHGFROM | SMFIF_ADDRCPT_PAR |
                      SMFIF_SETSYMLIST,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_helo,
        .xxfi_envfrom = on_mail,
        .xxfi_envrcpt = on_rcpt,
        .xxfi_header = on_header,
        .xxfi_eoh = on_eoh,
        .xxfi_body = on_body,
        .xxfi_eom = on_eom,
        .xxfi_abort = on_abort,
        .xxfi_close = on_close,
        .xxfi_unknown = on_unknown,
        .xxfi_data = on_data,
        .xxfi_negotiate = on_negotiate,
    };
    if (argc != 4) {
        fprintf(stderr, "usage: milter_program SOCKET RULES LOG\n");
        return 64;
    }
    rules_path = argv[2];
    log_fd = open(argv[3], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (log_fd < 0 || smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS)
        return 69;
    return smfi_main() == MI_SUCCESS ? 0 : 70;
}

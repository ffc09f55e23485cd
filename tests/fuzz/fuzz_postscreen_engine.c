/* The built-in SMTP engine: any bytes; what comes back is replies, and the session ends. */
#include "base/xmem.h"
#include "config/common_params.h"
#include "config/known_params.h"
#include "log/log.h"
#include "postscreen/postscreen_params.h"
#include "postscreen/psc_client_count.h"
#include "postscreen/psc_engine.h"
#include "postscreen/psc_server.h"
#include "postscreen/psc_session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct psc_server server;
static bool is_over;

static void quiet(enum log_level level, const char *line)
{
    (void)level;
    (void)line;
}

static void on_end(void)
{
    is_over = true;
}

static void open_server(void)
{
    static const char *const settings[][2] = {
        {"myhostname", "mail.test"},
        {"mynetworks", "127.0.0.0/8"},
        {"inet_interfaces", "127.0.0.1"},
        {"inet_protocols", "ipv4"},
        {"postscreen_cache_map", ""},
        {"postscreen_pipelining_action", "ignore"},
        {"postscreen_non_smtp_command_action", "enforce"},
        {"postscreen_bare_newline_action", "enforce"},
        {"postscreen_command_filter", "inline:{{FOO=RSET}}"},
        {"postscreen_forbidden_commands", "GET"},
        {"postscreen_reject_footer", "\\c; $client_address\\nsee there"},
        {"line_length_limit", "512"},
    };
    struct err err = ERR_INIT;
    struct config *cfg = config_new("/nonexistent");
    log_hook = quiet;
    config_declare(cfg, postscreen_param_rows);
    config_declare(cfg, known_param_rows);
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        config_override(cfg, settings[i][0], settings[i][1]);
    if (!common_params_load(cfg, &err) ||
        !params_load(cfg, postscreen_param_rows, &postscreen_params, &err))
        abort();
    psc_server_open(&server, cfg);
    psc_server_start(&server, loop_new());
    server.on_session_end = on_end;
}

/* Three digits, a blank or a hyphen, text without control bytes, CR LF. */
static void check_replies(struct slice text)
{
    while (text.len > 0) {
        size_t lf = slice_find(text, '\n');
        if (lf == SIZE_MAX || lf < 5 || text.s[lf - 1] != '\r' || text.s[0] < '2' ||
            text.s[0] > '5' || (text.s[3] != ' ' && text.s[3] != '-'))
            abort();
        text = slice_from(text, lf + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char replies[1 << 20];
    int fds[2];
    if (!server.loop)
        open_server();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
        abort();
    ssize_t sent = send(fds[1], data, MIN(size, (size_t)32768), MSG_NOSIGNAL);
    shutdown(fds[1], SHUT_WR);
    struct psc_session *s = xzalloc(sizeof *s);
    *s = (struct psc_session){.server = &server, .fd = fds[0], .todo = PSC_DEEP};
    memcpy(s->ends.client_address, "192.0.2.1", 10);
    psc_client_count_add(server.clients, s->ends.client_address);
    is_over = false;
    psc_engine_start(s);
    while (!is_over)
        loop_run_once(server.loop, true);
    loop_run_once(server.loop, false); /* what it had left to say */
    ssize_t got = sent < 0 ? 0 : recv(fds[1], replies, sizeof replies, MSG_DONTWAIT);
    if (got > 0)
        check_replies((struct slice){replies, (size_t)got});
    close(fds[1]);
    return 0;
}

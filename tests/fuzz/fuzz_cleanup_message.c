/* Any bytes as the records of a new message: every path ends, the file is within its bound, and a
 * message that is accepted can be read back. */
#include "cleanup/cleanup_message.h"
#include "cleanup/cleanup_params.h"
#include "cleanup/cleanup_tables.h"
#include "config/common_params.h"
#include "mail/queue_file.h"

#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void no_log(enum log_level level, const char *line)
{
    (void)level;
    (void)line;
}

static char dir[] = "/tmp/fuzz_cleanup.XXXXXX";

static void remove_dir(void)
{
    if (rmdir("incoming") == 0 && chdir("/") == 0)
        rmdir(dir);
}

static void start(void)
{
    static struct config *cfg;
    struct err err = ERR_INIT;
    if (cfg)
        return;
    cfg = config_new("/nonexistent");
    config_override(cfg, "myhostname", "our.test");
    config_override(cfg, "inet_interfaces", "127.0.0.1");
    config_override(cfg, "masquerade_domains", "m.test");
    config_override(cfg, "canonical_maps", "inline:{a@b.test=c@d.test}");
    config_override(cfg, "virtual_alias_maps", "inline:{c@far.test=e@f.test}");
    config_override(cfg, "header_checks", "inline:{{A: b=PREPEND C: d}}");
    config_override(cfg, "always_bcc", "copy@far.test");
    config_declare(cfg, cleanup_param_rows);
    if (!common_params_load(cfg, &err) ||
        !params_load(cfg, cleanup_param_rows, &cleanup_params, &err)) {
        fprintf(stderr, "%s\n", err.reason);
        abort();
    }
    log_hook = no_log;
    cleanup_tables_open();
    if (!mkdtemp(dir) || chdir(dir) < 0 || mkdir("incoming", 0700) < 0)
        abort();
    atexit(remove_dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    if (size < 1)
        return 0;
    struct slice in = {(const char *)data + 1, size - 1}, text;
    int64_t status = 0;
    struct cleanup_message *m = cleanup_message_new(data[0], &status);
    int type;
    size_t taken;
    if (!m)
        abort();
    while (m->phase != CLEANUP_PHASE_END && record_peek(in, &type, &text, &taken) == RECORD_READY) {
        cleanup_message_record(m, type, text);
        in = slice_from(in, taken);
    }
    if (m->phase == CLEANUP_PHASE_END && m->status == 0 && cleanup_message_is_ok(m)) {
        struct envelope_read how = {0};
        struct envelope env;
        if (!cleanup_write_finish(m) ||
            !queue_file_read_envelope(m->fd, m->arena, &how, &env, NULL) ||
            (int64_t)env.recipients_count != m->env.recipient_count)
            abort();
    }
    cleanup_message_free(m);
    return 0;
}

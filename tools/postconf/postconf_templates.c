#include "postconf.h"

#include "base/xmem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void postconf_templates_show(const struct postconf *pc, bool is_expanded, const char *file)
{
    CLEANUP(argv_done) struct argv args = ARGV_INIT;
    CLEANUP(strbuf_done) struct strbuf program = STRBUF_ANY, setting = STRBUF_ANY;
    struct err err = ERR_INIT;
    if (!config_get_text(pc->cfg, "daemon_directory", "", &program, &err))
        postconf_fatal(pc, "%s", err.reason);
    strbuf_add_str(&program, "/bounce");
    argv_add(&args, "bounce");
    argv_add(&args, "-S");
    argv_add(&args, "-n");
    argv_add(&args, is_expanded ? "expand_templates" : "dump_templates");
    /* names of files mean what they mean to the caller */
    argv_add(&args, "-o");
    argv_add(&args, "queue_directory=.");
    if (file) {
        strbuf_addf(&setting, "bounce_template_file=%s", file);
        argv_add(&args, "-o");
        argv_add(&args, setting.s);
    }
    if (setenv("MAIL_CONFIG", pc->dir, 1) < 0)
        postconf_fatal(pc, "setenv: %s", strerror(errno));
    execv(program.s, args.at);
    postconf_fatal(pc, "%s: %s", program.s, strerror(errno));
}

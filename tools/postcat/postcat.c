/*
 * postcat: show the content of queue files.
 */
#include "base/num.h"
#include "config/command_setup.h"
#include "io/fd.h"
#include "mail/queue_id.h"
#include "postcat/postcat_show.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

static NORETURN void usage(const char *program)
{
    log_fatal("usage: %s [-b (body text)] [-c config_dir] [-d (decimal record type)] "
              "[-e (envelope records)] [-f (file name)] [-h (header text)] [-o (record offset)] "
              "[-q (access queue)] [-r (file order)] [-s offset] [-v] [file(s)...]",
              program);
}

/* The file of a queue id, wherever it is now. */
static int open_in_queue(const char *id, struct strbuf *ret_name)
{
    static const char *const queues[] = {QUEUE_MAILDROP, QUEUE_INCOMING, QUEUE_ACTIVE,
                                         QUEUE_DEFERRED, QUEUE_HOLD,     QUEUE_CORRUPT};
    if (!queue_id_is_valid(slice_of(id)))
        log_fatal("bad mail queue ID: %s", id);
    /* twice: it may move on while we look */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(queues); i++) {
            strbuf_reset(ret_name);
            queue_path(ret_name, queues[i], id);
            int fd = open(ret_name->s, O_RDONLY | O_CLOEXEC);
            if (fd >= 0)
                return fd;
        }
    }
    log_fatal("open queue file %s: %s", id, strerror(errno));
}

static void show(const struct postcat_options *o, int fd, const char *name)
{
    struct err err = ERR_INIT;
    if (!postcat_show(o, fd, name, &err)) {
        fflush(stdout);
        log_warn(NULL, "%s: %s", name, err.reason);
    }
}

int main(int argc, char **argv)
{
    struct postcat_options o = {0};
    const char *dir = NULL;
    bool in_queue = false;
    int64_t offset = 0;
    int letter;
    log_set_tag("postfix/postcat");
    log_setup_early("postcat", LOG_SETUP_STDERR);
    while ((letter = getopt(argc, argv, "bc:defhoqrs:v")) > 0) {
        switch (letter) {
        case 'b':
            o.body = true;
            break;
        case 'c':
            dir = optarg;
            break;
        case 'd':
            o.type_numbers = true;
            break;
        case 'e':
            o.envelope = true;
            break;
        case 'f':
            o.file_name = true;
            break;
        case 'h':
            o.header = true;
            break;
        case 'o':
            o.offsets = true;
            break;
        case 'q':
            in_queue = true;
            break;
        case 'r':
            o.raw_order = true;
            break;
        case 's':
            if (!num_parse_i64(slice_of(optarg), &offset) || offset < 0)
                log_fatal("bad offset: %s", optarg);
            o.from_offset = (off_t)offset;
            break;
        case 'v':
            o.verbose++;
            break;
        default:
            usage(argv[0]);
        }
    }
    if (!o.envelope && !o.header && !o.body)
        o.envelope = o.header = o.body = true;
    if (in_queue && optind == argc)
        usage(argv[0]);
    struct config *cfg = command_setup("postcat", dir, LOG_SETUP_STDERR);
    if (in_queue)
        command_enter_queue_directory();
    if (optind == argc)
        show(&o, STDIN_FILENO, "stdin");
    for (int i = optind; i < argc; i++) {
        CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
        CLEANUP(fd_done) int fd = -1;
        if (in_queue) {
            fd = open_in_queue(argv[i], &name);
        } else {
            strbuf_set(&name, argv[i]);
            if ((fd = open(name.s, O_RDONLY | O_CLOEXEC)) < 0)
                log_fatal("open %s: %s", name.s, strerror(errno));
        }
        show(&o, fd, name.s);
    }
    config_free(cfg);
    return 0;
}

/*
 * service: the skeleton of every daemon: command line, configuration, jail, master's orders,
 * listening sockets, idle and use limits.
 *
 * A program is a descriptor; its hooks are named by the privileges left when they run.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "config/config.h"
#include "config/param.h"
#include "io/loop.h"
#include "service/confine.h"

enum service_model {
    SERVICE_MANY_CLIENTS, /* one process, many connections at once */
    SERVICE_ONE_CLIENT,   /* one connection at a time; on_connect may block */
    SERVICE_DATAGRAMS,    /* on_datagram */
};

struct haproxy_peers;

struct service {
    const char *name; /* "smtpd" */
    enum service_model model;
    bool alone;     /* master.cf must say: process limit 1 */
    bool keep_root; /* becomes recipients or configured users: no uid change at start */
    bool never_idle_exit;
    bool takes_arguments;  /* beside options, in master.cf */
    bool limits_processes; /* the process limit of master.cf is one of processes, not of clients */
    bool opens_proxied;    /* opens tables named proxy: itself, as those with keep_root do */
    unsigned needs; /* enum confine_needs: what it keeps of the system's means once it runs */
    unsigned (*more_needs)(void);   /* the same, as parameters say; may be NULL */
    const struct param_row *params; /* NULL: only the common ones */
    void *params_at;
    /* Rows of other programs that defaults of this one's parameters refer to ($smtpd_banner):
     * known_param_rows, or NULL. */
    const struct param_row *foreign_params;
    /* Without a process limit: with so many clients another process is started; 0: a thousand. */
    size_t clients_share;
    /* name of the parameter (INT) that caps clients per process; NULL: computed from the process
     * limit */
    const char *clients_per_process_param;

    void (*before_jail)(struct config *cfg); /* open tables, resolve names */
    void (*after_jail)(struct config *cfg);  /* unprivileged, in the jail: set up state */
    /* A new connection, non-blocking; the program owns FD and calls service_client_done() when it
     * has closed it. */
    void (*on_connect)(int fd);
    /* The same for a connection that another program accepted (master.cf type pass), and what that
     * says about its ends. NULL: on_connect. */
    void (*on_pass)(int fd, const struct haproxy_peers *peers);
    /* Bytes of a trigger (wake-up, postkick): letters. When on_connect is set as well, the first
     * byte of a connection decides: MSG_MAGIC means frames. */
    void (*on_trigger)(struct slice letters);
    void (*on_datagram)(struct slice data);
    /* Told to go (reload, idle, use limit): finish what is open, take no more. May be NULL. The
     * process exits when the last client is done. Return true to exit at once instead. */
    bool (*on_retire)(void);
    void (*on_exit)(void);
    /* Tables changed on disk? Asked now and then; true: retire, master starts a successor. May be
     * NULL. */
    bool (*has_stale_tables)(void);
};

int service_main(const struct service *service, int argc, char **argv);

/* For the program, while it runs */
struct loop *service_loop(void);
struct config *service_config(void);
const char *service_instance(void); /* the master.cf name: "smtp", "127.0.0.1:25", "relay" */
const char *service_program(void);  /* "smtpd" */
size_t service_client_count(void);
size_t service_client_limit(void); /* of this process */
/* Work that came otherwise than over a connection counts as a client, too: the process stays for
 * it. */
void service_client_added(void);
void service_client_done(void);
bool service_is_retiring(void);
/* Before an order that came over a kept connection: has a table changed? Then the process retires
 * (true), and the order is for the next one. */
bool service_retire_if_stale(void);
void service_retire(void); /* take no more clients; exit when the last is done */
/* From now on the process is ended (SIGALRM) when one turn of its loop takes LIMIT_S seconds. */
void service_watchdog(int64_t limit_s);
bool service_is_alone_on_stdin(void); /* -S: one session on stdin and stdout (sendmail -bs) */
char **service_arguments(void);       /* what follows the options in master.cf; NULL-terminated */

#endif

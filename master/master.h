/*
 * master: the services of master.cf, their sockets and their processes.
 *
 * A service owns its listening sockets for as long as its entry exists, whatever its processes do.
 * Master itself watches them only while no process of the service has room for a client and another
 * process is allowed; readable then means "start one". docs/protocol/master.md has the rest.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include "base/err.h"
#include "base/strbuf.h"
#include "config/master_cf.h"
#include "io/loop.h"
#include "master/master_throttle.h"

#include <sys/socket.h>
#include <sys/types.h>

struct config;
struct master_service;

struct master_listener {
    int fd;
    struct sockaddr_storage addr; /* inet; family AF_UNSPEC for the others */
    socklen_t addr_len;
    struct watch *watch;
    struct master_service *service;
};

enum master_child_state { CHILD_STARTING, CHILD_ROOM, CHILD_FULL, CHILD_GOING };

struct master_child {
    pid_t pid;
    int status_fd;
    struct watch *watch;
    struct master_service *service;
    enum master_child_state state;
    bool was_ready;  /* sent its first 'R' */
    bool is_retired; /* was sent 'Q' */
    bool wants_heir; /* sent 'H' */
    int clients;     /* as it reported last */
    int64_t left;    /* clients it was allowed when it started; 0: any number */
    int64_t started_ms;
    struct master_child *next;
};

struct master_service {
    /* what the entry says */
    char *name;
    enum service_type type;
    bool is_private, is_unprivileged, is_chroot;
    int wakeup_seconds;
    bool wakeup_if_used;
    int max_processes; /* 0: no limit */
    char *program;
    struct argv args;

    char *path;  /* of the socket or fifo below queue_directory; NULL for inet */
    char *title; /* of the endpoint, for the log: "smtp", "private/bounce" */
    struct master_listener *listeners;
    size_t listener_count;
    struct master_child *children;
    size_t child_count;
    struct master_throttle throttle;
    struct timer *throttle_timer, *wakeup_timer;
    bool was_used;           /* a client has come */
    int64_t limit_warned_ms; /* 0: never */
    int64_t stress_until_ms; /* new processes get stress=yes until then */
    struct master_service *next;
};

/* The one master of this process. */
struct master {
    struct loop *loop;
    struct config *config;
    struct master_service *services;
    bool is_root;      /* uids change and jails are made */
    bool keeps_output; /* -s, -i, -d: standard output and error go to the processes too */
    bool debug;        /* -D */
    int verbose;
};
extern struct master master;

/* master_table.c: the services as master.cf has them now. */
/* A new service for ENTRY, not yet listening. */
struct master_service *master_service_new(const struct master_entry *entry, int default_limit);
void master_service_free(struct master_service *service);
enum master_change { MASTER_SAME, MASTER_CHANGED, MASTER_OTHER_SOCKET };
/* How much does FRESH differ from OLD? OTHER_SOCKET: it listens somewhere else or otherwise. */
enum master_change master_service_compare(const struct master_service *old,
                                          const struct master_service *fresh);
/* Give OLD what FRESH says; the sockets stay. */
void master_service_adopt(struct master_service *old, struct master_service *fresh);
/* The services of ENTRIES: of two with one name and type the last; without those that DISABLED
 * (master_service_disable) names. */
struct master_service *master_table_build(const struct master_entry *entries, const char *disabled,
                                          int default_limit);
struct master_service *master_table_find(struct master_service *table, const char *name,
                                         enum service_type type);

/* master_reload.c: start what is in master.cf, stop what is not. */
bool master_load_config(const char *dir, struct err *err);
bool master_apply_table(struct err *err);
void master_reload(void);

/* master_load.c */
struct master_load {
    bool has_room; /* a process takes more, or will when it is ready */
    size_t full;
    int64_t clients; /* there are, or that processes may still take */
};
struct master_load master_load_measure(const struct master_service *service);
/* Clients that the limit leaves for one more process; 0: there is no limit. */
int64_t master_load_left(const struct master_service *service);

/* master_avail.c: who takes the next client? */
void master_service_update(struct master_service *service);
void master_child_status(struct master_child *child, char what, int clients);

/* master_spawn.c, master_args.c */
void master_spawn(struct master_service *service);
void master_args_build(const struct master_service *service, bool stress, int verbose, bool debug,
                       bool is_root, struct argv *argv);

/* master_child.c */
struct master_child *master_child_new(struct master_service *service, pid_t pid, int status_fd);
void master_child_retire(struct master_child *child);
/* The entry is no more: end its processes; they are still waited for. */
void master_child_orphan(struct master_service *service);
void master_reap(void); /* collect what SIGCHLD announced */

/* master_listen.c: open FRESH's sockets; listeners of OLD (or NULL) with the same address are taken
 * over. */
bool master_listen(struct master_service *service, struct err *err);
void master_listener_close(struct master_service *service);

/* master_inet.c: the addresses that an inet entry NAME means. */
struct master_address {
    struct sockaddr_storage addr;
    socklen_t len;
};
bool master_inet_addresses(const char *name, struct master_address **ret, size_t *ret_count,
                           struct err *err);

/* master_port.c: "smtp" or "25", by way of TABLE (known_tcp_ports), then the system's. */
bool master_port_find(const char *text, const char *table, int *ret_port, struct err *err);
/* Split "host:port", "[host]:port", "port". HOST is empty when none is given. */
bool master_port_split(const char *name, struct strbuf *host, struct strbuf *port, struct err *err);

/* master_wakeup.c */
void master_wakeup_start(struct master_service *service, bool at_once);
void master_wakeup_stop(struct master_service *service);
/* Wake it now, if its entry has a wake-up time: its last process left work behind. */
void master_wakeup_now(struct master_service *service);

/* master_lock.c: the lock files that say "a master runs here". */
bool master_lock_test(void);
/* On success the files stay open and locked until the process ends. */
bool master_lock_take(struct err *err);

#endif

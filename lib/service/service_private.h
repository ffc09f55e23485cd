/* service_private: the state of the one service a process is; for the files of this folder. */
#ifndef SERVICE_SERVICE_PRIVATE_H
#define SERVICE_SERVICE_PRIVATE_H

#include "service/master_proto.h"
#include "service/service.h"

struct service_args {
    const char *instance; /* the name in master.cf */
    const char *type;
    int socket_count, process_limit, clients_left; /* limits: 0 is none */
    bool unprivileged, chroot, on_stdin;
    int verbose;
    char **rest; /* arguments after the options */
};

struct service_process {
    const struct service *service;
    struct service_args args;
    struct config *config;
    struct loop *loop;
    struct timer *idle_timer;
    size_t client_count, client_limit;
    uint64_t used;
    struct watch *status_watch;
    bool retiring, master_gone;
};
extern struct service_process service_process;

void service_args_parse(struct service_args *args, const struct service *service,
                        struct config *config, int argc, char **argv);
void service_jail_enter(const struct service_args *args, const struct service *service);
void service_jail_lock(const struct service_args *args, const struct service *service);

void service_status_start(void);
/* Take an order of master that is there already, before what else came in this turn. */
void service_status_look(void);
void service_status_send(char what);

void service_accept_start(void);
void service_accept_pause(bool paused); /* full, or room again; tells master */
void service_accept_stop(void);

/* A connection to a socket of type pass, which carries a client's; takes CARRIER over. */
void service_pass_take(int carrier);

void service_idle_clock(void);
void service_stale_clock(void);

#endif

/* qmqpd_server: what the process has. */
#ifndef QMQPD_QMQPD_SERVER_H
#define QMQPD_QMQPD_SERVER_H

#include "io/work.h"
#include "mail/cleanup_client.h"
#include "map/match_list.h"

struct qmqpd_server {
    struct match_list *authorized;
    struct work_pool *pool; /* client names */
    struct cleanup_client *cleanup;
    int64_t cleanup_flags;
};
extern struct qmqpd_server qmqpd_server;

#endif

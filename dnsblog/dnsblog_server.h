/*
 * dnsblog_server: questions of postscreen to DNS lists: any number at a time, on any number of
 * connections.
 */
#ifndef DNSBLOG_DNSBLOG_SERVER_H
#define DNSBLOG_DNSBLOG_SERVER_H

#include "dns/dns.h"

struct dnsblog_server;

/* Reads resolv.conf: before the jail. REPLY_DELAY_MS: before an answer is looked for, for tests. */
struct dnsblog_server *dnsblog_server_new(int64_t reply_delay_ms, struct err *err);
void dnsblog_server_start(struct dnsblog_server *server, struct loop *loop, void (*on_gone)(void));
/* Serve the client on FD; on_gone is called when it has gone. */
void dnsblog_server_accept(struct dnsblog_server *server, int fd);
/* Let clients go as soon as they wait for nothing: they ask the next process. */
void dnsblog_server_retire(struct dnsblog_server *server);

/* The name to ask for: "2.0.0.127.list.example". False: ADDRESS is not numeric, or the name would
 * be too long. */
bool dnsblog_query_name(const char *address, const char *domain, struct strbuf *out);

#endif

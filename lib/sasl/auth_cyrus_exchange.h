/*
 * auth_cyrus_exchange: what both sides of Cyrus SASL share. The library's functions block
 * (saslauthd, databases, tokens from the network) or take long (a SCRAM server names the number of
 * rounds), so each step of an exchange is a job for a thread, which owns the connection handle
 * while it runs; the loop only hands work over and takes results. A step that takes too long is
 * given up: its thread finishes it for nobody.
 */
#ifndef SASL_AUTH_CYRUS_EXCHANGE_H
#define SASL_AUTH_CYRUS_EXCHANGE_H

#include "sasl/auth_driver.h"

#include <sasl/sasl.h>

/* The policies that both sides know. */
enum {
    AUTH_CYRUS_POLICIES =
        AUTH_NO_PLAINTEXT | AUTH_NO_ACTIVE | AUTH_NO_DICTIONARY | AUTH_NO_ANONYMOUS | AUTH_MUTUAL
};

/* One side of the process. */
struct auth_cyrus {
    struct loop *loop;
    struct work_pool *pool;
    struct auth_cyrus_exchange *exchanges; /* not cancelled */
};

void auth_cyrus_start(struct auth_cyrus *c, struct loop *loop);
void auth_cyrus_stop(struct auth_cyrus *c); /* ends its exchanges, waits for its threads */

/* What a side makes of an exchange, as the first member of its own. */
struct auth_cyrus_exchange {
    struct auth_exchange base;
    const struct auth_cyrus_side *side;
    struct auth_cyrus *c;
    struct auth_cyrus_exchange *next;
    struct timer *timer;
    struct later later; /* there are too many */
    bool is_running, is_abandoned;

    /* the thread's, while it runs */
    sasl_conn_t *conn;
    bool has_input;
    struct strbuf input; /* base64 */
    int result;
    struct strbuf text, notes;
};

struct auth_cyrus_side {
    void (*run)(struct auth_cyrus_exchange *x);     /* one step, in the thread */
    void (*deliver)(struct auth_cyrus_exchange *x); /* what came of it, in the loop */
    void (*free)(struct auth_cyrus_exchange *x);    /* what the side has beside this, and X */
};

void auth_cyrus_exchange_init(struct auth_cyrus_exchange *x, struct auth_cyrus *c,
                              const struct auth_cyrus_side *side);
/* One step with INPUT, in base64; NULL: none. */
void auth_cyrus_submit(struct auth_cyrus_exchange *x, const struct slice *input);
/* Tell what came of the step: it goes on, or it is over and X is gone. */
void auth_cyrus_tell_more(struct auth_cyrus_exchange *x, const struct auth_step *step);
void auth_cyrus_tell_end(struct auth_cyrus_exchange *x, const struct auth_step *step);
void auth_cyrus_respond(struct auth_exchange *exchange, struct slice text);
void auth_cyrus_cancel(struct auth_exchange *exchange);

/* In the thread: the input, decoded. False: it is no base64, x->result is the library's word. */
bool auth_cyrus_decode(struct auth_cyrus_exchange *x, struct strbuf *out);

/* Before sasl_server_init() or sasl_client_init(). */
void auth_cyrus_prepare(void);
/* CALLBACK hands what the library has to say to FN. */
void auth_cyrus_set_log(sasl_callback_t *callback, int (*fn)(void *, int, const char *),
                        void *context);
/* What the library says goes to *OUT (NULL: nowhere); the more talkative levels do not. */
int auth_cyrus_add_note(struct strbuf *out, int level, const char *text);
int auth_cyrus_on_note(void *exchange, int level, const char *text);
void auth_cyrus_set_policy(sasl_conn_t *conn, unsigned policy);

#endif

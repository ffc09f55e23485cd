/*
 * smtpd_session: one client from connect to disconnect.
 *
 * An idle session is this struct and its stream; what belongs to a message hangs from the
 * transaction (smtpd_tx.h), what belongs to one command from the turn's scratch memory.
 *
 * Handlers return their reply, or reply_pending() after they have arranged for
 * smtpd_session_answer() to be called. While a reply is pending no further command is read.
 */
#ifndef SMTPD_SMTPD_SESSION_H
#define SMTPD_SMTPD_SESSION_H

#include "esmtp/esmtp_reply.h"
#include "io/stream.h"
#include "log/log.h"
#include "smtpd/smtpd_commands.h"

struct haproxy_peers;
struct smtpd_server;
struct smtpd_tx;
struct smtpd_eval;
struct smtpd_held;
struct smtpd_policy_conn;
struct smtpd_dns;
struct smtpd_bdat;
struct smtpd_peer_lookup;
struct anvil_call;
struct smtpd_etrn;
struct smtpd_xforward;
struct smtpd_milter;
struct tls_session;
struct tls_info;
struct smtpd_auth;
struct smtpd_notice;
struct service_upstream;

enum smtpd_phase {
    SMTPD_PHASE_START = 1 << 0, /* no transaction */
    SMTPD_PHASE_MAIL = 1 << 1,  /* MAIL was accepted */
    SMTPD_PHASE_RCPT = 1 << 2,  /* a recipient was accepted */
    SMTPD_PHASE_DATA = 1 << 3,  /* content is coming, after DATA */
    SMTPD_PHASE_CHUNK = 1 << 4, /* content of a BDAT command is coming */
    SMTPD_PHASE_BDAT = 1 << 5,  /* between BDAT commands */
    SMTPD_PHASE_ANY = 0xff,
};

enum smtpd_session_flags {
    SMTPD_SESSION_ESMTP = 1 << 0,
    SMTPD_SESSION_PIPELINED = 1 << 1,       /* sent ahead of a reply it had to wait for */
    SMTPD_SESSION_LIMITED = 1 << 2,         /* the smtpd_client_* limits apply */
    SMTPD_SESSION_COUNTED = 1 << 3,         /* anvil counts this connection */
    SMTPD_SESSION_STRICT_LF = 1 << 4,       /* smtpd_forbid_bare_newline applies */
    SMTPD_SESSION_LOCAL_HEADERS = 1 << 5,   /* local_header_rewrite_clients */
    SMTPD_SESSION_SKIPPING = 1 << 6,        /* the rest of an overlong line */
    SMTPD_SESSION_STDIN = 1 << 7,           /* sendmail -bs */
    SMTPD_SESSION_SEEN_NAME_ERROR = 1 << 8, /* look-up of the client name failed for now */
    SMTPD_SESSION_ENDED = 1 << 9,
    SMTPD_SESSION_XFORWARD = 1 << 11,     /* the peer, whoever it speaks for, may send XFORWARD */
    SMTPD_SESSION_HANDSHAKE = 1 << 12,    /* of TLS: granted, not yet over */
    SMTPD_SESSION_VERBOSE = 1 << 14,      /* debug_peer_list has the client */
    SMTPD_SESSION_UPSTREAM_BAD = 1 << 20, /* a load balancer did not say who the client is */
    SMTPD_SESSION_DENIED = 1 << 13,       /* refused when it connected: QUIT is all it may */
    SMTPD_SESSION_NOTE_LF = 1 << 10, /* lines that ended in LF only are to be told of at the end */
};

struct smtpd_peer {
    char *name;         /* verified name, or "unknown" */
    char *reverse_name; /* unverified name, or "unknown" */
    char *address;      /* "127.0.0.1" */
    char *namaddr;      /* name[address] */
    char *server_address;
    uint16_t port, server_port;
    uint16_t family; /* AF_INET, AF_INET6 */
};

struct smtpd_session {
    struct smtpd_server *server;
    struct stream *stream; /* NULL in tests */
    struct timer *delay;   /* the pause before replies of a client with many errors */
    struct smtpd_peer peer;
    struct log_tag log;
    char *helo;              /* NULL before HELO */
    char *login;             /* who the client is, by AUTH or XCLIENT LOGIN; NULL: not known */
    char *login_method;      /* how that is known: "PLAIN", "XCLIENT"; NULL as login is */
    struct smtpd_auth *auth; /* NULL: no use was made of AUTH yet */
    struct smtpd_xforward *xforward; /* NULL: none */
    struct smtpd_milter *milter;     /* NULL: none */
    uint32_t connections;            /* of this client, if anvil counts them */
    unsigned milter_aborts;          /* filters are to hear so many when they know the greeting */
    struct smtpd_tx *tx;
    const char *where;           /* last command, for log lines */
    const char *end_reason;      /* why the session was aborted; NULL: it was not */
    struct smtpd_notice *notice; /* NULL: nobody wants to hear of it */
    unsigned phase, flags;
    unsigned ehlo_discard; /* smtpd_ehlo keywords not offered to this client */
    uint32_t errors, junk, messages;
    struct strbuf scratch;   /* text of the current reply */
    struct strbuf long_line; /* beginning of an overlong command */
    struct strbuf reply;     /* output waiting for the delay, or of a session without a stream */
    struct smtpd_eval *eval; /* restrictions being evaluated */
    struct smtpd_policy_conn *policy_conns; /* kept until the transaction ends */
    struct smtpd_dns *dns;   /* answers of the DNS that restrictions wanted; mostly NULL */
    struct smtpd_held *held; /* what restrictions before MAIL left behind; mostly NULL */
    struct reply (*next)(struct smtpd_session *s, const struct reply *refusal);
    struct anvil_call *anvil_call;
    struct smtpd_peer_lookup *lookup;
    struct smtpd_etrn *etrn;           /* NULL: none under way */
    struct service_upstream *upstream; /* a load balancer's header is read; no stream yet */
    int64_t deadline_ms; /* smtpd_per_request_deadline: when the request has to be complete */
    bool reply_closes;
    struct tls_session *tls_wanted;  /* STARTTLS was granted: begins when its reply is out */
    struct tls_session *tls_session; /* since then; the stream's */
    const struct tls_info *tls;      /* NULL: plain text */
    uint8_t tls_loglevel;
    const char *tls_refusal; /* why the next command ends the session; NULL: it does not */
    uint64_t chunk_left;     /* BDAT: bytes still to come */
    bool chunk_ignored;      /* they are dropped; chunk_text is the reply */
    bool chunk_is_raw;
    char chunk_text[256];
    unsigned chunk_phase; /* the phase after a dropped chunk */
    uint16_t counts[SMTPD_COUNTERS], counts_ok[SMTPD_COUNTERS];
    const struct smtpd_command *command; /* whose reply is awaited */
    struct slice line;                   /* the command, while its handler runs */
};

/* A session on FD (descriptor of an accepted connection). */
void smtpd_session_start(struct smtpd_server *server, int fd);
/* The same for a connection that another program accepted (postscreen), which says who is at its
 * ends. */
void smtpd_session_take_over(struct smtpd_server *server, int fd,
                             const struct haproxy_peers *peers);
/* A session on standard input and output (sendmail -bs); it submits through postdrop. */
void smtpd_session_start_stdin(struct smtpd_server *server);
/* A session without a connection: its replies collect in S->reply. For tests. */
struct smtpd_session *smtpd_session_new(struct smtpd_server *server);
void smtpd_session_free(struct smtpd_session *s);

/* Read on after a handshake, as a session that has said nothing yet. */
void smtpd_session_resume(struct smtpd_session *s);
/* Begin with the handshake that tls_wanted stands for. False: the session is gone. */
bool smtpd_session_begin_tls(struct smtpd_session *s);
/* The client is LOGIN, as METHOD has told; LOGIN NULL: it is forgotten. */
void smtpd_session_set_login(struct smtpd_session *s, const char *method, const char *login);
/* Log about the session, without a queue id. */
const struct log_tag *smtpd_session_plain_tag(struct smtpd_session *s);

/* Send the greeting and read commands: the client is known. */
void smtpd_session_greet(struct smtpd_session *s);
/* Talk on FD from here on: first of all find out the client's name. */
void smtpd_session_connected(struct smtpd_session *s, int fd);
/* The reply that was pending. */
void smtpd_session_answer(struct smtpd_session *s, struct reply reply);
/* One command line: handle it and send its reply. */
void smtpd_session_command(struct smtpd_session *s, struct slice line);
/* Read on: content or commands that came while a reply was pending. */
void smtpd_session_read(struct smtpd_session *s);

/* Text that lives until the reply is sent. */
const char *smtpd_session_text(struct smtpd_session *s, const char *fmt, ...) PRINTF(2, 3);
/* The same of TEXT, whose owner may go. */
const char *smtpd_session_keep(struct smtpd_session *s, const char *text);
const char *smtpd_session_protocol(const struct smtpd_session *s); /* "SMTP" or "ESMTP" */
/* Log with the queue id (or NOQUEUE) in front. */
const struct log_tag *smtpd_session_tag(struct smtpd_session *s);
/* A line came that ends in LF only: is that to be refused? Remembers what is to be noted. */
bool smtpd_session_bare_lf(struct smtpd_session *s);
/* The reply that refuses it; WHERE: the command. */
struct reply smtpd_session_refuse_bare_lf(struct smtpd_session *s, const char *where);

#endif

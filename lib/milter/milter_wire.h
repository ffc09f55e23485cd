/*
 * milter_wire: the packets of the Sendmail 8 mail filter protocol, versions 2 to 6.
 *
 * A packet is a length (32 bits, of what follows), a letter, and data; strings in it end with NUL.
 * What a filter says is a stranger's: every length is checked, nothing is assumed to be terminated.
 */
#ifndef MILTER_MILTER_WIRE_H
#define MILTER_MILTER_WIRE_H

#include "base/err.h"
#include "base/strbuf.h"

// clang-format off
enum milter_command {
    MILTER_NEGOTIATE = 'O', MILTER_MACROS = 'D', MILTER_CONNECT = 'C', MILTER_HELO = 'H',
    MILTER_MAIL = 'M', MILTER_RCPT = 'R', MILTER_DATA = 'T', MILTER_HEADER = 'L',
    MILTER_EOH = 'N', MILTER_BODY = 'B', MILTER_EOM = 'E', MILTER_UNKNOWN = 'U',
    MILTER_ABORT = 'A', MILTER_QUIT = 'Q',
};
enum milter_answer {
    MILTER_GO_ON = 'c', MILTER_ACCEPT = 'a', MILTER_REJECT = 'r', MILTER_TEMPFAIL = 't',
    MILTER_DISCARD = 'd', MILTER_REPLY = 'y', MILTER_SHUTDOWN = '4', MILTER_SKIP = 's',
    MILTER_PROGRESS = 'p', MILTER_CONN_FAIL = 'f',
    /* edits, at the end of the message */
    MILTER_ADD_RCPT = '+', MILTER_ADD_RCPT_ARGS = '2', MILTER_DELETE_RCPT = '-',
    MILTER_REPLACE_BODY = 'b', MILTER_ADD_HEADER = 'h', MILTER_INSERT_HEADER = 'i',
    MILTER_CHANGE_HEADER = 'm', MILTER_CHANGE_FROM = 'e', MILTER_QUARANTINE = 'q',
};
// clang-format on

/* What a filter may ask for: bits of the negotiation. */
enum { MILTER_ACTIONS = 0x1ff, MILTER_ACTION_SET_MACROS = 0x100, MILTER_EVENTS = 0x1fffff };
/* Bits of the protocol mask that mean something to us; the rest are events not wanted (0-6, 8, 9)
 * and events without an answer (7, 12-19). */
enum {
    MILTER_KNOWS_SKIP = 1 << 10,
    MILTER_WANTS_REJECTED = 1 << 11,
    MILTER_LEADING_SPACE = 1 << 20,
};
enum {
    MILTER_VERSION = 6,
    MILTER_BODY_CHUNK = 65535,
    MILTER_PACKET_MAX = (1 << 20) + 64, /* the largest a libmilter sends */
    MILTER_STAGES = 7,                  /* macro lists a filter may set: see milter_wire.c */
};

/* "SMFIC_CONNECT", as log lines have it. */
const char *milter_command_name(int command);
/* "SMFIR_CONTINUE", "(unknown filter reply)" */
const char *milter_answer_name(int answer);
/* The bit of the protocol mask that says: do not send it, or: I do not answer it; 0: there is
 * none. */
uint32_t milter_unwanted_bit(int command);
uint32_t milter_unanswered_bit(int command);

void milter_packet(struct strbuf *out, int command, struct slice data);
void milter_add_text(struct strbuf *out, struct slice text); /* with its NUL */
void milter_add_u32(struct strbuf *out, uint32_t number);
/* The packet at the front of IN. BAD: a length that no packet has. */
enum milter_packet_status { MILTER_PACKET_READY, MILTER_PACKET_MORE, MILTER_PACKET_BAD };
enum milter_packet_status milter_packet_next(struct slice in, int *ret_letter,
                                             struct slice *ret_data, size_t *ret_size);

/* Take a text off the front of *DATA, without its NUL. False: there is none. */
bool milter_next_text(struct slice *data, struct slice *ret);
bool milter_next_u32(struct slice *data, uint32_t *ret);

/* What a filter answers to MILTER_NEGOTIATE. The lists point into DATA; s is NULL where none was
 * sent, by the stages of milter_stage_of(). */
struct milter_terms {
    uint32_t version, actions, protocol;
    struct slice macros[MILTER_STAGES];
    uint32_t strange_stage; /* of a list for a stage that does not exist, 0: none */
};
bool milter_parse_terms(struct slice data, struct milter_terms *ret, struct err *err);
/* The index of a command's macro list; header and body share those of their ends. */
int milter_stage_of(int command);

/* The text of MILTER_REPLY: "NNN text" or "NNN-text CR LF NNN text", 4xx or 5xx, an enhanced code
 * of the same class if any. OUT: the reply as struct reply wants it, %% become %. */
bool milter_parse_reply(struct slice data, struct strbuf *out);

/* TEXT with each %% as %, as filters write it. */
void milter_add_unescaped(struct strbuf *out, struct slice text);

/* One request to change the message, taken apart. */
struct milter_edit {
    int kind; /* enum milter_answer */
    uint32_t index;
    struct slice name, value; /* of a header; or address and its ESMTP arguments; or a reason */
    bool has_value;
};
/* False: it is cut short or no edit at all. */
bool milter_parse_edit(int kind, struct slice data, struct milter_edit *ret);

#endif

/* Packets: made and taken apart. */
#include "milter/milter_wire.h"

#include "esmtp/esmtp_reply.h"

#include <arpa/inet.h>

/* stage: which of the lists that a filter may set: connect, helo, mail, rcpt, data, end of message,
 * end of headers (the numbers of libmilter). */
enum { STAGE_CONNECT, STAGE_HELO, STAGE_MAIL, STAGE_RCPT, STAGE_DATA, STAGE_EOM, STAGE_EOH };

static const struct command {
    int letter;
    const char *name;
    int unwanted, unanswered; /* bits, -1: none */
    int stage;
} commands[] = {
    // clang-format off
    {MILTER_NEGOTIATE, "SMFIC_OPTNEG",  -1, -1, -1},
    {MILTER_MACROS,    "SMFIC_MACRO",   -1, -1, -1},
    {MILTER_CONNECT,   "SMFIC_CONNECT",  0, 12, STAGE_CONNECT},
    {MILTER_HELO,      "SMFIC_HELO",     1, 13, STAGE_HELO},
    {MILTER_MAIL,      "SMFIC_MAIL",     2, 14, STAGE_MAIL},
    {MILTER_RCPT,      "SMFIC_RCPT",     3, 15, STAGE_RCPT},
    {MILTER_DATA,      "SMFIC_DATA",     9, 16, STAGE_DATA},
    {MILTER_HEADER,    "SMFIC_HEADER",   5,  7, STAGE_EOH},
    {MILTER_EOH,       "SMFIC_EOH",      6, 18, STAGE_EOH},
    {MILTER_BODY,      "SMFIC_BODY",     4, 19, STAGE_EOM},
    {MILTER_EOM,       "SMFIC_BODYEOB", -1, -1, STAGE_EOM},
    {MILTER_UNKNOWN,   "SMFIC_UNKNOWN",  8, 17, -1},
    {MILTER_ABORT,     "SMFIC_ABORT",   -1, -1, -1},
    {MILTER_QUIT,      "SMFIC_QUIT",    -1, -1, -1},
    // clang-format on
};

static const struct {
    int letter;
    const char *name;
} answers[] = {
    {MILTER_GO_ON, "SMFIR_CONTINUE"},          {MILTER_ACCEPT, "SMFIR_ACCEPT"},
    {MILTER_REJECT, "SMFIR_REJECT"},           {MILTER_TEMPFAIL, "SMFIR_TEMPFAIL"},
    {MILTER_DISCARD, "SMFIR_DISCARD"},         {MILTER_REPLY, "SMFIR_REPLYCODE"},
    {MILTER_SHUTDOWN, "SMFIR_SHUTDOWN"},       {MILTER_SKIP, "SMFIR_SKIP"},
    {MILTER_PROGRESS, "SMFIR_PROGRESS"},       {MILTER_CONN_FAIL, "SMFIR_CONN_FAIL"},
    {MILTER_ADD_RCPT, "SMFIR_ADDRCPT"},        {MILTER_ADD_RCPT_ARGS, "SMFIR_ADDRCPT_PAR"},
    {MILTER_DELETE_RCPT, "SMFIR_DELRCPT"},     {MILTER_REPLACE_BODY, "SMFIR_REPLBODY"},
    {MILTER_ADD_HEADER, "SMFIR_ADDHEADER"},    {MILTER_INSERT_HEADER, "SMFIR_INSHEADER"},
    {MILTER_CHANGE_HEADER, "SMFIR_CHGHEADER"}, {MILTER_CHANGE_FROM, "SMFIR_CHGFROM"},
    {MILTER_QUARANTINE, "SMFIR_QUARANTINE"},
};

static const struct command *command_find(int letter)
{
    static const struct command unknown = {0, "(unknown MTA event)", -1, -1, -1};
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (commands[i].letter == letter)
            return &commands[i];
    return &unknown;
}

const char *milter_command_name(int command)
{
    return command_find(command)->name;
}

const char *milter_answer_name(int answer)
{
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        if (answers[i].letter == answer)
            return answers[i].name;
    return "(unknown filter reply)";
}

static uint32_t bit(int number)
{
    return number < 0 ? 0 : (uint32_t)1 << number;
}

uint32_t milter_unwanted_bit(int command)
{
    return bit(command_find(command)->unwanted);
}

uint32_t milter_unanswered_bit(int command)
{
    return bit(command_find(command)->unanswered);
}

int milter_stage_of(int command)
{
    return command_find(command)->stage;
}

void milter_add_u32(struct strbuf *out, uint32_t number)
{
    uint32_t wire = htonl(number);
    strbuf_add(out, &wire, sizeof wire);
}

void milter_packet(struct strbuf *out, int command, struct slice data)
{
    milter_add_u32(out, (uint32_t)data.len + 1);
    strbuf_add_char(out, (char)command);
    strbuf_add_slice(out, data);
}

void milter_add_text(struct strbuf *out, struct slice text)
{
    size_t nul = slice_find(text, '\0');
    strbuf_add_slice(out, nul == SIZE_MAX ? text : slice_first(text, nul));
    strbuf_add_char(out, '\0');
}

bool milter_next_u32(struct slice *data, uint32_t *ret)
{
    uint32_t wire;
    if (data->len < sizeof wire)
        return false;
    memcpy(&wire, data->s, sizeof wire);
    *ret = ntohl(wire);
    *data = slice_from(*data, sizeof wire);
    return true;
}

bool milter_next_text(struct slice *data, struct slice *ret)
{
    return slice_split(*data, '\0', ret, data);
}

enum milter_packet_status milter_packet_next(struct slice in, int *ret_letter,
                                             struct slice *ret_data, size_t *ret_size)
{
    struct slice rest = in;
    uint32_t len;
    if (!milter_next_u32(&rest, &len))
        return MILTER_PACKET_MORE;
    if (len == 0 || len > MILTER_PACKET_MAX)
        return MILTER_PACKET_BAD;
    if (rest.len < len)
        return MILTER_PACKET_MORE;
    *ret_letter = (unsigned char)rest.s[0];
    *ret_data = (struct slice){rest.s + 1, len - 1};
    *ret_size = sizeof len + len;
    return MILTER_PACKET_READY;
}

bool milter_parse_terms(struct slice data, struct milter_terms *ret, struct err *err)
{
    struct milter_terms terms = {0};
    if (!milter_next_u32(&data, &terms.version) || !milter_next_u32(&data, &terms.actions) ||
        !milter_next_u32(&data, &terms.protocol))
        return err_set(err, ERR_TEMP, "option negotiation is cut short");
    while (data.len > 0) {
        uint32_t stage;
        struct slice names;
        if (!milter_next_u32(&data, &stage) || !milter_next_text(&data, &names))
            return err_set(err, ERR_TEMP, "option negotiation has a macro list that is cut short");
        if (stage < MILTER_STAGES)
            terms.macros[stage] = names;
        else /* of no protocol we speak */
            terms.strange_stage = stage;
    }
    *ret = terms;
    return true;
}

/* One line of a reply: three digits, a class that is a refusal, an enhanced code to match. */
static bool line_is_good(struct slice line, const char *code)
{
    if (line.len < 4 || (line.s[0] != '4' && line.s[0] != '5') || memcmp(line.s, code, 3) != 0)
        return false;
    for (size_t i = 1; i < 3; i++)
        if (line.s[i] < '0' || line.s[i] > '9')
            return false;
    if (line.s[3] != ' ' && line.s[3] != '-')
        return false;
    bool has_digit = line.len > 4 && line.s[4] >= '0' && line.s[4] <= '9';
    return !has_digit || line.s[4] == line.s[0];
}

void milter_add_unescaped(struct strbuf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        strbuf_add_char(out, text.s[i]);
        if (text.s[i] == '%' && i + 1 < text.len && text.s[i + 1] == '%')
            i++;
    }
}

bool milter_parse_reply(struct slice data, struct strbuf *out)
{
    struct slice text, line;
    if (!milter_next_text(&data, &text) || text.len < 4)
        return false;
    char code[4] = "";
    memcpy(code, text.s, 3);
    strbuf_reset(out);
    for (bool is_first = true; slice_next_line(&text, &line); is_first = false) {
        if (!line_is_good(line, code))
            return false;
        if (is_first)
            strbuf_addf(out, "%s ", code);
        else
            strbuf_add_char(out, '\n');
        milter_add_unescaped(out, slice_from(line, 4));
    }
    return out->len > 0;
}

bool milter_parse_edit(int kind, struct slice data, struct milter_edit *ret)
{
    struct milter_edit edit = {.kind = kind, .name = SLICE_EMPTY, .value = SLICE_EMPTY};
    bool good;
    switch (kind) {
    case MILTER_REPLACE_BODY:
        edit.value = data;
        edit.has_value = true;
        *ret = edit;
        return true;
    case MILTER_INSERT_HEADER:
    case MILTER_CHANGE_HEADER:
        good = milter_next_u32(&data, &edit.index) && milter_next_text(&data, &edit.name) &&
               milter_next_text(&data, &edit.value);
        edit.has_value = true;
        break;
    case MILTER_ADD_HEADER:
    case MILTER_ADD_RCPT_ARGS:
        good = milter_next_text(&data, &edit.name) && milter_next_text(&data, &edit.value);
        edit.has_value = true;
        break;
    case MILTER_CHANGE_FROM:
        good = milter_next_text(&data, &edit.name);
        edit.has_value = good && data.len > 0;
        if (edit.has_value)
            good = milter_next_text(&data, &edit.value);
        break;
    case MILTER_ADD_RCPT:
    case MILTER_DELETE_RCPT:
    case MILTER_QUARANTINE:
        good = milter_next_text(&data, &edit.name);
        break;
    default:
        return false;
    }
    if (good && data.len == 0)
        *ret = edit;
    return good && data.len == 0;
}

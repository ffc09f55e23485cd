/* The rows of both tables, and how the second is read into the struct of the first. */
#include "smtp/smtp_params.h"

#include <string.h>

#define PARAM_OWNER smtp
#define PARAM_FILE  "smtp/smtp_params.def"
#include "config/param_rows.h"

#define PARAM_OWNER lmtp
#define PARAM_FILE  "smtp/lmtp_params.def"
#include "config/param_rows.h"

/* The row of the SMTP client that an lmtp_ parameter stands for; NULL: it has none. */
static const struct param_row *smtp_row_of(const char *lmtp_name)
{
    static const struct {
        const char *lmtp, *smtp;
    } others[] = {
        {"lmtp_lhlo_name", "smtp_helo_name"},
        {"lmtp_lhlo_timeout", "smtp_helo_timeout"},
        {"lmtp_discard_lhlo_keywords", "smtp_discard_ehlo_keywords"},
        {"lmtp_discard_lhlo_keyword_address_maps", "smtp_discard_ehlo_keyword_address_maps"},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (strcmp(lmtp_name, others[i].lmtp) == 0)
            return param_find(smtp_param_rows, others[i].smtp);
    CLEANUP(strbuf_done) struct strbuf name = STRBUF_ANY;
    strbuf_addf(&name, "smtp_%s", lmtp_name + strlen("lmtp_"));
    return param_find(smtp_param_rows, name.s);
}

static size_t value_size(enum param_kind kind)
{
    switch (kind) {
    case PARAM_BOOL:
        return sizeof(bool);
    case PARAM_INT:
    case PARAM_TIME:
        return sizeof(int64_t);
    default:
        return sizeof(const char *);
    }
}

bool smtp_params_use_lmtp(struct config *cfg, struct err *err)
{
    config_declare(cfg, lmtp_param_rows);
    if (!params_load(cfg, lmtp_param_rows, &lmtp_params, err))
        return false;
    for (const struct param_row *row = lmtp_param_rows; row->name; row++) {
        const struct param_row *to = smtp_row_of(row->name);
        if (to) /* both structs live as long as the process, so a text may have two places */
            memcpy((char *)&smtp_params + to->offset, (char *)&lmtp_params + row->offset,
                   value_size(row->kind));
    }
    /* the LMTP client greets with LHLO and nothing else */
    smtp_params.smtp_always_send_ehlo = true;
    smtp_params.smtp_never_send_ehlo = false;
    smtp_params.lmtp_assume_final = lmtp_params.lmtp_assume_final;
    return true;
}

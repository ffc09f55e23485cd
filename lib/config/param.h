/*
 * param: parameters as rows of a table, and the struct a program reads them into. How the two are
 * made of a .def file: config/param_struct.h.
 *
 * The default is text as a user would write it; the unit of a time default is the unit of
 * plain numbers (no suffix: seconds). A limit of 0 means none. For TEXT and RAW the limits are
 * those of the length.
 */
#ifndef CONFIG_PARAM_H
#define CONFIG_PARAM_H

#include "config/config.h"

enum param_kind {
    PARAM_TEXT, /* expanded */
    PARAM_RAW,  /* kept as written; the program expands it at the point of use */
    PARAM_BOOL,
    PARAM_INT,
    PARAM_TIME, /* seconds */
};

#define PARAM_TYPE_TEXT const char *
#define PARAM_TYPE_RAW  const char *
#define PARAM_TYPE_BOOL bool
#define PARAM_TYPE_INT  int64_t
#define PARAM_TYPE_TIME int64_t

struct param_row {
    const char *name; /* NULL ends the table */
    enum param_kind kind;
    const char *default_text;
    int64_t min, max;
    const char *purpose;
    size_t offset;     /* in the program's struct */
    const char *since; /* the release that brought it; "": 2.0 or before; "valija": ours alone */
};

/* Fill the struct at PARAMS from CFG. Texts live until params_done(). The first bad value is the
 * error, in Postfix's words (reference: "bad numerical configuration: NAME = xyz", ...). */
bool params_load(const struct config *cfg, const struct param_row *rows, void *params,
                 struct err *err);
void params_done(const struct param_row *rows, void *params);

/* The name in main.cf. A row's name may have an underscore in front (_2bounce_notice_recipient),
 * because the name of a struct member cannot begin with a digit. */
const char *param_name(const struct param_row *row);

/* One value of ROW's kind from TEXT, which is expanded already; errors as params_load(). NAME is
 * the name in messages. RAW and TEXT are only checked for their length. */
bool param_check_text(const char *name, const struct param_row *row, const char *text,
                      struct err *err);
bool param_parse_bool(const char *name, const char *text, bool *ret, struct err *err);
bool param_parse_int(const char *name, const char *text, int64_t min, int64_t max, int64_t *ret,
                     struct err *err);
/* UNIT applies to a number without suffix. */
bool param_parse_time(const char *name, const char *text, char unit, int64_t min, int64_t max,
                      int64_t *ret, struct err *err);

const struct param_row *param_find(const struct param_row *rows, const char *name);

#endif

/* The rows of flush_params.def as a table. */
#include "flush/flush_params.h"

struct flush_params flush_params;

const struct param_row flush_param_rows[] = {
#define PARAM(kind, name, def, min, max, purpose)                                                  \
    {#name, PARAM_##kind, def, min, max, purpose, offsetof(struct flush_params, name)},
#include "flush/flush_params.def"
#undef PARAM
    {0},
};

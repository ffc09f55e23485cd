/* The rows of bounce_params.def as a table. */
#include "bounce/bounce_params.h"

struct bounce_params bounce_params;

const struct param_row bounce_param_rows[] = {
#define PARAM(kind, name, def, min, max, purpose)                                                  \
    {#name, PARAM_##kind, def, min, max, purpose, offsetof(struct bounce_params, name)},
#include "bounce/bounce_params.def"
#undef PARAM
    {0},
};

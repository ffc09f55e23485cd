/* The rows of cleanup_params.def as a table. */
#include "cleanup/cleanup_params.h"

struct cleanup_params cleanup_params;

const struct param_row cleanup_param_rows[] = {
#define PARAM(kind, name, def, min, max, purpose)                                                  \
    {#name, PARAM_##kind, def, min, max, purpose, offsetof(struct cleanup_params, name)},
#include "cleanup/cleanup_params.def"
#undef PARAM
    {0},
};

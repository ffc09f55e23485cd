/* The rows of anvil_params.def as a table. */
#include "anvil/anvil_params.h"

struct anvil_params anvil_params;

const struct param_row anvil_param_rows[] = {
#define PARAM(kind, name, def, min, max, purpose)                                                  \
    {#name, PARAM_##kind, def, min, max, purpose, offsetof(struct anvil_params, name)},
#include "anvil/anvil_params.def"
#undef PARAM
    {0},
};

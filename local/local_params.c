#include "local/local_params.h"

struct local_params local_params;

// clang-format off
const struct param_row local_param_rows[] = {
#define PARAM(kind, name, def, min, max, purpose) \
    {#name, PARAM_##kind, def, min, max, purpose, offsetof(struct local_params, name)},
#include "local/local_params.def"
#undef PARAM
    {0},
};
// clang-format on

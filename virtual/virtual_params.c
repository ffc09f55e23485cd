#include "virtual/virtual_params.h"

struct virtual_params virtual_params;

// clang-format off
const struct param_row virtual_param_rows[] = {
#define PARAM(kind, name, def, min, max, purpose) \
    {#name, PARAM_##kind, def, min, max, purpose, offsetof(struct virtual_params, name)},
#include "virtual/virtual_params.def"
#undef PARAM
    {0},
};
// clang-format on

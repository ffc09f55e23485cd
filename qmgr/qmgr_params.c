#include "qmgr/qmgr_params.h"

struct qmgr_params qmgr_params;

// clang-format off
const struct param_row qmgr_param_rows[] = {
#define PARAM(kind, name, def, min, max, purpose) \
    {#name, PARAM_##kind, def, min, max, purpose, offsetof(struct qmgr_params, name)},
#include "qmgr/qmgr_params.def"
#undef PARAM
    {0},
};
// clang-format on

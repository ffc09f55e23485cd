#include "config/common_params.h"

#include "base/xmem.h"
#include "config/host_defaults.h"

struct common_params common_params;

// clang-format off
const struct param_row common_param_rows[] = {
#define PARAM(kind, name, def, min, max, purpose) \
    {#name, PARAM_##kind, def, min, max, purpose, offsetof(struct common_params, name)},
#include "config/common_params.def"
#undef PARAM
    {0},
};
// clang-format on

bool common_params_load(struct config *cfg, struct err *err)
{
    return host_defaults_set(cfg, err) &&
           params_load(cfg, common_param_rows, &common_params, err) &&
           host_defaults_read_origin(&common_params.myorigin, err);
}

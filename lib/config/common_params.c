#include "config/common_params.h"

#include "base/xmem.h"
#include "config/host_defaults.h"

#define PARAM_OWNER common
#define PARAM_FILE  "config/common_params.def"
#include "config/param_rows.h"

bool common_params_load(struct config *cfg, struct err *err)
{
    return host_defaults_set(cfg, err) &&
           params_load(cfg, common_param_rows, &common_params, err) &&
           host_defaults_read_origin(&common_params.myorigin, err);
}

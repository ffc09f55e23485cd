/* virtual_params: the parameters of virtual(8) as a struct. */
#ifndef VIRTUAL_PARAMS_H
#define VIRTUAL_PARAMS_H

#include "config/param.h"

struct virtual_params {
#define PARAM(kind, name, def, min, max, purpose) PARAM_TYPE_##kind name;
#include "virtual/virtual_params.def"
#undef PARAM
};

extern struct virtual_params virtual_params;
extern const struct param_row virtual_param_rows[];

#endif

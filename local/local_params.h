/* local_params: the parameters of local(8) as a struct. */
#ifndef LOCAL_PARAMS_H
#define LOCAL_PARAMS_H

#include "config/param.h"

struct local_params {
#define PARAM(kind, name, def, min, max, purpose) PARAM_TYPE_##kind name;
#include "local/local_params.def"
#undef PARAM
};

extern struct local_params local_params;
extern const struct param_row local_param_rows[];

#endif

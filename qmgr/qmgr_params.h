/* qmgr_params: the parameters of qmgr as a struct. */
#ifndef QMGR_PARAMS_H
#define QMGR_PARAMS_H

#include "config/param.h"

struct qmgr_params {
#define PARAM(kind, name, def, min, max, purpose) PARAM_TYPE_##kind name;
#include "qmgr/qmgr_params.def"
#undef PARAM
};

extern struct qmgr_params qmgr_params;
extern const struct param_row qmgr_param_rows[];

#endif

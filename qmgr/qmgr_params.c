#include "qmgr/qmgr_params.h"

#define PARAM_OWNER qmgr
#define PARAM_FILE  "qmgr/qmgr_params.def"
#include "config/param_rows.h"

#include "local/local_params.h"

#define PARAM_OWNER local
#define PARAM_FILE  "local/local_params.def"
#include "config/param_rows.h"

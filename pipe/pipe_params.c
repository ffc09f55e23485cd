#include "pipe/pipe_params.h"

#define PARAM_OWNER pipe
#define PARAM_FILE  "pipe/pipe_params.def"
#include "config/param_rows.h"

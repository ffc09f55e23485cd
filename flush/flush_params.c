/* The rows of flush_params.def as a table. */
#include "flush/flush_params.h"

#define PARAM_OWNER flush
#define PARAM_FILE  "flush/flush_params.def"
#include "config/param_rows.h"

/* The rows of bounce_params.def as a table. */
#include "bounce/bounce_params.h"

#define PARAM_OWNER bounce
#define PARAM_FILE  "bounce/bounce_params.def"
#include "config/param_rows.h"

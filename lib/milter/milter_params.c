/* The rows of milter_params.def as a table. */
#include "milter/milter_params.h"

#define PARAM_OWNER milter
#define PARAM_FILE  "milter/milter_params.def"
#include "config/param_rows.h"

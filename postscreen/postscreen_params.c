/* The rows of postscreen_params.def as a table. */
#include "postscreen/postscreen_params.h"

#define PARAM_OWNER postscreen
#define PARAM_FILE  "postscreen/postscreen_params.def"
#include "config/param_rows.h"

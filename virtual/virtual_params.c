#include "virtual/virtual_params.h"

#define PARAM_OWNER virtual
#define PARAM_FILE  "virtual/virtual_params.def"
#include "config/param_rows.h"

/* pipe_params: the parameters of pipe(8) as a struct. */
#ifndef PIPE_PARAMS_H
#define PIPE_PARAMS_H

#include "config/param.h"

#define PARAM_OWNER pipe
#define PARAM_FILE  "pipe/pipe_params.def"
#include "config/param_struct.h"

#endif

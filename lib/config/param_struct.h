/*
 * param_struct: declares struct NAME_params, NAME_params and NAME_param_rows from the rows of a
 * .def file. No guard: included once a program, by NAME_params.h:
 *
 *     #include "config/param.h"
 *     #define PARAM_OWNER bounce
 *     #define PARAM_FILE  "bounce/bounce_params.def"
 *     #include "config/param_struct.h"
 *
 * NAME_params.c is the same with config/param_rows.h, which defines both. PARAM_EXTRA may name
 * members that are not parameters. With PARAM_PER_TABLE there is no global struct: each lookup
 * table of a type has its own (map/map_conf.h).
 */
#define PARAM_JOIN_(a, b) a##b
#define PARAM_JOIN(a, b)  PARAM_JOIN_(a, b)
#ifndef PARAM_EXTRA
#define PARAM_EXTRA
#endif

struct PARAM_JOIN(PARAM_OWNER, _params) {
#define PARAM(kind, name, def, min, max, since, purpose) PARAM_TYPE_##kind name;
#include PARAM_FILE
#undef PARAM
    PARAM_EXTRA
};

#ifndef PARAM_PER_TABLE
extern struct PARAM_JOIN(PARAM_OWNER, _params) PARAM_JOIN(PARAM_OWNER, _params);
#endif
extern const struct param_row PARAM_JOIN(PARAM_OWNER, _param_rows)[];

#undef PARAM_JOIN
#undef PARAM_JOIN_
#undef PARAM_OWNER
#undef PARAM_FILE
#undef PARAM_EXTRA
#undef PARAM_PER_TABLE

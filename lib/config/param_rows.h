/*
 * param_rows: defines NAME_params and NAME_param_rows; config/param_struct.h has the recipe.
 */
#define PARAM_JOIN_(a, b) a##b
#define PARAM_JOIN(a, b)  PARAM_JOIN_(a, b)

#ifndef PARAM_PER_TABLE
struct PARAM_JOIN(PARAM_OWNER, _params) PARAM_JOIN(PARAM_OWNER, _params);
#endif

const struct param_row PARAM_JOIN(PARAM_OWNER, _param_rows)[] = {
#define PARAM_AT(name) offsetof(struct PARAM_JOIN(PARAM_OWNER, _params), name)
#define PARAM(kind, name, def, min, max, since, purpose)                                           \
    {#name, PARAM_##kind, def, min, max, purpose, PARAM_AT(name), since},
#include PARAM_FILE
#undef PARAM
#undef PARAM_AT
    {0},
};

#undef PARAM_JOIN
#undef PARAM_JOIN_
#undef PARAM_OWNER
#undef PARAM_FILE
#undef PARAM_PER_TABLE

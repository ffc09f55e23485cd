#include "config/common_params.h"

#include "base/xmem.h"
#include "config/compat_level.h"
#include "config/host_defaults.h"

#define PARAM_OWNER common
#define PARAM_FILE  "config/common_params.def"
#include "config/param_rows.h"

/* Before anything else, because many defaults depend on it. */
static bool check_compat_level(const struct config *cfg, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT(CONFIG_VALUE_MAX);
    uint64_t level;
    if (!config_get_text(cfg, "compatibility_level", "0", &text, err))
        return false;
    if (compat_level_parse(strbuf_slice(&text), &level, err))
        return true;
    strbuf_setf(&text, "%s (", err ? err->reason : "");
    config_where(cfg, "compatibility_level", &text);
    return err_set(err, ERR_CONFIG, "%s; wanted: a release such as %s)", text.s, COMPAT_LEVEL_LAST);
}

bool common_params_load(struct config *cfg, struct err *err)
{
    return check_compat_level(cfg, err) && host_defaults_set(cfg, err) &&
           params_load(cfg, common_param_rows, &common_params, err) &&
           host_defaults_read_origin(&common_params.myorigin, err);
}

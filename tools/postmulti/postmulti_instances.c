/* The instances of this host, from main.cf of the primary one and of each of the others. */
#include "postmulti/postmulti.h"

#include "base/xmem.h"
#include "config/common_params.h"
#include "config/config.h"
#include "postmulti/postmulti_params.h"

#include <string.h>

static char *text_of(const struct config *config, const char *name, struct err *err)
{
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    return config_get_text(config, name, "", &text, err) ? slice_dup(strbuf_slice(&text)) : NULL;
}

static bool instance_load(struct instance *ret, const char *dir, struct err *err)
{
    ret->dir = slice_dup(slice_of(dir));
    ret->config = config_new(dir);
    config_declare(ret->config, postmulti_param_rows);
    return config_load(ret->config, err) &&
           (ret->name = text_of(ret->config, "multi_instance_name", err)) &&
           (ret->group = text_of(ret->config, "multi_instance_group", err)) &&
           (ret->queue = text_of(ret->config, "queue_directory", err)) &&
           (ret->data = text_of(ret->config, "data_directory", err)) &&
           config_get_bool(ret->config, "multi_instance_enable", "no", &ret->is_enabled, err);
}

bool instances_load(struct instances *all, const char *primary_dir, const char *others,
                    struct err *err)
{
    CLEANUP(argv_done) struct argv dirs = ARGV_INIT;
    argv_add(&dirs, primary_dir);
    argv_add_items(&dirs, others);
    all->at = xzalloc(dirs.count * sizeof *all->at);
    for (; all->count < dirs.count; all->count++)
        if (!instance_load(&all->at[all->count], dirs.at[all->count], err)) {
            all->count++;
            return false;
        }
    all->at[0].is_primary = true;
    all->at[0].is_enabled |= all->count == 1; /* nothing but the one instance there always was */
    return true;
}

void instances_done(struct instances *all)
{
    for (size_t i = 0; i < all->count; i++) {
        struct instance *one = &all->at[i];
        config_free(one->config);
        free(one->dir);
        free(one->name);
        free(one->group);
        free(one->queue);
        free(one->data);
    }
    free(all->at);
}

static bool has_name(const struct instance *instance, const char *name)
{
    if (strcmp(name, "-") == 0)
        return instance->is_primary;
    return strcmp(name[0] == '/' ? instance->dir : instance->name, name) == 0;
}

bool instance_is_selected(const struct instance *instance, const struct selection *by)
{
    return by->name    ? has_name(instance, by->name)
           : by->group ? strcmp(instance->group, by->group) == 0
                       : true;
}

const struct instance *instances_find(const struct instances *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (has_name(&all->at[i], name))
            return &all->at[i];
    return NULL;
}

char *instance_text(const struct instance *instance, const char *name)
{
    struct err err = ERR_INIT;
    char *text = text_of(instance->config, name, &err);
    return text ? text : slice_dup(slice_of(""));
}

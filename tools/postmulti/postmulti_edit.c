/*
 * -e: make, take in, let go, name, switch on and off. Every change of a main.cf is made by
 * postconf(1), which locks the file and puts a whole new one in its place.
 */
#include "postmulti/postmulti.h"

#include "base/num.h"
#include "base/xmem.h"
#include "config/common_params.h"
#include "io/fd.h"
#include "log/log.h"
#include "postmulti/postmulti_params.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static const struct instance *primary(const struct postmulti *pm)
{
    return &pm->all.at[0];
}

void postmulti_set(const struct postmulti *pm, const char *dir, const struct argv *settings)
{
    CLEANUP(argv_done) struct argv words = ARGV_INIT;
    if (settings->count == 0)
        return;
    argv_addf(&words, "%s/postconf", common_params.command_directory);
    argv_add(&words, "-c");
    argv_add(&words, dir);
    argv_add(&words, "-e");
    for (size_t i = 0; i < settings->count; i++)
        argv_add(&words, settings->at[i]);
    if (postmulti_run(pm, primary(pm), words.at) != 0)
        log_fatal("cannot edit %s/main.cf", dir);
}

void postmulti_register(const struct postmulti *pm, const struct argv *dirs)
{
    CLEANUP(argv_done) struct argv settings = ARGV_INIT;
    CLEANUP(strbuf_done) struct strbuf text = STRBUF_ANY;
    for (size_t i = 0; i < dirs->count; i++)
        strbuf_addf(&text, " %s", dirs->at[i]);
    argv_addf(&settings, "multi_instance_directories =%s", text.s);
    postmulti_set(pm, primary(pm)->dir, &settings);
}

/* The lock of master(8) tells. */
bool postmulti_is_running(const struct instance *instance)
{
    CLEANUP(xfree_ptr)
    char *path = xasprintf("%s/%s/master.pid", instance->queue, common_params.process_id_directory);
    CLEANUP(fd_done) int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
        log_fatal("open %s: %s", path, strerror(errno));
    return fd >= 0 && !fd_lock(fd, true, false);
}

static void need_init(void)
{
    if (common_params.multi_instance_wrapper[0] == 0)
        log_fatal("multi_instance_wrapper is empty, run 'postmulti -e init' first.");
    if (!postmulti_params.multi_instance_enable)
        log_fatal("multi_instance_enable!=yes, run 'postmulti -e init' first.");
}

/* Names */

static void check_new_name(const struct postmulti *pm, const struct instance *but)
{
    if (!pm->new_name || strcmp(pm->new_name, "-") == 0)
        return;
    if (!slice_starts(slice_of(pm->new_name), "postfix-") || strchr(pm->new_name, '/'))
        log_fatal("New instance name must start with 'postfix-'");
    for (size_t i = 0; i < pm->all.count; i++) {
        const struct instance *other = &pm->all.at[i];
        if (other != but && strcmp(other->name, pm->new_name) == 0)
            log_fatal("instance %s, multi_instance_name=%s conflicts with instance %s, "
                      "multi_instance_name=%s",
                      but ? but->dir : "(new)", pm->new_name, other->dir, other->name);
    }
}

static void add_names(const struct postmulti *pm, struct argv *settings)
{
    if (pm->new_name)
        argv_addf(settings, "multi_instance_name = %s",
                  strcmp(pm->new_name, "-") == 0 ? "" : pm->new_name);
    if (pm->new_group)
        argv_addf(settings, "multi_instance_group = %s",
                  strcmp(pm->new_group, "-") == 0 ? "" : pm->new_group);
}

/* Actions on an instance that is there */

static const struct instance *the_one(const struct postmulti *pm)
{
    if (!pm->selected.name)
        log_fatal("Select an instance via '-i name'");
    const struct instance *one = instances_find(&pm->all, pm->selected.name);
    if (!one)
        log_fatal("No instance named %s", pm->selected.name);
    return one;
}

static void set_one(const struct postmulti *pm, const char *dir, const char *setting)
{
    CLEANUP(argv_done) struct argv settings = ARGV_INIT;
    argv_add(&settings, setting);
    postmulti_set(pm, dir, &settings);
}

static void edit_init(const struct postmulti *pm, char *const *settings)
{
    (void)settings;
    set_one(pm, primary(pm)->dir, "multi_instance_wrapper = ${command_directory}/postmulti -p --");
    set_one(pm, primary(pm)->dir, "multi_instance_enable = yes");
}

static void edit_enable(const struct postmulti *pm, char *const *settings)
{
    (void)settings;
    const struct instance *one = the_one(pm);
    need_init();
    set_one(pm, one->dir, "multi_instance_enable = yes");
}

static void edit_disable(const struct postmulti *pm, char *const *settings)
{
    (void)settings;
    set_one(pm, the_one(pm)->dir, "multi_instance_enable = no");
}

static void edit_assign(const struct postmulti *pm, char *const *settings)
{
    CLEANUP(argv_done) struct argv changes = ARGV_INIT;
    (void)settings;
    if (!pm->new_name && !pm->new_group)
        log_fatal("Specify new instance name or group with '-e assign'");
    const struct instance *one = the_one(pm);
    check_new_name(pm, one);
    add_names(pm, &changes);
    postmulti_set(pm, one->dir, &changes);
}

static const struct instance *one_to_remove(const struct postmulti *pm)
{
    const struct instance *one = the_one(pm);
    if (one->is_primary)
        log_fatal("Cannot remove the primary instance");
    if (one->is_enabled)
        log_fatal("Cannot remove enabled instances");
    if (postmulti_is_running(one))
        log_fatal("Cannot remove running instance %s: stop it first", one->dir);
    return one;
}

static void deport(const struct postmulti *pm, const struct instance *one)
{
    CLEANUP(argv_done) struct argv dirs = ARGV_INIT;
    for (size_t i = 1; i < pm->all.count; i++)
        if (&pm->all.at[i] != one)
            argv_add(&dirs, pm->all.at[i].dir);
    postmulti_register(pm, &dirs);
}

static void edit_deport(const struct postmulti *pm, char *const *settings)
{
    (void)settings;
    deport(pm, one_to_remove(pm));
}

/* Dies before deport(): the instance is still listed, and destroying it again goes on. Dies after
 * it: main.cf and master.cf are left over. */
static void edit_destroy(const struct postmulti *pm, char *const *settings)
{
    (void)settings;
    const struct instance *one = one_to_remove(pm);
    postmulti_empty(one);
    deport(pm, one);
    postmulti_remove_config(one);
}

/* New instances */

static char *default_dir(const struct postmulti *pm, const char *beside)
{
    const char *slash = strrchr(beside, '/');
    if (!pm->new_name || strcmp(pm->new_name, "-") == 0 || !slash)
        return NULL;
    return xasprintf("%.*s/%s", (int)(slash - beside), beside, pm->new_name);
}

static void take_setting(struct new_instance *new, const char *setting, const char *action)
{
    struct slice name, value;
    char **field = NULL;
    if (slice_split(slice_of(setting), '=', &name, &value)) {
        name = slice_trim(name);
        value = slice_trim(value);
    } else {
        name = slice_of(setting);
        value = SLICE_EMPTY;
    }
    bool is_create = strcmp(action, "create") == 0;
    if (slice_eq(name, "config_directory"))
        field = &new->dir;
    else if (is_create && slice_eq(name, "queue_directory"))
        field = &new->queue;
    else if (is_create && slice_eq(name, "data_directory"))
        field = &new->data;
    else
        log_fatal("Parameter '%.*s' not valid with action %s", SLICE_ARG(name), action);
    if (!slice_starts(value, "/"))
        log_fatal("Parameter setting '%.*s' is not an absolute path", SLICE_ARG(name));
    if (strpbrk(setting, "\n\r") || slice_find(value, ' ') != SIZE_MAX ||
        slice_find(value, ',') != SIZE_MAX || slice_find(value, '$') != SIZE_MAX)
        log_fatal("Parameter setting '%.*s' has a character that is not possible in a list of "
                  "directories",
                  SLICE_ARG(name));
    free(*field);
    *field = slice_dup(value);
}

static void check_free(const struct postmulti *pm, const struct new_instance *new)
{
    for (size_t i = 0; i < pm->all.count; i++) {
        const struct instance *other = &pm->all.at[i];
        if (strcmp(other->dir, new->dir) == 0)
            log_fatal("new config_directory=%s is already in use by instance %s, "
                      "config_directory=%s",
                      new->dir, other->dir, other->dir);
        if (new->queue && strcmp(other->queue, new->queue) == 0)
            log_fatal("instance %s, queue_directory=%s conflicts with instance %s, "
                      "queue_directory=%s",
                      new->dir, new->queue, other->dir, other->queue);
        if (new->data && strcmp(other->data, new->data) == 0)
            log_fatal("instance %s, data_directory=%s conflicts with instance %s, "
                      "data_directory=%s",
                      new->dir, new->data, other->dir, other->data);
    }
}

/* The list with DIR at its place: in front of what -a, -g or -i say, else the last. */
static void list_with(const struct postmulti *pm, const char *dir, struct argv *dirs)
{
    bool has_place = pm->first || pm->selected.name || pm->selected.group, is_placed = false;
    for (size_t i = 1; i < pm->all.count; i++) {
        if (has_place && !is_placed && instance_is_selected(&pm->all.at[i], &pm->selected)) {
            argv_add(dirs, dir);
            is_placed = true;
        }
        argv_add(dirs, pm->all.at[i].dir);
    }
    if (has_place && !is_placed && !pm->first)
        log_fatal("No matching secondary instances");
    if (!is_placed)
        argv_add(dirs, dir);
}

/* An instance that is there is read as it is; its directories must be its own. */
static void check_import(const struct postmulti *pm, struct new_instance *new)
{
    struct err err = ERR_INIT;
    struct instances there = {0};
    if (!instances_load(&there, new->dir, "", &err))
        log_fatal("%s", err.reason);
    free(new->queue);
    free(new->data);
    new->queue = slice_dup(slice_of(there.at[0].queue));
    new->data = slice_dup(slice_of(there.at[0].data));
    check_free(pm, new);
    instances_done(&there);
}

static void add_instance(const struct postmulti *pm, char *const *settings, const char *action)
{
    CLEANUP(argv_done) struct argv dirs = ARGV_INIT;
    CLEANUP(argv_done) struct argv changes = ARGV_INIT;
    struct new_instance new = {0};
    bool is_create = strcmp(action, "create") == 0;
    for (; *settings; settings++)
        take_setting(&new, *settings, action);
    if (!new.dir && !(new.dir = default_dir(pm, primary(pm)->dir)))
        log_fatal("Missing config_directory parameter value");
    if (is_create && !new.queue && !(new.queue = default_dir(pm, primary(pm)->queue)))
        log_fatal("Missing queue_directory parameter value");
    if (is_create && !new.data && !(new.data = default_dir(pm, primary(pm)->data)))
        log_fatal("Missing data_directory parameter value");
    check_free(pm, &new);
    check_new_name(pm, NULL);
    list_with(pm, new.dir, &dirs);
    need_init();
    add_names(pm, &changes);
    if (is_create && !postmulti_exists(&new)) {
        postmulti_make(pm, &new, &changes);
    } else {
        check_import(pm, &new);
        postmulti_set(pm, new.dir, &changes);
    }
    /* Dies before: the directories are there and not in the list; creating it again takes them. */
    postmulti_register(pm, &dirs);
    free(new.dir);
    free(new.queue);
    free(new.data);
}

static void edit_create(const struct postmulti *pm, char *const *settings)
{
    add_instance(pm, settings, "create");
}

static void edit_import(const struct postmulti *pm, char *const *settings)
{
    add_instance(pm, settings, "import");
}

typedef void (*edit_fn)(const struct postmulti *pm, char *const *settings);

static edit_fn find_action(const char *name)
{
    // clang-format off
    static const struct { const char *name; edit_fn fn; } actions[] = {
        {"create", edit_create}, {"destroy", edit_destroy}, {"import", edit_import},
        {"deport", edit_deport}, {"enable", edit_enable}, {"disable", edit_disable},
        {"assign", edit_assign}, {"init", edit_init},
    };
    // clang-format on
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (strcmp(actions[i].name, name) == 0)
            return actions[i].fn;
    return NULL;
}

bool postmulti_is_action(const char *action)
{
    return find_action(action) != NULL;
}

int postmulti_edit(const struct postmulti *pm, const char *action, char *const *settings)
{
    find_action(action)(pm, settings);
    return 0;
}

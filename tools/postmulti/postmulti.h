/*
 * postmulti: several instances on one host: the primary one, whose directory is the default, and
 * those that its multi_instance_directories names.
 */
#ifndef POSTMULTI_POSTMULTI_H
#define POSTMULTI_POSTMULTI_H

#include "base/argv.h"
#include "base/err.h"
#include "base/strbuf.h"

struct config;

/* postmulti_instances.c */
struct instance {
    struct config *config;
    char *dir, *name, *group, *queue, *data; /* name and group may be empty */
    bool is_enabled, is_primary;
};
struct instances {
    struct instance *at; /* at[0] is the primary one */
    size_t count;
};
/* Read the main.cf of all; false when one cannot be read. OTHERS: a list value of directories. */
bool instances_load(struct instances *all, const char *primary_dir, const char *others,
                    struct err *err);
void instances_done(struct instances *all);

struct selection {
    const char *group, *name; /* NULL: any; NAME may be a directory, or "-" for the primary */
};
bool instance_is_selected(const struct instance *instance, const struct selection *by);
/* NULL: there is none. */
const struct instance *instances_find(const struct instances *all, const char *name);
/* Expanded value of a directory parameter and the like; allocated. */
char *instance_text(const struct instance *instance, const char *name);

/* postmulti_run.c: exit status 0 or 1. */
struct postmulti {
    struct instances all;
    struct selection selected;
    bool first, reverse; /* -a, -R */
    int verbose;
    const char *new_name, *new_group; /* -I, -G; NULL: not given */
};
int postmulti_list(const struct postmulti *pm);
int postmulti_each(const struct postmulti *pm, char *const *command);    /* -x */
int postmulti_postfix(const struct postmulti *pm, char *const *command); /* -p */
/* Run COMMAND for INSTANCE and wait; its exit status, or 1. */
int postmulti_run(const struct postmulti *pm, const struct instance *instance,
                  char *const *command);

/* postmulti_edit.c: -e ACTION; fatal when it is refused. */
int postmulti_edit(const struct postmulti *pm, const char *action, char *const *settings);
bool postmulti_is_action(const char *action);
/* name=value, NULL-terminated, into DIR/main.cf; fatal when that fails. */
void postmulti_set(const struct postmulti *pm, const char *dir, const struct argv *settings);
/* Put multi_instance_directories of the primary instance to DIRS. */
void postmulti_register(const struct postmulti *pm, const struct argv *dirs);
bool postmulti_is_running(const struct instance *instance);

/* postmulti_create.c: directories and files of a new instance, all but its registration. */
struct new_instance {
    char *dir, *queue, *data; /* queue and data NULL: import */
};
bool postmulti_exists(const struct new_instance *new); /* main.cf and master.cf are there */
void postmulti_make(const struct postmulti *pm, const struct new_instance *new,
                    const struct argv *settings);

/* postmulti_destroy.c: remove what the mail system made; what else is there stays, with a warning.
 * Fatal before anything is done when there is mail in the queue. */
void postmulti_empty(const struct instance *instance);
void postmulti_remove_config(const struct instance *instance);

#endif

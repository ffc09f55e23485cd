/* master.cf: programs that are not there, addresses used twice, services that settings name. */
#include "postlint/postlint.h"

#include "base/xmem.h"
#include "config/common_params.h"

#include <errno.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Programs of the interface that this release does not have. master(8) does not start them before
 * somebody asks for the service. */
static const char *const not_built[] = {
    "nbdb_reindexd",
};

static bool is_not_built(const char *program)
{
    for (size_t i = 0; i < COUNT_OF(not_built); i++)
        if (strcmp(program, not_built[i]) == 0)
            return true;
    return false;
}

static struct postlint_where where(const struct postlint *lint, const struct master_entry *entry)
{
    return (struct postlint_where){lint->master_cf, entry->line, entry->name};
}

static void check_program(struct postlint *lint, const struct master_entry *entry)
{
    struct stat st;
    CLEANUP(xfree_ptr)
    char *path = xasprintf("%s/%s", common_params.daemon_directory, entry->program);
    if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
            postlint_report(lint, LINT_V110, where(lint, entry), "chmod 755 the program",
                            "%s: %s is not an executable program", entry->name, path);
        return;
    }
    bool is_quiet = entry->type == SERVICE_UNIX && is_not_built(entry->program);
    if (is_quiet)
        postlint_report(lint, LINT_V111, where(lint, entry), NULL,
                        "%s: %s is not part of this release", entry->name, entry->program);
    else
        postlint_report(lint, LINT_V110, where(lint, entry), NULL, "%s: %s%s", entry->name, path,
                        is_not_built(entry->program) ? " is not part of this release"
                                                     : ": no such program");
}

/* Names that master.cf and services(5) spell in two ways are told apart by what they say only. */
static bool same_address(const struct master_entry *a, const struct master_entry *b)
{
    bool a_inet = a->type == SERVICE_INET, b_inet = b->type == SERVICE_INET;
    if (a_inet != b_inet)
        return false;
    if (a_inet)
        return strcasecmp(a->name, b->name) == 0;
    return a->is_private == b->is_private && strcmp(a->name, b->name) == 0;
}

static void check_addresses(struct postlint *lint)
{
    for (const struct master_entry *a = lint->entries; a; a = a->next)
        for (const struct master_entry *b = a->next; b; b = b->next)
            if (same_address(a, b))
                postlint_report(lint, LINT_V112, where(lint, b), NULL,
                                "%s %s is the address of the entry in line %d, too", b->name,
                                service_type_name(b->type), a->line);
}

static bool has_service(const struct postlint *lint, struct slice name)
{
    for (const struct master_entry *entry = lint->entries; entry; entry = entry->next)
        if (entry->type != SERVICE_INET && slice_eq(name, entry->name))
            return true;
    return false;
}

static void check_postlog(struct postlint *lint)
{
    const struct postlint_scope *scope = &lint->scopes[0];
    CLEANUP(strbuf_done) struct strbuf file = STRBUF_ANY, service = STRBUF_ANY;
    if (postlint_get(scope, "maillog_file", &file) && file.len > 0 &&
        postlint_get(scope, "postlog_service_name", &service) &&
        !has_service(lint, strbuf_slice(&service)))
        postlint_report(lint, LINT_V114, postlint_where(lint, scope, "maillog_file"), NULL,
                        "maillog_file is written by %s, which master.cf does not have", service.s);
}

void postlint_services(struct postlint *lint)
{
    for (const struct master_entry *entry = lint->entries; entry; entry = entry->next)
        check_program(lint, entry);
    check_addresses(lint);
    check_postlog(lint);
}

/* "transport:nexthop", and what must not be empty for a default to be used. */
static const struct {
    const char *name, *used_for;
} transports[] = {
    {"local_transport", "mydestination"},
    {"virtual_transport", "virtual_mailbox_domains"},
    {"relay_transport", "relay_domains"},
    {"default_transport", NULL},
    {"mailbox_transport", NULL},
    {"fallback_transport", NULL},
    {"content_filter", NULL},
    {"error_service_name", NULL},
    {"bounce_service_name", NULL},
    {"defer_service_name", NULL},
    {"trace_service_name", NULL},
    {"cleanup_service_name", NULL},
    {"queue_service_name", NULL},
};

static bool is_used(const struct postlint *lint, const struct postlint_scope *scope,
                    const char *name, const char *used_for)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    if (postlint_is_set_here(lint, scope, name))
        return true;
    return !scope->entry && (!used_for || !postlint_get(scope, used_for, &value) || value.len > 0);
}

static void check_transport(struct postlint *lint, const struct postlint_scope *scope,
                            const char *name)
{
    CLEANUP(strbuf_done) struct strbuf value = STRBUF_ANY;
    if (!postlint_get(scope, name, &value))
        return;
    struct slice service = slice_first(strbuf_slice(&value), strcspn(value.s, ": \t"));
    if (service.len > 0 && !has_service(lint, service))
        postlint_report(lint, LINT_V113, postlint_where(lint, scope, name), NULL,
                        "%s: master.cf has no service %.*s", name, SLICE_ARG(service));
}

void postlint_transports(struct postlint *lint)
{
    for (size_t i = 0; i < lint->scope_count; i++)
        for (size_t k = 0; k < COUNT_OF(transports); k++)
            if (is_used(lint, &lint->scopes[i], transports[k].name, transports[k].used_for))
                check_transport(lint, &lint->scopes[i], transports[k].name);
}

/* Copies to others: always_bcc, sender_bcc_maps, recipient_bcc_maps, the BCC action. */
#include "cleanup/cleanup_map.h"
#include "cleanup/cleanup_params.h"

static void add_copy(struct cleanup_message *m, const char *address)
{
    CLEANUP(strbuf_done) struct strbuf mapped = STRBUF_ANY;
    /* nobody hears how delivery of a copy went (RFC 3461: NOTIFY=NEVER) */
    struct recipient about = {.dsn_notify = DSN_NOTIFY_NEVER, .dsn_orcpt = ""};
    cleanup_map_address(m, REWRITE_LOCAL, CLEANUP_ENVELOPE_RECIPIENT, slice_of(address), &mapped);
    if (mapped.len > 0)
        cleanup_recipient_add(m, address, strbuf_slice(&mapped), &about);
}

void cleanup_bcc_remember(struct cleanup_message *m, const char *address)
{
    for (size_t i = 0; i < m->bcc_count; i++)
        if (slice_eq_nocase(slice_of(address), m->bcc[i]))
            return;
    if (m->bcc_count == m->bcc_cap) {
        m->bcc_cap = m->bcc_cap ? m->bcc_cap * 2 : 8;
        const char **more = arena_alloc(m->arena, m->bcc_cap * sizeof *more);
        for (size_t i = 0; i < m->bcc_count; i++)
            more[i] = m->bcc[i];
        m->bcc = more;
    }
    m->bcc[m->bcc_count++] = arena_strdup(m->arena, address);
}

static void add_mapped(struct cleanup_message *m, struct maps *maps, const char *address)
{
    CLEANUP(strbuf_done) struct strbuf copy_to = STRBUF_ANY;
    if ((m->flags & CLEANUP_FLAG_BCC) && cleanup_map_bcc(m, maps, address, &copy_to))
        add_copy(m, copy_to.s);
}

void cleanup_bcc_sender(struct cleanup_message *m)
{
    if (m->env.sender[0])
        add_mapped(m, cleanup_tables.sender_bcc, m->env.sender);
}

void cleanup_bcc_recipient(struct cleanup_message *m, const char *address)
{
    add_mapped(m, cleanup_tables.recipient_bcc, address);
}

void cleanup_bcc_add_all(struct cleanup_message *m)
{
    if ((m->flags & CLEANUP_FLAG_BCC) && cleanup_params.always_bcc[0])
        add_copy(m, cleanup_params.always_bcc);
    for (size_t i = 0; i < m->bcc_count; i++)
        add_copy(m, m->bcc[i]);
}

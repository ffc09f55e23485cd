/* The attributes of a message by the names they have in queue files. */
#include "mail/envelope.h"

#include "base/num.h"

enum attribute_kind { ATTRIBUTE_TEXT, ATTRIBUTE_INT };

// clang-format off
#define ATTR_TEXT(name, field) {name, ATTRIBUTE_TEXT, offsetof(struct envelope, field)}
#define ATTR_INT(name, field)  {name, ATTRIBUTE_INT, offsetof(struct envelope, field)}

/* The attributes of a message; those of one recipient are in record order before R, see queue_file.c. */
static const struct attribute {
    const char *name;
    enum attribute_kind kind;
    size_t offset;
} attributes[] = {
    ATTR_INT("create_time", create_s),
    ATTR_TEXT("encoding", encoding),
    ATTR_TEXT("rewrite_context", rewrite_context),
    ATTR_TEXT("envelope_id", dsn_envid),
    ATTR_INT("ret_flags", dsn_ret),
    ATTR_INT("trace_flags", trace_flags),
    ATTR_TEXT("log_ident", log_ident),
    ATTR_TEXT("log_message_origin", log_message_origin),
    ATTR_TEXT("log_client_name", log_client_name),
    ATTR_TEXT("log_client_address", log_client_address),
    ATTR_TEXT("log_client_port", log_client_port),
    ATTR_TEXT("log_helo_name", log_helo_name),
    ATTR_TEXT("log_protocol_name", log_protocol_name),
    ATTR_TEXT("client_name", client_name),
    ATTR_TEXT("reverse_client_name", reverse_client_name),
    ATTR_TEXT("client_address", client_address),
    ATTR_TEXT("client_port", client_port),
    ATTR_TEXT("server_address", server_address),
    ATTR_TEXT("server_port", server_port),
    ATTR_TEXT("helo_name", helo_name),
    ATTR_TEXT("protocol_name", protocol_name),
    ATTR_INT("client_address_type", client_address_type),
    ATTR_TEXT("sasl_method", sasl_method),
    ATTR_TEXT("sasl_username", sasl_username),
    ATTR_TEXT("sasl_sender", sasl_sender),
};

// clang-format on

void envelope_blank(struct envelope *env)
{
    *env = (struct envelope){.sender = ""};
    for (size_t i = 0; i < envelope_type.field_count; i++) {
        const struct msg_field *field = &envelope_type.fields[i];
        if (field->kind == MSG_TEXT)
            *(const char **)(void *)((char *)env + field->offset) = "";
    }
}

bool envelope_set_attribute(struct envelope *env, struct arena *arena, struct slice name,
                            struct slice value)
{
    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        const struct attribute *a = &attributes[i];
        if (!slice_eq(name, a->name))
            continue;
        char *field = (char *)env + a->offset;
        if (a->kind == ATTRIBUTE_INT)
            return num_parse_i64(slice_trim(value), (int64_t *)(void *)field);
        if (slice_has_nul(value))
            return false;
        *(const char **)(void *)field = arena_slice_dup(arena, value);
        return true;
    }
    return true; /* of another release */
}

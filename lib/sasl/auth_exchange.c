#include "sasl/auth_exchange.h"

#include "sasl/auth_driver.h"

static const struct {
    const char *word;
    unsigned bit;
} policies[] = {
    {"noplaintext", AUTH_NO_PLAINTEXT},   {"noactive", AUTH_NO_ACTIVE},
    {"nodictionary", AUTH_NO_DICTIONARY}, {"noanonymous", AUTH_NO_ANONYMOUS},
    {"mutual_auth", AUTH_MUTUAL},         {"forward_secrecy", AUTH_FORWARD_SECRECY},
};

bool auth_policies_parse(const char *list, unsigned known, unsigned *ret_policy, struct err *err)
{
    struct slice rest = slice_of(list), item;
    *ret_policy = 0;
    while (slice_next_item(&rest, &item)) {
        unsigned bit = 0;
        for (size_t i = 0; i < COUNT_OF(policies); i++)
            if (slice_eq_nocase(item, policies[i].word))
                bit = policies[i].bit;
        if (!(bit & known))
            return err_set(err, ERR_CONFIG,
                           "unknown SASL security options value \"%.*s\" in \"%s\"",
                           SLICE_ARG(item), list);
        *ret_policy |= bit;
    }
    return true;
}

void auth_respond(struct auth_exchange *exchange, struct slice text)
{
    exchange->respond(exchange, text);
}

void auth_cancel(struct auth_exchange *exchange)
{
    if (exchange)
        exchange->cancel(exchange);
}

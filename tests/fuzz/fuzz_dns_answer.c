/* Replies of name servers: any bytes, each type of question. */
#include "dns/dns_answer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dns_type types[] = {DNS_A,   DNS_AAAA,  DNS_MX,   DNS_PTR,
                                          DNS_TXT, DNS_CNAME, DNS_TLSA, DNS_SRV};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        struct arena *arena = arena_new("fuzz");
        struct dns_answer answer;
        struct err err = ERR_INIT;
        dns_answer_parse((struct slice){(const char *)data, size}, "example.test", types[i], arena,
                         &answer, &err);
        if ((answer.status == DNS_FOUND) != (err.kind == ERR_NONE) ||
            (answer.status == DNS_FOUND) != (answer.count > 0) || answer.count > DNS_RECORDS_MAX)
            abort();
        for (size_t j = 0; j < answer.count; j++) {
            struct slice taken = answer.records[j].data;
            if (types[i] == DNS_TLSA ? taken.len < 3 || taken.len > size : taken.len > 0)
                abort();
            for (const char *c = answer.records[j].text; *c; c++)
                if (*c < ' ' || *c == 127)
                    abort(); /* nothing that could break a log line or a command */
        }
        arena_free(arena);
    }
    return 0;
}

/* A server's challenge: the first line is the mechanism. What passes is bearable. */
#include "base/num.h"
#include "sasl/auth_challenge.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice mechanism, challenge;
    struct err err = ERR_INIT;
    char name[21];
    if (!slice_split((struct slice){(const char *)data, size}, '\n', &mechanism, &challenge) ||
        mechanism.len >= sizeof name)
        return 0;
    memcpy(name, mechanism.s, mechanism.len);
    name[mechanism.len] = 0;
    bool is_good = auth_challenge_check(name, challenge, &err);
    if (is_good != (err.kind == ERR_NONE))
        abort();
    if (!is_good || strncmp(name, "SCRAM-", 6) != 0)
        return 0;
    struct slice field;
    uint64_t rounds;
    while (challenge.len > 0) {
        if (!slice_split(challenge, ',', &field, &challenge)) {
            field = challenge;
            challenge = SLICE_EMPTY;
        }
        if (slice_starts(field, "i=") && num_parse_u64(slice_from(field, 2), 10, &rounds) &&
            rounds > AUTH_SCRAM_ROUNDS_MAX)
            abort();
    }
    return 0;
}

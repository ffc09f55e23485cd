#include "sasl/auth_challenge.h"

#include "base/num.h"

/* RFC 5802, section 7: "r=nonce,s=salt,i=4096". Rounds that are no number are left to the
 * implementation, which refuses them at once; so is a number that no u64 holds, but not by all. */
bool auth_challenge_check(const char *mechanism, struct slice challenge, struct err *err)
{
    struct slice rest = challenge, field;
    uint64_t rounds;
    if (!slice_starts_nocase(slice_of(mechanism), "SCRAM-"))
        return true;
    while (slice_next_token(&rest, ",", &field)) {
        if (!slice_starts(field, "i="))
            continue;
        field = slice_from(field, 2);
        if (!num_parse_u64(field, 10, &rounds) || rounds == 0 || rounds > AUTH_SCRAM_ROUNDS_MAX)
            return err_set(err, ERR_PERM, "bad number of rounds in the challenge");
    }
    return true;
}

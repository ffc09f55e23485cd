/*
 * auth_challenge: what is looked at in a server's challenge before an implementation of SASL sees
 * it. Pure; nothing it is given is trusted.
 */
#ifndef SASL_AUTH_CHALLENGE_H
#define SASL_AUTH_CHALLENGE_H

#include "base/err.h"
#include "base/slice.h"

/* Rounds of hashing that a server may ask for: RFC 5802 has no limit, and each costs us time. */
enum { AUTH_SCRAM_ROUNDS_MAX = 2 * 1000 * 1000 };

/* CHALLENGE, decoded, of MECHANISM: may the implementation work on it? ERR: why not. */
bool auth_challenge_check(const char *mechanism, struct slice challenge, struct err *err);

#endif

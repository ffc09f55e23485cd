/* base: the few macros every file uses. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(array)   (sizeof(array) / sizeof((array)[0]))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN          __attribute__((noreturn))
#define MUST_USE          __attribute__((warn_unused_result))
#define UNUSED            __attribute__((unused))
#define MIN(a, b)         ((a) < (b) ? (a) : (b))
#define MAX(a, b)         ((a) > (b) ? (a) : (b))
#define STR_HELPER(x)     #x
#define STR(x)            STR_HELPER(x)
/* CLEANUP(strbuf_done) struct strbuf b = ...; runs strbuf_done(&b) when b leaves its scope */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
/* the object that contains MEMBER at PTR */
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#include "base/banned.h"

#endif

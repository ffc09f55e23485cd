/* banned: functions that invite overflows or hidden state; use strbuf, slice and num instead. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* clang objects where the C library made macros of them (_FORTIFY_SOURCE); gcc sees all builds */
#ifndef __clang__
#pragma GCC poison strcpy strcat strncat sprintf vsprintf gets strtok atoi atol atoll
#pragma GCC poison asctime ctime gmtime localtime tmpnam mktemp
#endif

#endif

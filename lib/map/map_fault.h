/*
 * map_fault: read a file's memory map without trusting the file.
 *
 * Whoever may write a table can cut it off, and then touching a page that is gone is SIGBUS; a
 * library that follows a damaged offset out of the map gets SIGSEGV, one that divides by a damaged
 * size SIGFPE. Checking before each look-up costs a system call and leaves a gap; here the look-up
 * runs under handlers that turn the signal into an answer. Faults elsewhere are handled as before.
 *
 * A file that was cut off in the middle of a page shows zeros where it ends, without a signal: "not
 * there" must be checked against the file's size (map_db_file_is_whole()), and so must a value
 * that ends in zeros (map_fault_may_be_cut()).
 */
#ifndef MAP_MAP_FAULT_H
#define MAP_MAP_FAULT_H

#include "base/slice.h"

/* Install the handlers, unless they are there; before a table is opened that is read so. */
void map_fault_init(void);
/* Run WORK(CTX); false: it met a fault, or called map_fault_give_up(), and was left there and then.
 * What it allocated or locked stays so: what it may have been changing must not be used again. */
bool map_fault_try(void (*work)(void *ctx), void *ctx);
/* Leave the WORK under way in this thread; returns when there is none. For callbacks of libraries
 * that would call abort(). */
void map_fault_give_up(void);
/* May this text, without the NUL that ends it, come from behind the end of its file? */
static inline bool map_fault_may_be_cut(struct slice value)
{
    return value.len == 0 || value.s[value.len - 1] == 0;
}

#endif

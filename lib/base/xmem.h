/* xmem: memory that is there; running out of it ends the process (master starts it again). */
#ifndef BASE_XMEM_H
#define BASE_XMEM_H

#include "base/base.h"

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xzalloc(size_t size) __attribute__((malloc, returns_nonnull)); /* zeroed */
void *xrealloc(void *old, size_t size) __attribute__((returns_nonnull));
/* Room for COUNT items of SIZE bytes; a product that overflows ends the process. */
void *xrealloc_array(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t len) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) PRINTF(1, 2) __attribute__((malloc, returns_nonnull));

void xfree_ptr(void *pointer_to_pointer); /* for CLEANUP(xfree_ptr) char *p */

#endif

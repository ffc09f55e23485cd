/* postqueue_print: frames of showq(8) as the traditional listing or as JSON lines. */
#ifndef POSTQUEUE_POSTQUEUE_PRINT_H
#define POSTQUEUE_POSTQUEUE_PRINT_H

#include "base/strbuf.h"

struct postqueue_printer;

struct postqueue_printer *postqueue_printer_new(bool as_json); /* to standard output */
void postqueue_printer_free(struct postqueue_printer *p);
/* False: not a frame of a listing, or not where it belongs. */
bool postqueue_print(struct postqueue_printer *p, uint16_t kind, struct slice body);
void postqueue_print_end(struct postqueue_printer *p); /* totals */
bool postqueue_printer_failed(const struct postqueue_printer *p);
/* True, with errno: output was lost, now or earlier. */
bool postqueue_printer_flush(struct postqueue_printer *p);
/* Tests: what is to be written. */
struct strbuf *postqueue_printer_output(struct postqueue_printer *p);

#endif

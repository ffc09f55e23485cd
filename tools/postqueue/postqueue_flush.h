/* postqueue_flush: ask for delivery now. Each ends the process when the mail system is down. */
#ifndef POSTQUEUE_POSTQUEUE_FLUSH_H
#define POSTQUEUE_POSTQUEUE_FLUSH_H

void postqueue_flush_all(int verbose);
void postqueue_flush_file(const char *queue_id, int verbose);
void postqueue_flush_site(const char *site, int verbose);

#endif

/* pickup_scan: which files of maildrop/ are ready, and how many are worked on at once. */
#ifndef PICKUP_PICKUP_SCAN_H
#define PICKUP_PICKUP_SCAN_H

void pickup_scan_start(void);
void pickup_scan_now(void);
/* A message is settled; its file NAME may be looked at again. */
void pickup_scan_settled(const char *name);

#endif

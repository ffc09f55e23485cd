/* bounce_session: one client's connection: one question at a time, any number after each other. */
#ifndef BOUNCE_BOUNCE_SESSION_H
#define BOUNCE_BOUNCE_SESSION_H

void bounce_session_start(int fd);
/* Close what is idle; what is at work closes after its answer. */
void bounce_session_retire(void);

#endif

/* map_fault: see the header. */
#include "map/map_fault.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

static const int signals[] = {SIGBUS, SIGSEGV, SIGFPE};
static struct sigaction before[COUNT_OF(signals)];
static pthread_mutex_t installing = PTHREAD_MUTEX_INITIALIZER;

/* Where this thread's work goes on after a fault; NULL: nothing is being tried. */
static _Thread_local sigjmp_buf *way_out;

void map_fault_give_up(void)
{
    sigjmp_buf *to = way_out;
    way_out = NULL;
    if (to)
        siglongjmp(*to, 1);
}

/* Only what the processor raised itself (si_code > 0) belongs to the work. For the rest the former
 * handlers come back, and the instruction meets them when it is repeated. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code > 0)
        map_fault_give_up();
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        sigaction(signals[i], &before[i], NULL);
    if (info->si_code <= 0)
        raise(number); /* somebody sent it; it would not come again */
}

void map_fault_init(void)
{
    /* not blocked in the handler: it may not return */
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    struct sigaction now;
    sigemptyset(&action.sa_mask);
    pthread_mutex_lock(&installing);
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_sigaction != on_fault) {
            before[i] = now;
            sigaction(signals[i], &action, NULL);
        }
    pthread_mutex_unlock(&installing);
}

bool map_fault_try(void (*work)(void *ctx), void *ctx)
{
    sigjmp_buf here, *outer = way_out;
    bool came_through = sigsetjmp(here, 0) == 0;
    if (came_through) {
        way_out = &here;
        work(ctx);
    }
    way_out = outer;
    return came_through;
}

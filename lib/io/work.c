#include "io/work.h"

#include "base/xmem.h"
#include "io/fd.h"
#include "log/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct work {
    void (*run)(void *job);
    void (*done)(void *job);
    void *job;
    struct work *next;
};

struct queue {
    struct work *first, **last;
};

struct work_pool {
    struct loop *loop;
    struct watch *watch;
    int wake_fd; /* eventfd: threads tell the loop */
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct queue todo, finished;
    bool stop;
    size_t pending, thread_count;
    pthread_t threads[];
};

static void queue_add(struct queue *q, struct work *work)
{
    work->next = NULL;
    *q->last = work;
    q->last = &work->next;
}

static struct work *queue_take(struct queue *q)
{
    struct work *work = q->first;
    if (work) {
        q->first = work->next;
        if (!q->first)
            q->last = &q->first;
    }
    return work;
}

static void *work_thread(void *ctx)
{
    struct work_pool *pool = ctx;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct work *work = queue_take(&pool->todo);
        if (!work && pool->stop)
            break;
        if (!work) {
            pthread_cond_wait(&pool->has_work, &pool->lock);
            continue;
        }
        pthread_mutex_unlock(&pool->lock);
        work->run(work->job);
        pthread_mutex_lock(&pool->lock);
        bool was_empty = pool->finished.first == NULL;
        queue_add(&pool->finished, work);
        if (was_empty) { /* otherwise the loop has been told already */
            uint64_t one = 1;
            pthread_mutex_unlock(&pool->lock);
            bool told = write(pool->wake_fd, &one, sizeof one) >= 0 || errno == EAGAIN;
            pthread_mutex_lock(&pool->lock);
            if (!told)
                break;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void work_on_finished(void *owner, unsigned events)
{
    (void)events;
    struct work_pool *pool = owner;
    uint64_t count;
    if (read(pool->wake_fd, &count, sizeof count) < 0 && errno == EAGAIN)
        return;
    pthread_mutex_lock(&pool->lock);
    struct work *list = pool->finished.first;
    pool->finished = (struct queue){NULL, &pool->finished.first};
    pthread_mutex_unlock(&pool->lock);
    while (list) {
        struct work *work = list;
        list = work->next;
        pool->pending--;
        work->done(work->job);
        free(work);
    }
}

struct work_pool *work_pool_new(struct loop *loop, size_t threads)
{
    struct work_pool *pool = xzalloc(sizeof *pool + threads * sizeof pool->threads[0]);
    pool->loop = loop;
    pool->todo.last = &pool->todo.first;
    pool->finished.last = &pool->finished.first;
    pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->wake_fd < 0)
        log_fatal("eventfd: %s", strerror(errno));
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->has_work, NULL);
    pool->watch = watch_new(loop, pool->wake_fd, WATCH_READ, work_on_finished, pool);
    sigset_t all, old;
    sigfillset(&all); /* signals belong to the loop's thread */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (; pool->thread_count < threads; pool->thread_count++)
        if (pthread_create(&pool->threads[pool->thread_count], NULL, work_thread, pool) != 0)
            log_fatal("cannot start a worker thread");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return pool;
}

void work_pool_drain(struct work_pool *pool)
{
    struct pollfd wait = {.fd = pool->wake_fd, .events = POLLIN};
    while (pool->pending > 0)
        if (poll(&wait, 1, -1) > 0)
            work_on_finished(pool, WATCH_READ);
}

void work_pool_free(struct work_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->has_work);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    for (struct work *work; (work = queue_take(&pool->finished));)
        free(work);
    watch_free(pool->watch);
    fd_done(&pool->wake_fd);
    pthread_cond_destroy(&pool->has_work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

void work_submit(struct work_pool *pool, void (*run)(void *job), void (*done)(void *job), void *job)
{
    struct work *work = xzalloc(sizeof *work);
    *work = (struct work){.run = run, .done = done, .job = job};
    pool->pending++;
    pthread_mutex_lock(&pool->lock);
    queue_add(&pool->todo, work);
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_signal(&pool->has_work); /* not before: the thread would wake into a held lock */
}

size_t work_pending(const struct work_pool *pool)
{
    return pool->pending;
}

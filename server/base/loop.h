/*
 * An event loop on epoll: descriptors, timers and signals, one thread.
 *
 * Master, nursery, clerk and guard run on it.  Callbacks may add and remove any
 * watch or timer, their own included.  Signals arrive through signalfd; no code
 * of ours ever runs in a signal handler.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_timer;
struct signalfd_siginfo;

typedef void loop_fd_fn(struct loop *loop, int fd, uint32_t epoll_events, void *context);
typedef void loop_timer_fn(struct loop *loop, void *context);
typedef void loop_signal_fn(struct loop *loop, const struct signalfd_siginfo *info, void *context);

/* NULL when memory or descriptors ran out. */
struct loop *loop_new(void);
/* Frees everything that belongs to the loop; closes none of the watched descriptors. */
void loop_free(struct loop **loop);

/* Watch fd for epoll events (EPOLLIN, EPOLLOUT, EPOLLEXCLUSIVE ...); a second call for the
 * same fd changes the mask and callback.  False with errno. */
bool loop_watch(struct loop *loop, int fd, uint32_t epoll_events, loop_fd_fn *fn, void *context);
/* Stop watching; harmless when it was not watched.  Call before closing the fd. */
void loop_unwatch(struct loop *loop, int fd);

/* A timer, not yet armed; the loop owns it.  NULL when memory ran out. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *fn, void *context);
/* Fire once at deadline_ms (monotonic); CLOCK_NEVER disarms. */
void loop_timer_set(struct loop_timer *timer, int64_t deadline_ms);
void loop_timer_free(struct loop_timer **timer);

/* Block the signals in set and deliver them to fn from the loop.  False with errno. */
bool loop_signals(struct loop *loop, const sigset_t *set, loop_signal_fn *fn, void *context);

/* Run until loop_stop; returns the value given to it, or -1 when the kernel refuses to wait (never
 * seen).  A stop from before the run counts. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop, int value);

#endif

/*
 * The two clocks.  Monotonic time for every timeout and duration, wall time for
 * logs and listings only: a jump of the wall clock must not end a session.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_NEVER INT64_MAX /* a deadline that does not come */

/* Milliseconds on CLOCK_MONOTONIC. */
int64_t clock_mono_ms(void);
/* Milliseconds from now to the deadline for poll(2) and epoll_wait(2): 0 if past, -1 for
 * CLOCK_NEVER. */
int clock_poll_ms(int64_t deadline_ms);
/* Wall time, for logs. */
struct timespec clock_wall(void);
#define CLOCK_RFC3339_BYTES 32
/* "2026-11-20T10:26:31.042Z"; always UTC. */
void clock_rfc3339(struct timespec when, char out[CLOCK_RFC3339_BYTES]);
/* UTC calendar fields of seconds since the epoch, without timezone files (works in a chroot). */
void clock_utc(int64_t seconds, struct tm *out);
/* The reverse: seconds since the epoch of a UTC calendar time; fields must be in range. */
int64_t clock_from_utc(const struct tm *fields);

#endif

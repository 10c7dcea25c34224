#include "server/base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"

#define BATCH_EVENTS  32
#define CHUNK_WATCHES 32 /* watches are kept in chunks, so that one high descriptor costs little \
	                  */

struct watch {
	loop_fd_fn *fn; /* NULL: not watched */
	void *context;
	uint32_t events;
	uint32_t generation; /* counts the times this number was put under watch */
};

struct loop_timer {
	struct loop *loop;
	loop_timer_fn *fn;
	void *context;
	int64_t deadline_ms; /* CLOCK_NEVER: not armed, and not in the heap */
	size_t place;        /* in the heap */
	struct loop_timer *next, *previous;
};

struct loop {
	int epoll_fd;
	int signal_fd;
	loop_signal_fn *signal_fn;
	void *signal_context;
	struct watch **chunks; /* chunks[fd / CHUNK_WATCHES][fd % CHUNK_WATCHES] */
	size_t chunk_count;
	struct loop_timer *timers; /* all of them, armed or not */
	struct loop_timer **heap;  /* armed ones, the earliest first; room for all */
	size_t timer_count, heap_size, heap_count;
	bool stopped;
	int stop_value;
};

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return NULL;
	loop->signal_fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop **loop_pointer)
{
	struct loop *loop = *loop_pointer;

	if (loop == NULL)
		return;
	/* No EPOLL_CTL_DEL: after fork the epoll instance is the parent's too. */
	io_close(&loop->epoll_fd);
	io_close(&loop->signal_fd);
	while (loop->timers != NULL) {
		struct loop_timer *timer = loop->timers;

		loop->timers = timer->next;
		free(timer);
	}
	for (size_t i = 0; i < loop->chunk_count; i++)
		free(loop->chunks[i]);
	free(loop->chunks);
	free(loop->heap);
	free(loop);
	*loop_pointer = NULL;
}

/* --- descriptors -------------------------------------------------------------------------- */

static struct watch *find_watch(const struct loop *loop, int fd)
{
	size_t chunk = (size_t)fd / CHUNK_WATCHES;

	if (fd < 0 || chunk >= loop->chunk_count || loop->chunks[chunk] == NULL)
		return NULL;
	return &loop->chunks[chunk][(size_t)fd % CHUNK_WATCHES];
}

/* The place for fd's watch, made when there is none; NULL when memory ran out. */
static struct watch *make_watch(struct loop *loop, int fd)
{
	size_t chunk = (size_t)fd / CHUNK_WATCHES;

	if (chunk >= loop->chunk_count) {
		size_t count = chunk + 1 + chunk / 2;
		struct watch **chunks = realloc(loop->chunks, count * sizeof(*chunks));

		if (chunks == NULL)
			return NULL;
		memset(
		    chunks + loop->chunk_count, 0, (count - loop->chunk_count) * sizeof(*chunks));
		loop->chunks = chunks;
		loop->chunk_count = count;
	}
	if (loop->chunks[chunk] == NULL)
		loop->chunks[chunk] = calloc(CHUNK_WATCHES, sizeof(struct watch));
	return find_watch(loop, fd);
}

static bool epoll_set(
    struct loop *loop, int operation, int fd, uint32_t events, uint32_t generation)
{
	struct epoll_event event = {
		.events = events,
		.data.u64 = (uint64_t)generation << 32 | (uint32_t)fd,
	};

	return epoll_ctl(loop->epoll_fd, operation, fd, &event) == 0;
}

/* Change a watch in place.  False with errno: ENOENT when the kernel does not have it. */
static bool change_watch(struct loop *loop, int fd, const struct watch *watch, uint32_t events)
{
	if (((watch->events | events) & EPOLLEXCLUSIVE) == 0)
		return epoll_set(loop, EPOLL_CTL_MOD, fd, events, watch->generation);
	/* The kernel never modifies an exclusive watch, nor turns one into it. */
	if (!epoll_set(loop, EPOLL_CTL_DEL, fd, 0, 0))
		return false;
	return epoll_set(loop, EPOLL_CTL_ADD, fd, events, watch->generation);
}

bool loop_watch(struct loop *loop, int fd, uint32_t epoll_events, loop_fd_fn *fn, void *context)
{
	struct watch *watch;

	if (fd < 0) {
		errno = EBADF;
		return false;
	}
	watch = make_watch(loop, fd);
	if (watch == NULL)
		return false;
	if (watch->fn != NULL) {
		if (change_watch(loop, fd, watch, epoll_events))
			goto out;
		/* The watched descriptor was closed and this is another of the same number. */
		watch->fn = NULL;
		if (errno != ENOENT)
			return false;
	}
	if (!epoll_set(loop, EPOLL_CTL_ADD, fd, epoll_events, watch->generation + 1))
		return false;
	watch->generation++;
out:
	watch->fn = fn;
	watch->context = context;
	watch->events = epoll_events;
	return true;
}

void loop_unwatch(struct loop *loop, int fd)
{
	struct watch *watch = find_watch(loop, fd);

	if (watch == NULL || watch->fn == NULL)
		return;
	watch->fn = NULL;
	epoll_set(loop, EPOLL_CTL_DEL, fd, 0, 0);
}

/* A callback earlier in the batch may have ended this watch, or put another in its place. */
static void dispatch(struct loop *loop, const struct epoll_event *event)
{
	int fd = (int)(uint32_t)event->data.u64;
	const struct watch *watch = find_watch(loop, fd);
	uint32_t events;

	if (watch == NULL || watch->fn == NULL ||
	    watch->generation != (uint32_t)(event->data.u64 >> 32))
		return;
	events = event->events & (watch->events | EPOLLERR | EPOLLHUP);
	if (events != 0)
		watch->fn(loop, fd, events, watch->context);
}

/* --- timers: a binary heap, the earliest deadline at the top ------------------------------ */

static void put_in_place(struct loop *loop, size_t place, struct loop_timer *timer)
{
	loop->heap[place] = timer;
	timer->place = place;
}

static void sift_up(struct loop *loop, struct loop_timer *timer)
{
	size_t place = timer->place;

	while (place > 0) {
		struct loop_timer *parent = loop->heap[(place - 1) / 2];

		if (parent->deadline_ms <= timer->deadline_ms)
			break;
		put_in_place(loop, place, parent);
		place = (place - 1) / 2;
	}
	put_in_place(loop, place, timer);
}

static void sift_down(struct loop *loop, struct loop_timer *timer)
{
	size_t place = timer->place;

	for (;;) {
		size_t child = 2 * place + 1;

		if (child >= loop->heap_count)
			break;
		if (child + 1 < loop->heap_count &&
		    loop->heap[child + 1]->deadline_ms < loop->heap[child]->deadline_ms)
			child++;
		if (timer->deadline_ms <= loop->heap[child]->deadline_ms)
			break;
		put_in_place(loop, place, loop->heap[child]);
		place = child;
	}
	put_in_place(loop, place, timer);
}

static void disarm(struct loop_timer *timer)
{
	struct loop *loop = timer->loop;
	struct loop_timer *last;

	if (timer->deadline_ms == CLOCK_NEVER)
		return;
	timer->deadline_ms = CLOCK_NEVER;
	last = loop->heap[--loop->heap_count];
	if (last == timer)
		return;
	put_in_place(loop, timer->place, last);
	sift_up(loop, last);
	sift_down(loop, last);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *fn, void *context)
{
	struct loop_timer *timer;

	/* Room in the heap is made here, so that arming cannot fail. */
	if (loop->timer_count == loop->heap_size) {
		size_t size = loop->heap_size == 0 ? 4 : loop->heap_size * 2;
		struct loop_timer **heap = realloc(loop->heap, size * sizeof(struct loop_timer *));

		if (heap == NULL)
			return NULL;
		loop->heap = heap;
		loop->heap_size = size;
	}
	timer = calloc(1, sizeof(*timer));
	if (timer == NULL)
		return NULL;
	timer->loop = loop;
	timer->fn = fn;
	timer->context = context;
	timer->deadline_ms = CLOCK_NEVER;
	timer->next = loop->timers;
	if (timer->next != NULL)
		timer->next->previous = timer;
	loop->timers = timer;
	loop->timer_count++;
	return timer;
}

void loop_timer_set(struct loop_timer *timer, int64_t deadline_ms)
{
	struct loop *loop = timer->loop;

	disarm(timer);
	if (deadline_ms == CLOCK_NEVER)
		return;
	timer->deadline_ms = deadline_ms;
	put_in_place(loop, loop->heap_count++, timer);
	sift_up(loop, timer);
}

void loop_timer_free(struct loop_timer **timer_pointer)
{
	struct loop_timer *timer = *timer_pointer;

	if (timer == NULL)
		return;
	disarm(timer);
	if (timer->previous != NULL)
		timer->previous->next = timer->next;
	else
		timer->loop->timers = timer->next;
	if (timer->next != NULL)
		timer->next->previous = timer->previous;
	timer->loop->timer_count--;
	free(timer);
	*timer_pointer = NULL;
}

static void fire_timers(struct loop *loop)
{
	int64_t now = loop->heap_count > 0 ? clock_mono_ms() : 0;
	/* One that arms itself again for now waits for the next round, or descriptors would starve.
	 */
	size_t turns = loop->heap_count;

	while (turns-- > 0 && loop->heap_count > 0 && !loop->stopped) {
		struct loop_timer *timer = loop->heap[0];

		if (timer->deadline_ms > now)
			break;
		disarm(timer);
		timer->fn(loop, timer->context);
	}
}

/* --- signals ------------------------------------------------------------------------------ */

static void read_signals(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct signalfd_siginfo info;

	(void)events;
	(void)context;
	/* What is left when a callback stops the loop stays pending in the kernel. */
	while (!loop->stopped && io_read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		loop->signal_fn(loop, &info, loop->signal_context);
}

bool loop_signals(struct loop *loop, const sigset_t *set, loop_signal_fn *fn, void *context)
{
	int fd;

	if (sigprocmask(SIG_BLOCK, set, NULL) != 0)
		return false;
	fd = signalfd(loop->signal_fd, set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return false;
	loop->signal_fd = fd;
	loop->signal_fn = fn;
	loop->signal_context = context;
	return loop_watch(loop, fd, EPOLLIN, read_signals, NULL);
}

/* --- the loop ----------------------------------------------------------------------------- */

int loop_run(struct loop *loop)
{
	struct epoll_event batch[BATCH_EVENTS];

	while (!loop->stopped) {
		int wait_ms = loop->heap_count > 0 ? clock_poll_ms(loop->heap[0]->deadline_ms) : -1;
		int count = epoll_wait(loop->epoll_fd, batch, BATCH_EVENTS, wait_ms);

		if (count < 0 && errno != EINTR)
			return -1;
		for (int i = 0; i < count && !loop->stopped; i++)
			dispatch(loop, &batch[i]);
		fire_timers(loop);
	}
	loop->stopped = false;
	return loop->stop_value;
}

void loop_stop(struct loop *loop, int value)
{
	loop->stopped = true;
	loop->stop_value = value;
}

#include "server/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/os_linux.h"
#include "server/base/pages.h"
#include "server/base/secret.h"
#include "server/guard_client.h"
#include "server/nursery_messages.h"
#include "server/wire.h"

#define PID_BUCKETS          1024
#define LEASH_WORDS_MAX      3 /* that a guard ever says: WAITING, BUSY, REIN */
#define FORKS_PER_TURN       8 /* then the loop may look at what else there is */
#define FORK_RETRY_MS        500
#define FAILURE_PAUSE_MIN_MS 100
#define FAILURE_PAUSE_MAX_MS 5000

/* --- pairs ---------------------------------------------------------------------------------- */

struct pair;

/* One process. */
struct half {
	struct pair *pair;
	struct half *next; /* in the bucket of its pid */
	enum role_id role;
	pid_t pid;    /* 0: none, or reaped */
	int leash_fd; /* -1: nothing more to hear */
	bool waiting; /* set up, and ready for a client */
};

enum pair_state {
	PAIR_IDLE,    /* counts as spare */
	PAIR_BUSY,    /* has a client */
	PAIR_LEAVING, /* was let go, or lost a half while idle */
};

struct pair {
	struct pool *pool;
	struct pair *next, *previous;
	enum pair_state state;
	bool inherits; /* its client comes from a session that was given up */
	struct half guard, front;
	uint32_t listener; /* its client came by this one */
	uint64_t cookie;   /* of the client's connection; 0: none, or it was given up */
	int64_t widowed_at; /* one half has ended; CLOCK_NEVER: none */
	bool hung;          /* the front, says the guard that has ended */
	bool killed;        /* by us: no crash */
};

struct pool {
	struct loop *loop;
	const struct session_start *start;
	struct pool_owner owner;
	struct loop_timer *tick;  /* every POOL_TICK_MS */
	struct loop_timer *again; /* fork more */
	struct pool_target target;
	struct pair *pairs;
	struct half *buckets[PID_BUCKETS];
	uint32_t idle;
	uint32_t waiting; /* idle pairs whose halves are both set up */
	bool was_ready, retired, quiet_told, empty_told;
	int64_t hold_until; /* fork nothing before */
	int64_t pause_ms;   /* next pause after an idle pair died; doubles */
	int64_t complained_at;
	struct nursery_client *message; /* NURSERY_CLIENT_MAX_BYTES: the last one of a leash */
};

static void stop_hearing(struct half *half)
{
	if (half->leash_fd < 0)
		return;
	loop_unwatch(half->pair->pool->loop, half->leash_fd);
	io_close(&half->leash_fd);
}

static bool both_wait(const struct pair *pair)
{
	return pair->guard.waiting && pair->front.waiting;
}

/* From now on it is no spare pair. */
static void leave_idle(struct pair *pair, enum pair_state state)
{
	struct pool *pool = pair->pool;

	if (pair->state == PAIR_IDLE) {
		pool->idle--;
		pool->waiting -= both_wait(pair);
	}
	pair->state = state;
}

static void complain(struct pool *pool, int error)
{
	int64_t now = clock_mono_ms();

	if (pool->complained_at != 0 && now - pool->complained_at < POOL_COMPLAIN_MS)
		return;
	pool->complained_at = now;
	pool->owner.failed(pool->owner.context, error);
}

/* --- the leash ------------------------------------------------------------------------------ */

static bool fork_heir(struct pool *pool, size_t length, int client_fd);

static void on_waiting(struct half *half)
{
	struct pool *pool = half->pair->pool;

	if (half->waiting)
		return;
	half->waiting = true;
	if (half->role == ROLE_FRONT)
		stop_hearing(half);
	if (half->pair->state != PAIR_IDLE || !both_wait(half->pair))
		return;
	pool->waiting++;
	pool->pause_ms = FAILURE_PAUSE_MIN_MS;
	if (!pool->was_ready && pool->waiting >= pool->target.min) {
		pool->was_ready = true;
		pool->owner.ready(pool->owner.context);
	}
}

static void check_quiet(struct pool *pool);

static void on_busy(struct half *half, const struct nursery_client *client)
{
	struct pool *pool = half->pair->pool;

	half->pair->listener = client->listener;
	half->pair->cookie = client->cookie;
	if (half->pair->state != PAIR_IDLE) {
		half->pair->state = PAIR_BUSY; /* it took a client while we let it go */
		check_quiet(pool);
		return;
	}
	leave_idle(half->pair, PAIR_BUSY);
	pool_target_taken(&pool->target, pool->waiting, clock_mono_ms());
	pool_fill(pool);
}

/* The only words of ours that a client ever reads: nobody else is left to say them. */
static void apologise(int client_fd)
{
	static const char line[] = "421 Service not available, please connect again.\r\n";
	char waste[512];

	(void)send(client_fd, line, sizeof(line) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(client_fd, SHUT_WR);
	/* Bytes left unread would turn the close into a reset, which overtakes the line. */
	(void)recv(client_fd, waste, sizeof(waste), MSG_DONTWAIT);
}

/*
 * A session is over and its connection begins another (REIN).  The guard may be in the hands of its
 * client by now: what it passes is taken only if it is the socket that it had as a stranger.  Who
 * begins anew shall do so under the configuration that holds: a retired nursery makes no pairs.
 */
static void on_rein(struct half *half, size_t length, int client_fd)
{
	struct pair *pair = half->pair;
	struct pool *pool = pair->pool;

	stop_hearing(half);
	if (pair->cookie == 0 || os_socket_cookie(client_fd) != pair->cookie)
		return;
	pool->message->kind = NURSERY_LEASH_INHERIT;
	pool->message->listener = pair->listener;
	pool->message->cookie = pair->cookie;
	pair->cookie = 0;
	if (pool->retired || !fork_heir(pool, length, client_fd))
		apologise(client_fd);
}

static void hear(struct half *half, size_t length, int passed_fd)
{
	const struct nursery_client *client = half->pair->pool->message;
	const bool whole = length >= sizeof(*client) && half->role == ROLE_GUARD;

	if (length == 1 && client->kind == NURSERY_LEASH_WAITING)
		on_waiting(half);
	else if (length == sizeof(*client) && whole && client->kind == NURSERY_LEASH_BUSY)
		on_busy(half, client);
	else if (whole && client->kind == NURSERY_LEASH_REIN && passed_fd >= 0)
		on_rein(half, length, passed_fd);
	else
		stop_hearing(half); /* it is ending: waitpid tells the rest */
}

static void on_leash(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct half *half = context;
	struct pool *pool = half->pair->pool;
	int passed_fd = -1;
	ssize_t got = wire_receive(fd, pool->message, NURSERY_CLIENT_MAX_BYTES, &passed_fd);

	(void)loop;
	(void)events;
	if (got < 0 && errno == EAGAIN)
		return;
	hear(half, got > 0 ? (size_t)got : 0, passed_fd);
	/* What a client sent ahead may hold a password. */
	if (got > 0)
		secret_wipe(pool->message, (size_t)got);
	io_close(&passed_fd);
}

/* --- birth ---------------------------------------------------------------------------------- */

/* Close what belongs to the nursery and to other pairs; a half has no other business than its own.
 */
static bool keep_only(const struct session_start *start, enum role_id role)
{
	size_t listeners = role == ROLE_GUARD ? start->conf->listener_count : 0;
	int *keep = calloc(listeners + 5, sizeof(*keep));
	size_t count = 0;
	bool ok;

	if (keep == NULL)
		return false;
	keep[count++] = start->wall_fd;
	keep[count++] = start->leash_fd;
	keep[count++] = role == ROLE_GUARD ? start->door_fd : start->empty_dir_fd;
	keep[count++] = role == ROLE_GUARD ? start->users_dir_fd : -1;
	keep[count++] = role == ROLE_GUARD ? start->keeper_door_fd : -1;
	for (size_t i = 0; i < listeners; i++)
		keep[count++] = start->listener_fds[i];
	ok = os_close_all_but(STDERR_FILENO + 1, keep, count);
	free(keep);
	return ok;
}

_Noreturn static void run_half(
    const struct half *half, enum role_id role, int wall_fd, int leash_fd)
{
	struct session_start start = *half->pair->pool->start;

	start.inherits = half->pair->inherits;
	start.wall_fd = wall_fd;
	start.leash_fd = leash_fd;
	start.front_pid = half->pair->front.pid;
	/* In this order: under its limit a half could open nothing while it holds all of ours. */
	if (!keep_only(&start, role))
		_exit(SESSION_EXIT_FAILED);
	roles_apply_limits(role);
	if (role == ROLE_GUARD)
		guard_run(&start);
	front_run(&start);
}

static bool fork_half(struct half *half, enum role_id role, int wall_fd)
{
	struct pool *pool = half->pair->pool;
	int leash[2] = { -1, -1 };
	pid_t pid = -1;

	if (!wire_pair(leash))
		return false;
	pid = fork();
	if (pid == 0)
		run_half(half, role, wall_fd, leash[1]);
	io_close(&leash[1]);
	if (pid < 0 || !loop_watch(pool->loop, leash[0], EPOLLIN, on_leash, half)) {
		/* A child without a leash in our hand takes it for retired. */
		io_close(&leash[0]);
	}
	if (pid < 0)
		return false;
	half->pid = pid;
	half->role = role;
	half->leash_fd = leash[0];
	half->next = pool->buckets[(size_t)pid % PID_BUCKETS];
	pool->buckets[(size_t)pid % PID_BUCKETS] = half;
	return true;
}

static void link_pair(struct pair *pair)
{
	struct pool *pool = pair->pool;

	pair->next = pool->pairs;
	if (pair->next != NULL)
		pair->next->previous = pair;
	pool->pairs = pair;
}

/* NULL with errno when nothing, or only a front that goes away again, was made. */
static struct pair *fork_pair(struct pool *pool, bool inherits)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int wall[2] = { -1, -1 };
	int error;

	if (pair == NULL)
		return NULL;
	pair->pool = pool;
	pair->state = PAIR_LEAVING;
	pair->inherits = inherits;
	pair->widowed_at = CLOCK_NEVER;
	pair->guard = (struct half){ .pair = pair, .leash_fd = -1 };
	pair->front = (struct half){ .pair = pair, .leash_fd = -1 };
	if (wire_pair(wall) && fork_half(&pair->front, ROLE_FRONT, wall[1]) &&
	    fork_half(&pair->guard, ROLE_GUARD, wall[0])) {
		pair->state = inherits ? PAIR_BUSY : PAIR_IDLE;
		pool->idle += !inherits;
	}
	error = errno;
	io_close(&wall[0]);
	io_close(&wall[1]);
	if (pair->front.pid == 0) {
		free(pair);
		errno = error;
		return NULL;
	}
	link_pair(pair);
	errno = error;
	return pair->state != PAIR_LEAVING ? pair : NULL;
}

/* A pair for one connection, which is not among those that wait for clients. */
static bool fork_heir(struct pool *pool, size_t length, int client_fd)
{
	struct pair *heir = fork_pair(pool, true);

	if (heir == NULL) {
		complain(pool, errno);
		return false;
	}
	return wire_send(heir->guard.leash_fd, pool->message, length, client_fd);
}

void pool_fill(struct pool *pool)
{
	int64_t now = clock_mono_ms();

	for (int i = 0; i < FORKS_PER_TURN; i++) {
		if (pool->retired || pool->idle >= pool->target.now)
			return;
		if (now < pool->hold_until) {
			loop_timer_set(pool->again, pool->hold_until);
			return;
		}
		if (fork_pair(pool, false) == NULL) {
			pool->hold_until = now + FORK_RETRY_MS;
			complain(pool, errno);
		}
	}
	loop_timer_set(pool->again, now);
}

static void on_again(struct loop *loop, void *context)
{
	(void)loop;
	pool_fill(context);
}

/* --- the end -------------------------------------------------------------------------------- */

/* An idle guard whose leash ends goes, and its front with it.  Our half stays open: the guard may
 * have taken a client just now, and says so. */
static void let_go(struct pair *pair)
{
	leave_idle(pair, PAIR_LEAVING);
	if (pair->guard.leash_fd >= 0)
		shutdown(pair->guard.leash_fd, SHUT_WR);
}

static void check_quiet(struct pool *pool)
{
	if (!pool->retired || pool->quiet_told)
		return;
	for (const struct pair *pair = pool->pairs; pair != NULL; pair = pair->next)
		if (pair->state != PAIR_BUSY)
			return;
	pool->quiet_told = true;
	pool->owner.quiet(pool->owner.context);
}

static void check_empty(struct pool *pool)
{
	if (!pool->retired || pool->pairs != NULL || pool->empty_told)
		return;
	pool->empty_told = true;
	pool->owner.empty(pool->owner.context);
}

static void free_pair(struct pair *pair)
{
	struct pool *pool = pair->pool;

	stop_hearing(&pair->guard);
	stop_hearing(&pair->front);
	if (pair->previous != NULL)
		pair->previous->next = pair->next;
	else
		pool->pairs = pair->next;
	if (pair->next != NULL)
		pair->next->previous = pair->previous;
	free(pair);
	check_empty(pool);
}

void pool_retire(struct pool *pool)
{
	pool->retired = true;
	for (struct pair *pair = pool->pairs; pair != NULL; pair = pair->next)
		if (pair->state == PAIR_IDLE)
			let_go(pair);
	check_quiet(pool);
	check_empty(pool);
}

/* An idle pair died without being told to: do not fork and lose pairs in a circle. */
static void idle_pair_failed(struct pool *pool)
{
	pool->hold_until = clock_mono_ms() + pool->pause_ms;
	if (pool->pause_ms < FAILURE_PAUSE_MAX_MS)
		pool->pause_ms *= 2;
	complain(pool, 0);
}

static struct half *take_half(struct pool *pool, pid_t pid)
{
	struct half **link = &pool->buckets[(size_t)pid % PID_BUCKETS];
	struct half *half;

	while (*link != NULL && (*link)->pid != pid)
		link = &(*link)->next;
	half = *link;
	if (half != NULL)
		*link = half->next;
	return half;
}

bool pool_is_crash(int wait_status)
{
	int status;

	if (!WIFEXITED(wait_status))
		return true;
	/* A front whose guard ended first did nothing wrong; the guard's own end tells.  A guard whose
	 * front hangs did nothing wrong either: it is the front that counts. */
	status = WEXITSTATUS(wait_status);
	return status >= NURSERY_EXIT_FAILED && status != GUARD_CLIENT_EXIT_GONE &&
	       status != SESSION_EXIT_FRONT_HANGS;
}

static bool says_front_hangs(int wait_status)
{
	return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == SESSION_EXIT_FRONT_HANGS;
}

/*
 * The guard may have said that it is busy just before one of them died: a session can be over
 * before we are told that it began, and that is no failure of an idle pair.
 */
static void hear_last_words(struct pair *pair)
{
	struct half *guard = &pair->guard;

	if (guard->leash_fd >= 0 && io_set_nonblocking(guard->leash_fd, true))
		for (int i = 0; i < LEASH_WORDS_MAX && guard->leash_fd >= 0; i++)
			on_leash(pair->pool->loop, guard->leash_fd, EPOLLIN, guard);
}

void pool_reaped(struct pool *pool, pid_t pid, int wait_status)
{
	struct half *half = take_half(pool, pid);
	struct pair *pair;

	if (half == NULL)
		return;
	pair = half->pair;
	hear_last_words(pair);
	half->pid = 0;
	stop_hearing(half);
	if (half->role == ROLE_GUARD && says_front_hangs(wait_status))
		pair->hung = true;
	if ((pool_is_crash(wait_status) && !pair->killed) ||
	    (half->role == ROLE_FRONT && pair->hung))
		pool->owner.crashed(pool->owner.context, half->role, pid, wait_status);
	if (pair->state == PAIR_IDLE) {
		let_go(pair);
		idle_pair_failed(pool);
	}
	if (pair->guard.pid == 0 && pair->front.pid == 0)
		free_pair(pair);
	else
		pair->widowed_at = clock_mono_ms();
	check_quiet(pool);
	pool_fill(pool);
}

/* --- the clock ------------------------------------------------------------------------------ */

/* A half that hangs after the other has ended is of no use to anybody. */
static void bury_widows(struct pool *pool, int64_t now)
{
	for (struct pair *pair = pool->pairs; pair != NULL; pair = pair->next) {
		pid_t left = pair->guard.pid != 0 ? pair->guard.pid : pair->front.pid;

		if (pair->killed || pair->widowed_at == CLOCK_NEVER ||
		    now - pair->widowed_at < (pair->hung ? POOL_HUNG_MS : POOL_WIDOW_MS))
			continue;
		pair->killed = kill(left, SIGKILL) == 0;
	}
}

static void trim(struct pool *pool)
{
	struct pair *pair = pool->pairs;
	struct pair *next;

	for (; pair != NULL && pool->idle > pool->target.now; pair = next) {
		next = pair->next;
		if (pair->state == PAIR_IDLE)
			let_go(pair);
	}
}

static void on_tick(struct loop *loop, void *context)
{
	struct pool *pool = context;
	int64_t now = clock_mono_ms();

	(void)loop;
	pool_target_calm(&pool->target, now);
	trim(pool);
	bury_widows(pool, now);
	loop_timer_set(pool->tick, now + POOL_TICK_MS);
}

struct pool *pool_new(
    struct loop *loop, const struct session_start *start, const struct pool_owner *owner)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->loop = loop;
	pool->start = start;
	pool->owner = *owner;
	pool->pause_ms = FAILURE_PAUSE_MIN_MS;
	pool->tick = loop_timer_new(loop, on_tick, pool);
	pool->again = loop_timer_new(loop, on_again, pool);
	/* Not for children to see: a client's bytes of one session are no other's affair. */
	pool->message = pages_new(NURSERY_CLIENT_MAX_BYTES);
	if (pool->tick == NULL || pool->again == NULL || pool->message == NULL ||
	    madvise(pool->message, NURSERY_CLIENT_MAX_BYTES, MADV_DONTFORK) != 0) {
		pool_free(&pool);
		return NULL;
	}
	pool_target_init(
	    &pool->target, start->conf->spare_min, start->conf->spare_max, clock_mono_ms());
	loop_timer_set(pool->tick, clock_mono_ms() + POOL_TICK_MS);
	return pool;
}

void pool_free(struct pool **pool_pointer)
{
	struct pool *pool = *pool_pointer;
	struct pair *next;

	if (pool == NULL)
		return;
	pool->retired = pool->quiet_told = pool->empty_told = true;
	for (struct pair *pair = pool->pairs; pair != NULL; pair = next) {
		next = pair->next;
		free_pair(pair);
	}
	if (pool->tick != NULL)
		loop_timer_free(&pool->tick);
	if (pool->again != NULL)
		loop_timer_free(&pool->again);
	pages_free(pool->message, NURSERY_CLIENT_MAX_BYTES);
	free(pool);
	*pool_pointer = NULL;
}

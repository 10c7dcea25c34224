/* The master's end: let sessions finish, tell them to, make them. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/master_private.h"
#include "server/notify.h"

#define CLERK_POLL_MS 10

static void enter(struct master *master, enum master_phase phase, int64_t wait_ms)
{
	master->phase = phase;
	loop_timer_set(master->stop_timer, clock_mono_ms() + wait_ms);
	if (phase == MASTER_KILLING)
		master_kill_all(master);
	else
		master_tell_drain(master);
}

/* The next harder step; also the timer between the steps. */
static void press_harder(struct master *master)
{
	if (master->phase == MASTER_DRAINING)
		enter(master, MASTER_LEAVING, MASTER_GOODBYE_MS);
	else if (master->phase == MASTER_LEAVING)
		enter(master, MASTER_KILLING, MASTER_KILLED_MS);
	else
		loop_stop(master->loop,
		    EXIT_FAILURE); /* something in the kernel does not let go of them */
}

static void on_stop_timer(struct loop *loop, void *context)
{
	(void)loop;
	press_harder(context);
}

void master_stop(struct master *master, bool now)
{
	int64_t drain_ms = master->now.conf->drain_timeout;

	if (master->phase == MASTER_STARTING) {
		loop_stop(master->loop, EXIT_SUCCESS);
		return;
	}
	if (master->phase >= MASTER_DRAINING) {
		if (master->phase != MASTER_KILLING)
			enter(master, MASTER_KILLING, MASTER_KILLED_MS);
		return;
	}
	notify_send("STOPPING=1");
	master_log(master, EVENT_STOP, now ? "INT: now" : "TERM: when the transfers have ended");
	master->stop_timer = loop_timer_new(master->loop, on_stop_timer, master);
	loop_timer_set(master->nursery_timer, CLOCK_NEVER);
	master_retire_all(master);
	/* Their rows stay in the configuration; the sockets go: a successor may listen at once. */
	master_setup_clear(&master->next, NULL);
	listeners_close_except(&master->now.listeners, NULL);
	master_control_yield(master);
	if (now || drain_ms == 0)
		enter(master, MASTER_LEAVING, MASTER_GOODBYE_MS);
	else
		enter(master, MASTER_DRAINING, drain_ms);
	master_check_stopped(master);
}

void master_check_stopped(struct master *master)
{
	if (master->phase >= MASTER_DRAINING && master->nurseries == NULL &&
	    master->keepers == NULL)
		loop_stop(master->loop, EXIT_SUCCESS);
}

void master_farewell(struct master *master)
{
	int64_t deadline;

	if (master->phase >= MASTER_DRAINING)
		master_log(master, EVENT_STOPPED, NULL);
	if (master->clerk_pid > 0 && master->log != NULL)
		clerk_client_flush(master->log, MASTER_FLUSH_MS);
	/* A clerk without clients ends when the master lets go of it. */
	clerk_client_free(&master->log);
	io_close(&master->clerk_fd);
	io_close(&master->door_send_fd);
	master_kill_all(master);
	deadline = clock_mono_ms() + MASTER_FLUSH_MS;
	while (master->clerk_pid > 0 && waitpid(master->clerk_pid, NULL, WNOHANG) == 0) {
		if (clock_mono_ms() >= deadline)
			kill(master->clerk_pid, SIGKILL);
		poll(NULL, 0, CLERK_POLL_MS);
	}
}

/*
 * The master's keepers of private keys: one for each nursery.
 *
 * A generation's keeper comes before its nursery, which is started when the keys are loaded: what is wrong with a
 * key file stops the start, or the reload.  It outlives the nursery as long as a session does, since SSH asks for
 * signatures again and again.  The master holds the receiving end of its door, so that a keeper that died can
 * be followed by another; of the sending end it lets go, and so a keeper sees when nobody is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"
#include "server/keeper.h"
#include "server/master_private.h"

#define FILES_BESIDE_CLIENTS 64

static bool is_stopping(const struct master *master)
{
	return master->phase >= MASTER_DRAINING;
}

static void free_keeper(struct master_keeper *keeper)
{
	if (keeper->channel_fd >= 0)
		loop_unwatch(keeper->master->loop, keeper->channel_fd);
	if (keeper->timer != NULL)
		loop_timer_free(&keeper->timer);
	io_close(&keeper->channel_fd);
	io_close(&keeper->door_send_fd);
	io_close(&keeper->door_receive_fd);
	io_close(&keeper->snapshot_fd);
	free(keeper);
}

static void forget(struct master_keeper *keeper)
{
	struct master_keeper **link = &keeper->master->keepers;

	while (*link != keeper)
		link = &(*link)->next;
	*link = keeper->next;
	free_keeper(keeper);
}

/* --- what it reports ------------------------------------------------------------------------ */

static void on_ready(struct master_keeper *keeper)
{
	struct master *master = keeper->master;

	if (!keeper->waited_for)
		return; /* one that follows another: its clients come back by themselves */
	keeper->waited_for = false;
	if (!master_start_nursery_with(master, keeper))
		master_nursery_failed(master, keeper->generation, "a new nursery could not be started");
	io_close(&keeper->door_send_fd);
}

static void on_channel(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct master_keeper *keeper = context;
	struct keeper_report report = { 0 };
	int passed_fd = -1;
	ssize_t got = wire_receive(fd, &report, sizeof(report), &passed_fd);

	(void)events;
	io_close(&passed_fd);
	if (got < 0 && errno == EAGAIN)
		return;
	loop_unwatch(loop, fd);
	io_close(&keeper->channel_fd);
	if (got != (ssize_t)sizeof(report))
		return; /* waitpid tells the rest */
	report.message[sizeof(report.message) - 1] = '\0';
	if (report.kind == KEEPER_READY)
		on_ready(keeper);
	else
		text_copy(keeper->failure, sizeof(keeper->failure), report.message);
}

/* --- start ---------------------------------------------------------------------------------- */

static bool launch(struct master_keeper *keeper)
{
	struct master *master = keeper->master;
	struct roles_start start = {
		.role = ROLE_KEEPER,
		.generation = keeper->generation,
		.account = keeper->account,
		.fd_count = ROLE_FD_SNAPSHOT - ROLE_FD_DOOR + 1,
	};
	int channel[2] = { -1, -1 };
	bool ok = false;

	if (!wire_pair(channel) || !io_set_nonblocking(channel[0], true))
		goto out;
	start.fds = (const int[]){ keeper->door_receive_fd, channel[1], master->empty_dir_fd,
		keeper->snapshot_fd };
	keeper->started_at = clock_mono_ms();
	keeper->failure[0] = '\0';
	keeper->pid = roles_start(&start);
	if (keeper->pid < 0) {
		keeper->pid = 0;
		goto out;
	}
	roles_raise_files(keeper->pid, keeper->clients + FILES_BESIDE_CLIENTS);
	ok = loop_watch(master->loop, channel[0], EPOLLIN, on_channel, keeper);
	if (ok) {
		keeper->channel_fd = channel[0];
		channel[0] = -1;
	}
out:
	io_close(&channel[0]);
	io_close(&channel[1]);
	return ok;
}

static void restart_later(struct master_keeper *keeper)
{
	loop_timer_set(keeper->timer, clock_mono_ms() + keeper->pause_ms);
	keeper->pause_ms =
	    keeper->pause_ms == 0 ? MASTER_KEEPER_PAUSE_MIN_MS : keeper->pause_ms * 2;
	if (keeper->pause_ms > MASTER_KEEPER_PAUSE_MAX_MS)
		keeper->pause_ms = MASTER_KEEPER_PAUSE_MAX_MS;
}

/* Has everybody who could ask this generation's keeper gone? */
static bool is_deserted(const struct master_keeper *keeper)
{
	struct pollfd door = { .fd = keeper->door_receive_fd };

	return poll(&door, 1, 0) == 1 && (door.revents & POLLHUP) != 0;
}

static void on_timer(struct loop *loop, void *context)
{
	struct master_keeper *keeper = context;

	(void)loop;
	if (is_deserted(keeper)) {
		struct master *master = keeper->master;

		forget(keeper);
		master_check_stopped(master);
	} else if (keeper->pid == 0 && !launch(keeper)) {
		restart_later(keeper);
	}
}

bool master_start_keeper(struct master *master, const struct master_setup *setup, uint32_t generation)
{
	struct master_keeper *keeper = calloc(1, sizeof(*keeper));
	int door[2] = { -1, -1 };

	if (keeper == NULL)
		return false;
	*keeper = (struct master_keeper){
		.master = master,
		.generation = generation,
		.waited_for = true,
		.channel_fd = -1,
		.door_send_fd = -1,
		.door_receive_fd = -1,
		.snapshot_fd = fcntl(setup->snapshot_fd, F_DUPFD_CLOEXEC, 0),
		/* One connection a guard, two while it changes keepers. */
		.clients = 2 * ((uint64_t)setup->conf->max_sessions + setup->conf->spare_max),
		.timer = loop_timer_new(master->loop, on_timer, keeper),
	};
	if (!wire_pair(door))
		goto fail;
	keeper->door_send_fd = door[0];
	keeper->door_receive_fd = door[1];
	if (keeper->snapshot_fd < 0 || keeper->timer == NULL ||
	    (master->as_root && !conf_account_resolve(setup->conf->keeper_user, "",
	                            &keeper->account.uid, &keeper->account.gid)) ||
	    !launch(keeper))
		goto fail;
	keeper->next = master->keepers;
	master->keepers = keeper;
	return true;
fail:
	if (keeper->pid > 0)
		kill(keeper->pid, SIGKILL);
	free_keeper(keeper);
	return false;
}

bool master_waits_for_keeper(const struct master *master)
{
	for (const struct master_keeper *each = master->keepers; each != NULL; each = each->next)
		if (each->waited_for)
			return true;
	return false;
}

/* --- the end -------------------------------------------------------------------------------- */

/* One that is not waited for sees its clients go, and goes; one whose nursery never came has none. */
void master_end_keepers(struct master *master, uint32_t before, bool force)
{
	for (struct master_keeper *each = master->keepers; each != NULL; each = each->next) {
		if (each->generation >= before)
			continue;
		if (each->waited_for) {
			each->waited_for = false;
			io_close(&each->door_send_fd);
		} else if (!force) {
			continue;
		}
		if (each->pid > 0)
			kill(each->pid, SIGKILL);
		else
			loop_timer_set(each->timer, clock_mono_ms());
	}
}

/* Its keys could not be loaded, or it died before it had them: there will be no nursery. */
static void never_ready(struct master_keeper *keeper, int status)
{
	struct master *master = keeper->master;
	const uint32_t generation = keeper->generation;
	char reason[CONF_MESSAGE_BYTES];

	text_copy(reason, sizeof(reason),
	    keeper->failure[0] != '\0' ? keeper->failure : "the keeper of private keys could not start");
	if (keeper->failure[0] == '\0' && master->phase != MASTER_STARTING)
		master_log_crash(master, "keeper", keeper->pid, status, generation, "no nursery follows it");
	forget(keeper);
	master_nursery_failed(master, generation, reason);
}

/* One that was in use has ended. */
static void died_in_use(struct master_keeper *keeper, pid_t pid, int status)
{
	struct master *master = keeper->master;
	const bool deserted = is_deserted(keeper);

	keeper->pid = 0;
	if (deserted || master->phase == MASTER_KILLING) {
		/* A door that was shut while the nursery still lives cannot be opened again.  One that ended in
		 * order has seen its nursery end, even if waitpid(2) tells of that one later. */
		if (status != 0 && !is_stopping(master) &&
		    master_nursery_is_needed(master, keeper->generation)) {
			master_log_crash(master, "keeper", pid, status, keeper->generation,
			    "a fresh nursery and keeper are started");
			master_want_nursery(master);
		}
		forget(keeper);
		return;
	}
	master_log_crash(master, "keeper", pid, status, keeper->generation,
	    keeper->failure[0] != '\0' ? keeper->failure : "a new keeper is started, sessions go on");
	if (clock_mono_ms() - keeper->started_at > MASTER_KEEPER_PAUSE_MAX_MS)
		keeper->pause_ms = 0;
	restart_later(keeper);
}

bool master_keeper_died(struct master *master, pid_t pid, int status)
{
	struct master_keeper *keeper = master->keepers;

	while (keeper != NULL && keeper->pid != pid)
		keeper = keeper->next;
	if (keeper == NULL)
		return false;
	/* What it said last, before it ended. */
	if (keeper->channel_fd >= 0)
		on_channel(master->loop, keeper->channel_fd, EPOLLIN, keeper);
	if (keeper->waited_for)
		never_ready(keeper, status);
	else
		died_in_use(keeper, pid, status);
	return true;
}

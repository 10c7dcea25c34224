/* The master's second thoughts: a new configuration, a log file opened again. */
#include <stdlib.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/master_files.h"
#include "server/master_private.h"
#include "server/notify.h"

static void forget_next(struct master *master)
{
	master_setup_clear(&master->next, &master->now.listeners);
	notify_send("READY=1");
}

void master_reload_abort(struct master *master, const char *reason)
{
	forget_next(master);
	master_log(master, EVENT_RELOAD_FAILED, reason);
}

/* A nursery that tries an older new configuration is not needed any more. */
static void overtake(struct master *master)
{
	if (master->next.conf == NULL)
		return;
	master_retire_starting(master);
	master_setup_clear(&master->next, &master->now.listeners);
}

void master_reload(struct master *master)
{
	char message[CONF_MESSAGE_BYTES];
	struct master_setup *next = &master->next;
	char *text = NULL;

	if (master->phase != MASTER_RUNNING)
		return;
	master_reload_tell(master, true);
	notify_reloading();
	overtake(master);
	if (conf_load(&next->conf, master->file, &text, message) != CONF_OK ||
	    conf_check(next->conf, master->as_root, message) != CONF_OK ||
	    !master_setup_open(next, text, &master->now.listeners, message))
		master_reload_abort(master, message);
	else if (!master_start_nursery(master))
		master_reload_abort(master, "a new nursery could not be started");
	free(text);
}

void master_reload_commit(struct master *master)
{
	struct master_setup old = master->now;

	master->now = master->next;
	master_setup_init(&master->next);
	master_tell_limits(master);
	if (master_tell_log(master, master->now.log_fd, master->now.log_kind))
		io_close(&master->now.log_fd);
	master_setup_clear(&old, &master->now.listeners);
	master->reload_untold = true;
	loop_timer_set(master->quiet_timer, clock_mono_ms() + MASTER_QUIET_MS);
	master_reload_tell(master, false);
}

void master_reload_tell(struct master *master, bool force)
{
	struct event event;

	for (const struct master_nursery *each = master->nurseries; each != NULL; each = each->next)
		if (!force && each->state == NURSERY_RETIRED && !each->quiet)
			return;
	if (!master->reload_untold)
		return;
	master->reload_untold = false;
	loop_timer_set(master->quiet_timer, CLOCK_NEVER);
	event_init(&event, EVENT_RELOAD);
	event_number(&event, EVENT_FIELD_GENERATION, master->next_generation);
	clerk_client_log(master->log, &event);
	notify_send("READY=1");
}

void master_reopen_log(struct master *master)
{
	char message[CONF_MESSAGE_BYTES];
	enum clerk_log_kind kind;
	struct event event;
	int log_fd = -1;
	bool ok = master_files_open_log(master->now.conf, &log_fd, &kind, message) &&
	          master_tell_log(master, log_fd, kind);

	io_close(&log_fd);
	event_init(&event, EVENT_LOG_REOPENED);
	event_text(&event, EVENT_FIELD_RESULT, ok ? "ok" : "failed");
	if (!ok)
		event_text(&event, EVENT_FIELD_REASON, message);
	clerk_client_log(master->log, &event);
}

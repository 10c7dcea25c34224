/* The master's second thoughts: a new configuration, a log file opened again. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"
#include "server/master_files.h"
#include "server/master_private.h"
#include "server/master_watch.h"
#include "server/notify.h"

static void forget_next(struct master *master)
{
	master_setup_clear(&master->next, &master->now.listeners);
	notify_send("READY=1");
}

void master_reload_abort(struct master *master, const char *reason)
{
	struct event event;

	forget_next(master);
	event_init(&event, EVENT_RELOAD_FAILED);
	event_text(&event, EVENT_FIELD_REASON, reason);
	event_text(&event, EVENT_FIELD_CURE,
	    "what was in force stays; mend it and send HUP; transomctl check may know more");
	clerk_client_log(master->log, &event);
}

/* A nursery that tries an older new configuration is not needed any more. */
static void overtake(struct master *master)
{
	if (master->next.conf == NULL)
		return;
	master_retire_starting(master);
	master_setup_clear(&master->next, &master->now.listeners);
}

/* The text in force, out of its snapshot: file name, NUL, text.  NULL with a message; the caller frees. */
static char *text_in_force(const struct master *master, char message[CONF_MESSAGE_BYTES])
{
	size_t head = strlen(master->now.conf->file) + 1;
	struct stat status;
	char *text = NULL;
	size_t size;

	if (fstat(master->now.snapshot_fd, &status) != 0 || (size_t)status.st_size < head)
		goto fail;
	size = (size_t)status.st_size - head;
	text = calloc(1, size + 1);
	if (text != NULL &&
	    pread(master->now.snapshot_fd, text, size, (off_t)head) == (ssize_t)size)
		return text;
fail:
	free(text);
	text_format(message, CONF_MESSAGE_BYTES, "%s: its snapshot cannot be read",
	    master->now.conf->file);
	return NULL;
}

static bool parse_next(struct master *master, bool from_disk, char **text, char message[CONF_MESSAGE_BYTES])
{
	struct conf **conf = &master->next.conf;

	if (from_disk)
		return conf_load(conf, master->file, text, message) == CONF_OK;
	*text = text_in_force(master, message);
	return *text != NULL && conf_parse(conf, master->file, *text, message) == CONF_OK;
}

static void try_next(struct master *master, bool from_disk)
{
	char message[CONF_MESSAGE_BYTES];
	struct master_setup *next = &master->next;
	char *text = NULL;

	if (master->phase != MASTER_RUNNING)
		return;
	master_reload_tell(master, true);
	notify_reloading();
	overtake(master);
	/* If this fails, only what changes after now is worth another try. */
	master_watch_taken(master->now.watch);
	if (!parse_next(master, from_disk, &text, message) ||
	    conf_check(next->conf, master->as_root, message) != CONF_OK ||
	    !master_setup_open(next, text, &master->now.listeners, message))
		master_reload_abort(master, message);
	else if (!master_start_nursery(master))
		master_reload_abort(master, "a new nursery could not be started");
	free(text);
}

void master_reload(struct master *master)
{
	try_next(master, true);
}

void master_reload_files(struct master *master)
{
	try_next(master, false);
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
	master_certificates_tell(master);
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
	bool ok;

	text_copy(message, sizeof(message), "the clerk does not take it");
	ok = master_files_open_log(master->now.conf, &log_fd, &kind, message) &&
	     master_tell_log(master, log_fd, kind);
	io_close(&log_fd);
	event_init(&event, EVENT_LOG_REOPENED);
	event_text(&event, EVENT_FIELD_RESULT, ok ? "ok" : "failed");
	if (!ok)
		event_text(&event, EVENT_FIELD_REASON, message);
	clerk_client_log(master->log, &event);
}

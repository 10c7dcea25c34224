/*
 * The old scp protocol (scp -O) as a service on an SSH channel.
 *
 * Front only.  One command, one transfer in one direction; the work is in scp_sink.c and scp_source.c.
 */
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"
#include "server/sftp/scp_private.h"

#define STEPS_A_TURN 16 /* of work(), so that keepalives and stops get their turn */

/* --- answers ---------------------------------------------------------------------------------- */

void scp_end(struct ssh_service *scp, bool failed)
{
	scp->failed = scp->failed || failed;
	scp->done = true;
	buf_reset(&scp->input);
}

static void answer(struct ssh_service *scp, char kind, const char *path, const char *text)
{
	char shown[SCP_MESSAGE_MAX_BYTES];

	/* The client's terminal shows it, and a line break would forge a record. */
	text_escape(shown, sizeof(shown), path, strlen(path));
	scp->failed = true;
	if (!buf_appendf(&scp->output, "%cscp: %s%s%s\n", kind, shown, path[0] != '\0' ? ": " : "", text))
		scp_end(scp, true);
}

void scp_warn(struct ssh_service *scp, const char *path, const char *text)
{
	answer(scp, SCP_WARNING, path != NULL ? path : "", text);
}

void scp_fatal(struct ssh_service *scp, const char *text)
{
	answer(scp, SCP_FATAL, "", text);
	scp_end(scp, true);
}

void scp_agree(struct ssh_service *scp)
{
	const char ok = SCP_OK;

	if (!buf_append(&scp->output, &ok, 1))
		scp_end(scp, true);
}

/* --- files and paths -------------------------------------------------------------------------- */

enum vfs_status scp_close_file(struct ssh_service *scp, enum vfs_outcome outcome)
{
	struct scp_file *file = &scp->file;
	struct guard_req_close request = {
		.handle = file->handle,
		.outcome = (uint32_t)outcome,
		.bytes = file->moved,
		.reason = (uint32_t)file->failure,
	};

	if (file->fd < 0)
		return VFS_OK;
	io_close(&file->fd);
	return guard_client_close(scp->start.guard, &request, NULL, NULL);
}

enum vfs_status scp_descend(struct vfs_path *path, const char *name)
{
	struct vfs_path inner;
	enum vfs_status status = vfs_path_resolve(&inner, path->text, name);

	if (status == VFS_OK)
		*path = inner;
	return status;
}

void scp_ascend(struct vfs_path *path, size_t length)
{
	path->length = length;
	path->text[length] = '\0';
}

/* --- the service ------------------------------------------------------------------------------ */

static void scp_free(struct ssh_service **service)
{
	struct ssh_service *scp = *service;

	*service = NULL;
	if (scp == NULL)
		return;
	if (scp->command != NULL && !scp->command->sink)
		scp_source_close(scp);
	if (scp->file.failure == VFS_OK)
		scp->file.failure = VFS_CANCELLED;
	scp_close_file(scp, VFS_CLOSE_ABORTED);
	scp_command_free(&scp->command);
	buf_clear(&scp->input);
	buf_clear(&scp->output);
	free(scp);
}

static struct ssh_service *scp_start(const struct ssh_service_start *start)
{
	struct ssh_service *scp;

	if (start->command == NULL || !start->conf->ssh.scp)
		return NULL;
	scp = calloc(1, sizeof(*scp));
	if (scp == NULL)
		return NULL;
	scp->start = *start;
	scp->file.fd = -1;
	scp->moved_ms = clock_mono_ms();
	buf_init(&scp->input, SCP_INPUT_MAX_BYTES);
	buf_init(&scp->output, SSH_SERVICE_OUTPUT_MAX);
	scp->command = scp_command_parse(start->command);
	if (scp->command == NULL)
		scp_free(&scp);
	else if (!scp->command->sink)
		scp->source.state = SCP_SOURCE_START;
	return scp;
}

static bool scp_take(struct ssh_service *scp, const uint8_t *bytes, size_t n)
{
	scp->moved_ms = clock_mono_ms();
	/* After the end a client may still be sending what it had begun. */
	return scp->done || buf_append(&scp->input, bytes, n);
}

static void scp_take_end(struct ssh_service *scp)
{
	scp->input_ended = true;
}

static bool scp_work(struct ssh_service *scp)
{
	for (int i = 0; i < STEPS_A_TURN; i++) {
		if (scp->done || buf_length(&scp->output) >= SCP_OUTPUT_PAUSE_BYTES)
			return false;
		if (!(scp->command->sink ? scp_sink_step(scp) : scp_source_step(scp)))
			return false;
	}
	return true;
}

static const uint8_t *scp_output(struct ssh_service *scp, size_t *n)
{
	*n = buf_length(&scp->output);
	return buf_bytes(&scp->output);
}

static void scp_sent(struct ssh_service *scp, size_t n)
{
	scp->moved_ms = clock_mono_ms();
	buf_consume(&scp->output, n);
}

static bool scp_wants_input(const struct ssh_service *scp)
{
	return buf_length(&scp->input) < SCP_GATHER_BYTES;
}

static size_t scp_held(const struct ssh_service *scp)
{
	return buf_length(&scp->output);
}

/* A client that stands still in the middle of a file keeps its session no longer than an idle one. */
static bool scp_busy(const struct ssh_service *scp)
{
	return (scp->file.fd >= 0 || buf_length(&scp->output) > 0) &&
	       clock_mono_ms() < scp->moved_ms + scp->start.conf->ssh.idle_timeout;
}

static bool scp_ended(const struct ssh_service *scp, int *exit_status)
{
	*exit_status = scp->failed ? 1 : 0;
	return scp->done && buf_length(&scp->output) == 0;
}

const struct ssh_service_row scp_service = {
	.name = "scp",
	.start = scp_start,
	.take = scp_take,
	.take_end = scp_take_end,
	.work = scp_work,
	.output = scp_output,
	.held = scp_held,
	.sent = scp_sent,
	.wants_input = scp_wants_input,
	.busy = scp_busy,
	.ended = scp_ended,
	.free = scp_free,
};

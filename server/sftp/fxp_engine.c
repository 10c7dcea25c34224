/*
 * fxp_service: the SFTP engine as the transport sees it.
 *
 * Front only.  Bytes in, bytes out; everything about files is asked of the guard.
 */
#include <stdlib.h>

#include "server/base/clock.h"
#include "server/sftp/fxp_check.h"
#include "server/sftp/fxp_close.h"
#include "server/sftp/fxp_copy.h"
#include "server/sftp/fxp_reply.h"
#include "server/sftp/fxp_requests.h"

struct ssh_service {
	struct fxp fxp;
};

static struct ssh_service *start(const struct ssh_service_start *how)
{
	struct ssh_service *service = NULL;

	if (how->command == NULL)
		service = calloc(1, sizeof(*service));
	if (service == NULL)
		return NULL;
	service->fxp.start = *how;
	service->fxp.guard = how->guard;
	service->fxp.gather.left = how->buffers_left;
	service->fxp.now_ms = clock_mono_ms();
	fxp_input_init(&service->fxp.input);
	return service;
}

/* --- in ------------------------------------------------------------------------------------- */

static bool take(struct ssh_service *service, const uint8_t *bytes, size_t n)
{
	struct fxp *fxp = &service->fxp;

	fxp->heard_ms = clock_mono_ms();
	if (!fxp->broken && !fxp_input_take(fxp, bytes, n))
		fxp->broken = true;
	return !fxp->broken;
}

static void settle(struct ssh_service *service)
{
	struct fxp *fxp = &service->fxp;

	fxp->now_ms = clock_mono_ms();
	fxp_gather_settle(&fxp->gather);
	/* Others see the bytes in time, even while the client does not read and nothing else is done. */
	fxp_gather_flush_due(&fxp->gather, fxp->now_ms);
}

static void take_end(struct ssh_service *service)
{
	service->fxp.input.ended = true;
}

static bool wants_input(const struct ssh_service *service)
{
	return buf_length(&service->fxp.input.queue) < FXP_QUEUE_FULL_BYTES;
}

/* --- work ----------------------------------------------------------------------------------- */

static bool has_work(struct fxp *fxp)
{
	return fxp->input.ready > 0 && !fxp->broken && fxp_reply_has_room(fxp);
}

/* The oldest request.  True when it is answered and the next one may follow. */
static bool work_one(struct fxp *fxp, bool *no_room)
{
	size_t length = 0;
	const uint8_t *packet = fxp_input_packet(&fxp->input, &length);
	enum fxp_progress progress = fxp_requests_dispatch(fxp, packet, length);

	*no_room = progress == FXP_NO_ROOM;
	if (progress != FXP_DONE)
		return false;
	fxp_input_drop(&fxp->input);
	return true;
}

/* Give back the memory of a burst that is over. */
static void tidy(struct fxp *fxp)
{
	fxp_gather_flush_due(&fxp->gather, fxp->now_ms);
	fxp_gather_trim(&fxp->gather, fxp->now_ms);
	if (fxp->now_ms - fxp->moved_ms < FXP_TRIM_MS)
		return;
	fxp_output_trim(&fxp->output, FXP_SMALL_BYTES);
	if (buf_length(&fxp->input.queue) == 0 && fxp->input.queue.size > FXP_SMALL_BYTES)
		buf_clear(&fxp->input.queue);
}

static bool work(struct ssh_service *service)
{
	struct fxp *fxp = &service->fxp;
	size_t held = fxp->output.held;
	bool no_room = false;

	fxp->now_ms = clock_mono_ms();
	for (unsigned i = 0; i < FXP_WORK_REQUESTS && has_work(fxp); i++) {
		if (!work_one(fxp, &no_room) || fxp->output.held - held >= FXP_WORK_BYTES)
			break;
	}
	tidy(fxp);
	if (fxp->output.failed)
		fxp->broken = true;
	return !no_room && has_work(fxp);
}

/* Half a packet is work only as long as the rest of it comes: else it would keep a session for ever. */
static bool busy(const struct ssh_service *service)
{
	const struct fxp *fxp = &service->fxp;
	const int64_t now_ms = clock_mono_ms();

	return fxp->input.ready > 0 || fxp->output.held > 0 ||
	       (fxp->input.head_length > 0 && now_ms - fxp->heard_ms < FXP_MOVING_MS) ||
	       (fxp->handles.files > 0 && now_ms - fxp->moved_ms < FXP_MOVING_MS);
}

static int wait_ms(const struct ssh_service *service)
{
	const struct fxp *fxp = &service->fxp;

	if (fxp_gather_holds(&fxp->gather))
		return FXP_GATHER_WAIT_MS;
	return fxp_gather_is_large(&fxp->gather) || fxp_output_is_large(&fxp->output, FXP_SMALL_BYTES) ||
			       fxp->input.queue.size > FXP_SMALL_BYTES
		   ? FXP_TRIM_MS
		   : -1;
}

/* --- out ------------------------------------------------------------------------------------ */

static const uint8_t *output(struct ssh_service *service, size_t *n)
{
	return fxp_output_bytes(&service->fxp.output, n);
}

static size_t held(const struct ssh_service *service)
{
	return service->fxp.output.held;
}

static void sent(struct ssh_service *service, size_t n)
{
	fxp_output_consume(&service->fxp.output, n);
}

/* --- the end -------------------------------------------------------------------------------- */

static bool ended(const struct ssh_service *service, int *exit_status)
{
	const struct fxp *fxp = &service->fxp;

	*exit_status = fxp->broken ? EXIT_FAILURE : EXIT_SUCCESS;
	return fxp->broken || (fxp->input.ended && fxp->input.ready == 0 && fxp->output.held == 0);
}

static void free_service(struct ssh_service **service_pointer)
{
	struct ssh_service *service = *service_pointer;
	struct fxp_handle *handle;
	struct fxp *fxp;

	*service_pointer = NULL;
	if (service == NULL)
		return;
	fxp = &service->fxp;
	fxp_check_abandon(fxp);
	fxp_copy_abandon(fxp);
	while ((handle = fxp_handles_any(&fxp->handles)) != NULL)
		(void)fxp_close_handle(fxp, &handle, false);
	fxp_handles_clear(&fxp->handles);
	fxp_gather_trim(&fxp->gather, INT64_MAX);
	fxp_output_clear(&fxp->output);
	fxp_input_clear(&fxp->input);
	free(service);
}

const struct ssh_service_row fxp_service = {
	.name = "sftp",
	.start = start,
	.take = take,
	.settle = settle,
	.take_end = take_end,
	.work = work,
	.output = output,
	.held = held,
	.sent = sent,
	.wants_input = wants_input,
	.busy = busy,
	.wait_ms = wait_ms,
	.ended = ended,
	.free = free_service,
};

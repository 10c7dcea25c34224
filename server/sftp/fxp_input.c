#include "server/sftp/fxp_input.h"

#include <string.h>

#include "server/sftp/fxp_private.h"
#include "server/sftp/fxp_reply.h"
#include "server/sftp/fxp_requests.h"

#define LENGTH_BYTES 4u
#define ID_BYTES     4u
/* Every packet says its type and an id or, in INIT, a version: one without cannot even be answered. */
#define PACKET_MIN_BYTES (1u + ID_BYTES)

void fxp_input_init(struct fxp_input *input)
{
	*input = (struct fxp_input){ .state = FXP_INPUT_HEAD };
	buf_init(&input->queue, FXP_QUEUE_MAX_BYTES);
}

void fxp_input_clear(struct fxp_input *input)
{
	buf_clear(&input->queue);
}

/* The packet's length as it says itself; head holds it. */
static uint32_t packet_length(const struct fxp_input *input)
{
	struct fxp_reader reader = { .bytes = input->head, .left = LENGTH_BYTES };

	return fxp_get_u32(&reader);
}

/* --- WRITE without a queue ------------------------------------------------------------------ */

/* head holds the head of a WRITE.  True when its data can go where it belongs at once. */
static bool begin_write(struct fxp *fxp)
{
	struct fxp_input *input = &fxp->input;
	struct fxp_reader reader = {
		.bytes = input->head + LENGTH_BYTES + 1,
		.left = FXP_WRITE_HEAD_BYTES - LENGTH_BYTES - 1,
	};
	struct fxp_handle *handle;
	uint64_t offset;
	uint32_t n;

	input->id = fxp_get_u32(&reader);
	handle = fxp_handles_find(&fxp->handles, fxp_get_string(&reader));
	offset = fxp_get_u64(&reader);
	n = fxp_get_u32(&reader);
	/* Whatever is unusual waits its turn and is told what is wrong there. */
	if (reader.failed || buf_length(&input->queue) > 0 || handle == NULL || !handle->write ||
	    handle->failure != VFS_OK || n == 0 || n != input->left || offset > (uint64_t)INT64_MAX - n ||
	    !fxp_reply_has_room(fxp))
		return false;
	input->handle = handle;
	return fxp_gather_begin(&fxp->gather, handle, offset, n, fxp->now_ms);
}

static bool end_write(struct fxp *fxp)
{
	struct fxp_input *input = &fxp->input;

	fxp_gather_commit(&fxp->gather, input->handle);
	fxp->changes++;
	fxp->moved_ms = fxp->now_ms;
	return fxp_reply_status_of(fxp, input->id, VFS_OK);
}

/* --- packets -------------------------------------------------------------------------------- */

/* How much of a packet is needed to know what to do with it, as far as can be told from head. */
static size_t head_wanted(const struct fxp_input *input)
{
	uint32_t length;

	if (input->head_length < LENGTH_BYTES + 1)
		return LENGTH_BYTES + 1;
	length = packet_length(input);
	if (input->head[LENGTH_BYTES] == FXP_REQUEST_write &&
	    LENGTH_BYTES + length >= FXP_WRITE_HEAD_BYTES)
		return FXP_WRITE_HEAD_BYTES;
	return LENGTH_BYTES + 1;
}

/* Length and type are known: may such a packet come now? */
static bool is_welcome(struct fxp_input *input)
{
	uint32_t length = packet_length(input);
	bool is_init = input->head[LENGTH_BYTES] == FXP_REQUEST_init;

	if (length < PACKET_MIN_BYTES || length > FXP_PACKET_MAX_BYTES || is_init == input->begun)
		return false;
	input->begun = true;
	return true;
}

/* What to do with the rest of the packet whose head is complete.  False when there is no place for it. */
static bool begin_packet(struct fxp *fxp)
{
	struct fxp_input *input = &fxp->input;

	input->left = LENGTH_BYTES + packet_length(input) - input->head_length;
	if (input->head_length == FXP_WRITE_HEAD_BYTES && begin_write(fxp)) {
		input->state = FXP_INPUT_WRITE;
		return true;
	}
	input->state = FXP_INPUT_QUEUED;
	return buf_append(&input->queue, input->head, input->head_length);
}

static bool end_packet(struct fxp *fxp)
{
	struct fxp_input *input = &fxp->input;
	enum fxp_input_state was = input->state;

	input->state = FXP_INPUT_HEAD;
	input->head_length = 0;
	if (was == FXP_INPUT_WRITE)
		return end_write(fxp);
	input->ready = buf_length(&input->queue);
	return true;
}

/* Some bytes of the head; how many were used, 0 when the packet must not come. */
static size_t take_head(struct fxp *fxp, const uint8_t *bytes, size_t n)
{
	struct fxp_input *input = &fxp->input;
	size_t wanted = head_wanted(input) - input->head_length;
	size_t used = n < wanted ? n : wanted;

	memcpy(input->head + input->head_length, bytes, used);
	input->head_length += used;
	if (used < wanted)
		return used;
	if (input->head_length == LENGTH_BYTES + 1 && !is_welcome(input))
		return 0;
	if (head_wanted(input) == input->head_length && !begin_packet(fxp))
		return 0;
	return used;
}

static bool take_rest(struct fxp *fxp, const uint8_t *bytes, size_t n)
{
	struct fxp_input *input = &fxp->input;

	input->left -= n;
	if (input->state == FXP_INPUT_QUEUED)
		return buf_append(&input->queue, bytes, n);
	fxp_gather_lend(&fxp->gather, input->handle, bytes, n);
	return true;
}

bool fxp_input_take(struct fxp *fxp, const uint8_t *bytes, size_t n)
{
	struct fxp_input *input = &fxp->input;

	while (n > 0) {
		size_t used;

		if (input->state == FXP_INPUT_HEAD) {
			used = take_head(fxp, bytes, n);
			if (used == 0)
				return false;
		} else {
			used = n < input->left ? n : input->left;
			if (!take_rest(fxp, bytes, used))
				return false;
		}
		if (input->state != FXP_INPUT_HEAD && input->left == 0 && !end_packet(fxp))
			return false;
		bytes += used;
		n -= used;
	}
	return true;
}

const uint8_t *fxp_input_packet(const struct fxp_input *input, size_t *length)
{
	struct fxp_reader reader = { .bytes = buf_bytes(&input->queue), .left = input->ready };

	if (input->ready == 0)
		return NULL;
	*length = fxp_get_u32(&reader);
	return reader.bytes;
}

void fxp_input_drop(struct fxp_input *input)
{
	size_t length = 0;

	(void)fxp_input_packet(input, &length);
	buf_consume(&input->queue, LENGTH_BYTES + length);
	input->ready -= LENGTH_BYTES + length;
}

/*
 * The client's bytes, cut into packets.
 *
 * Front only.  Packets wait in a queue to be dispatched; but the data of a WRITE that nothing stands before goes from the
 * transport's buffer straight to the file, or to where the file's bytes are gathered, and is answered at once.
 */
#ifndef FXP_INPUT_H
#define FXP_INPUT_H

#include "server/base/buf.h"
#include "server/sftp/fxp_handles.h"

/* Length, type, id, handle, offset, length of the data: what a WRITE says before its data. */
#define FXP_WRITE_HEAD_BYTES (4u + 1u + 4u + 4u + FXP_HANDLE_BYTES + 8u + 4u)

struct fxp;

enum fxp_input_state {
	FXP_INPUT_HEAD,	  /* the first bytes of a packet are collected in head */
	FXP_INPUT_QUEUED, /* the rest goes to the queue */
	FXP_INPUT_WRITE,  /* the rest is gathered for `handle` */
};

struct fxp_input {
	enum fxp_input_state state;
	uint8_t head[FXP_WRITE_HEAD_BYTES];
	size_t head_length;
	size_t left; /* of the packet, not counting head, once its length is known */
	bool begun;  /* INIT was seen */
	bool ended;  /* the client will send no more */

	struct fxp_handle *handle; /* WRITE */
	uint32_t id;		   /* WRITE */

	struct buf queue; /* whole packets, then perhaps the beginning of one */
	size_t ready;	  /* bytes of whole packets */
};

void fxp_input_init(struct fxp_input *input);
void fxp_input_clear(struct fxp_input *input);
/* False: against the protocol, or more than was allowed.  bytes stay until fxp_gather_settle. */
bool fxp_input_take(struct fxp *fxp, const uint8_t *bytes, size_t n);
/* The oldest whole packet in the queue, without its length; NULL when there is none.  Good until bytes are taken. */
const uint8_t *fxp_input_packet(const struct fxp_input *input, size_t *length);
/* It was dealt with. */
void fxp_input_drop(struct fxp_input *input);

#endif

/*
 * Bytes for the client: a queue of blocks, so that nothing is ever moved, with a bound.
 *
 * Front only.  Replies are made in place: a file is read straight into a block.
 */
#ifndef FXP_OUTPUT_H
#define FXP_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FXP_OUTPUT_BLOCKS      4u
#define FXP_OUTPUT_BLOCK_BYTES (320u << 10) /* the longest packet fits into one */

struct fxp_output_block {
	uint8_t *bytes; /* NULL: no memory yet */
	size_t start;
	size_t end;
	size_t touched; /* how much of it has become memory */
};

/* All zero is empty. */
struct fxp_output {
	struct fxp_output_block blocks[FXP_OUTPUT_BLOCKS];
	size_t first; /* the block that is taken from; the one that is filled is `count - 1` further */
	size_t count;
	size_t held; /* bytes that wait */
	bool failed; /* there was no memory: the session cannot go on */
};

void fxp_output_clear(struct fxp_output *output);
/* Give back the memory that is not needed now, if it is more than `keep` bytes of each block. */
void fxp_output_trim(struct fxp_output *output, size_t keep);
/* Is there memory that it would give back? */
bool fxp_output_is_large(const struct fxp_output *output, size_t keep);

/* Room for n contiguous bytes (at most FXP_OUTPUT_BLOCK_BYTES); NULL when the client must read first, or failed. */
uint8_t *fxp_output_reserve(struct fxp_output *output, size_t n);
/* n of them were written. */
void fxp_output_commit(struct fxp_output *output, size_t n);

/* The first bytes that wait, not always all of them. */
const uint8_t *fxp_output_bytes(const struct fxp_output *output, size_t *n);
void fxp_output_consume(struct fxp_output *output, size_t n);

#endif

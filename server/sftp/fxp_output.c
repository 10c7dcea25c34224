#include "server/sftp/fxp_output.h"

#include <assert.h>

#include "server/base/pages.h"
#include "server/sftp/ssh_service.h"

static void release(struct fxp_output_block *block)
{
	pages_free(block->bytes, FXP_OUTPUT_BLOCK_BYTES);
	*block = (struct fxp_output_block){ .bytes = NULL };
}

void fxp_output_clear(struct fxp_output *output)
{
	for (size_t i = 0; i < FXP_OUTPUT_BLOCKS; i++)
		release(&output->blocks[i]);
	*output = (struct fxp_output){ .count = 0 };
}

void fxp_output_trim(struct fxp_output *output, size_t keep)
{
	for (size_t i = 0; i < FXP_OUTPUT_BLOCKS; i++) {
		struct fxp_output_block *block = &output->blocks[i];

		if (block->start == block->end && block->touched > keep)
			release(block);
	}
}

bool fxp_output_is_large(const struct fxp_output *output, size_t keep)
{
	for (size_t i = 0; i < FXP_OUTPUT_BLOCKS; i++)
		if (output->blocks[i].touched > keep)
			return true;
	return false;
}

/* The block that is filled. */
static struct fxp_output_block *last_block(struct fxp_output *output)
{
	return &output->blocks[(output->first + output->count - 1) % FXP_OUTPUT_BLOCKS];
}

static bool fits(const struct fxp_output_block *block, size_t n)
{
	return block->bytes != NULL && FXP_OUTPUT_BLOCK_BYTES - block->end >= n;
}

uint8_t *fxp_output_reserve(struct fxp_output *output, size_t n)
{
	struct fxp_output_block *block;

	assert(n <= FXP_OUTPUT_BLOCK_BYTES);
	if (output->failed || output->held + n > SSH_SERVICE_OUTPUT_MAX)
		return NULL;
	if (output->count == 0)
		output->count = 1;
	block = last_block(output);
	if (block->bytes != NULL && !fits(block, n)) {
		if (output->count == FXP_OUTPUT_BLOCKS)
			return NULL;
		output->count++;
		block = last_block(output);
	}
	if (block->bytes == NULL)
		block->bytes = pages_new(FXP_OUTPUT_BLOCK_BYTES);
	output->failed = block->bytes == NULL;
	return output->failed ? NULL : block->bytes + block->end;
}

void fxp_output_commit(struct fxp_output *output, size_t n)
{
	struct fxp_output_block *block = last_block(output);

	assert(fits(block, n));
	block->end += n;
	if (block->touched < block->end)
		block->touched = block->end;
	output->held += n;
}

const uint8_t *fxp_output_bytes(const struct fxp_output *output, size_t *n)
{
	const struct fxp_output_block *block = &output->blocks[output->first];

	*n = block->end - block->start;
	return block->bytes != NULL ? block->bytes + block->start : (const uint8_t *)"";
}

void fxp_output_consume(struct fxp_output *output, size_t n)
{
	struct fxp_output_block *block = &output->blocks[output->first];

	assert(n <= block->end - block->start);
	block->start += n;
	output->held -= n;
	if (block->start < block->end)
		return;
	block->start = block->end = 0;
	if (output->count > 1) {
		output->first = (output->first + 1) % FXP_OUTPUT_BLOCKS;
		output->count--;
	}
}

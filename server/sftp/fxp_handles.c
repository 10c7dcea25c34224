#include "server/sftp/fxp_handles.h"

#include <assert.h>
#include <stdlib.h>

#include "server/base/bytes.h"
#include "server/base/io.h"
#include "server/base/random.h"

#define FIRST_SLOTS 8u

/* Slots for one more; false when there may be none, or no memory. */
static bool make_room(struct fxp_handles *handles)
{
	size_t size = handles->size == 0 ? FIRST_SLOTS : handles->size * 2;
	struct fxp_handle **slots;

	if (handles->count < handles->size)
		return true;
	if (size > FXP_HANDLES_MAX)
		size = FXP_HANDLES_MAX;
	if (size <= handles->size)
		return false;
	slots = realloc(handles->slots, size * sizeof(*slots));
	if (slots == NULL)
		return false;
	for (size_t i = handles->size; i < size; i++)
		slots[i] = NULL;
	if (handles->size == 0)
		random_bytes(&handles->last_generation, sizeof(handles->last_generation));
	handles->slots = slots;
	handles->size = size;
	return true;
}

struct fxp_handle *fxp_handles_add(struct fxp_handles *handles, enum fxp_handle_kind kind)
{
	struct fxp_handle *handle;
	uint32_t slot = 0;

	if (!make_room(handles))
		return NULL;
	handle = calloc(1, sizeof(*handle));
	if (handle == NULL)
		return NULL;
	while (handles->slots[slot] != NULL)
		slot++;
	handle->kind = kind;
	handle->slot = slot;
	handle->generation = ++handles->last_generation;
	handle->fd = -1;
	handles->slots[slot] = handle;
	handles->count++;
	handles->files += kind == FXP_HANDLE_FILE;
	return handle;
}

struct fxp_handle *fxp_handles_find(const struct fxp_handles *handles, struct fxp_string name)
{
	struct fxp_reader reader = { .bytes = name.bytes, .left = name.length };
	struct fxp_handle *handle;
	uint32_t slot;

	if (name.length != FXP_HANDLE_BYTES)
		return NULL;
	slot = fxp_get_u32(&reader);
	handle = slot < handles->size ? handles->slots[slot] : NULL;
	return handle != NULL && handle->generation == fxp_get_u32(&reader) ? handle : NULL;
}

void fxp_handles_name(const struct fxp_handle *handle, uint8_t out[FXP_HANDLE_BYTES])
{
	bytes_put_u32(out, handle->slot);
	bytes_put_u32(out + 4, handle->generation);
}

void fxp_handles_remove(struct fxp_handles *handles, struct fxp_handle **handle_pointer)
{
	struct fxp_handle *handle = *handle_pointer;

	*handle_pointer = NULL;
	assert(handles->slots[handle->slot] == handle);
	handles->slots[handle->slot] = NULL;
	handles->count--;
	handles->files -= handle->kind == FXP_HANDLE_FILE;
	io_close(&handle->fd);
	free(handle->listing.path);
	free(handle->listing.bytes);
	free(handle);
}

struct fxp_handle *fxp_handles_any(const struct fxp_handles *handles)
{
	for (size_t i = 0; i < handles->size; i++)
		if (handles->slots[i] != NULL)
			return handles->slots[i];
	return NULL;
}

void fxp_handles_clear(struct fxp_handles *handles)
{
	assert(handles->count == 0);
	free(handles->slots);
	*handles = (struct fxp_handles){ .size = 0 };
}

/*
 * The path normaliser: whatever comes in, what comes out is a normalised path within bounds.
 *
 * Input: working directory and client path, separated by the first newline.
 */
#include <stdlib.h>
#include <string.h>

#include "vfs/vfs_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct vfs_path *path)
{
	const char *at = path->text;

	if (path->length != strlen(path->text) || path->length >= VFS_PATH_MAX || at[0] != '/')
		abort();
	while (*at == '/' && at[1] != '\0') {
		size_t n = strcspn(++at, "/");

		if (n == 0 || n > VFS_NAME_MAX || (n == 1 && at[0] == '.') ||
		    (n == 2 && memcmp(at, "..", 2) == 0) ||
		    strncmp(at, VFS_STAGED_PREFIX, sizeof VFS_STAGED_PREFIX - 1) == 0)
			abort();
		at += n;
	}
	if (path->length > 1 && *at != '\0')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(size + 2, 1);
	struct vfs_path path;
	struct vfs_path again;
	char *client;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	client = text + strcspn(text, "\n");
	if (*client != '\0')
		*client++ = '\0';
	if (vfs_path_resolve(&path, text, client) != VFS_OK && strcmp(path.text, "/") != 0)
		abort();
	check(&path);
	/* What is normalised stays as it is. */
	if (vfs_path_resolve(&again, "/", path.text) != VFS_OK ||
	    strcmp(again.text, path.text) != 0)
		abort();
	free(text);
	return 0;
}

/*
 * Runs a fuzz target once over every file of its corpus: `make check` without libFuzzer.
 *
 * Each argument is a file or a directory of files; arguments that start with '-' are libFuzzer's options and
 * are ignored, so that run-tests needs not know which driver a target was linked with.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/io.h"

#define SEED_MAX_BYTES (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* True when the file was read; what the target thinks of it, it says by crashing. */
static bool replay_file(int dir_fd, const char *name)
{
	size_t length = 0;
	char *content = io_read_file(dir_fd, name, SEED_MAX_BYTES, &length);

	if (content == NULL) {
		perror(name);
		return false;
	}
	/* A copy of exactly its size: AddressSanitizer then sees a read of one byte too many. */
	uint8_t *exact = malloc(length > 0 ? length : 1);
	if (exact == NULL)
		abort();
	for (size_t i = 0; i < length; i++)
		exact[i] = (uint8_t)content[i];
	free(content);
	(void)LLVMFuzzerTestOneInput(exact, length);
	free(exact);
	return true;
}

/* Number of files replayed, -1 when one could not be read. */
static int replay_directory(DIR *dir)
{
	const struct dirent *entry;
	int count = 0;

	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (!replay_file(dirfd(dir), entry->d_name))
			return -1;
		count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-')
			continue;
		DIR *dir = opendir(argv[i]);
		int count = dir != NULL ? replay_directory(dir) : replay_file(AT_FDCWD, argv[i]) ? 1 : -1;
		if (dir != NULL)
			closedir(dir);
		if (count < 0)
			return EXIT_FAILURE;
		total += count;
	}
	printf("%d inputs\n", total);
	return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

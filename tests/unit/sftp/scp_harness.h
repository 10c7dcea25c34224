/*
 * The scp service with a small guard behind it: a thread that serves the guard protocol from a real VFS on a
 * temporary tree.  The test is the transport and the client.
 */
#ifndef SCP_HARNESS_H
#define SCP_HARNESS_H

#include <pthread.h>

#include "server/sftp/ssh_service.h"
#include "tests/unit/vfs/tree.h"

#define SCP_HARNESS_NUMBERS 64 /* above the highest message number */

struct scp_harness {
	struct tree tree;
	/* Set before scp_harness_start. */
	char user[32];
	char start_dir[64];
	/* Answer to a message by its number, when not VFS_OK: in place of doing it. */
	enum vfs_status refuse[SCP_HARNESS_NUMBERS];

	/* Seen by the guard; good to read whenever the service does not work. */
	unsigned calls[SCP_HARNESS_NUMBERS];
	uint32_t outcome; /* of the last close */
	uint32_t reason;
	uint64_t bytes;

	struct conf conf;
	struct vfs *vfs;
	int wall_fd;
	pthread_t thread;
	struct ssh_service_start start;
	struct ssh_service *service; /* NULL: the command was refused */
	char taken[1u << 20]; /* output so far, and not yet compared */
	size_t taken_length;
};

/* A tree, and no service yet. */
void scp_harness_new(struct scp_harness *harness);
void scp_harness_start(struct scp_harness *harness, const char *command);
/* End the service, keep the tree. */
void scp_harness_stop(struct scp_harness *harness);
/* Remove everything. */
void scp_harness_free(struct scp_harness *harness);

/* Give the service these bytes of the client and let it work until it has nothing more to do; its output is taken. */
void scp_harness_send(struct scp_harness *harness, const void *bytes, size_t n);
void scp_harness_say(struct scp_harness *harness, const char *text);
/* The byte 0, which is no part of a C string. */
void scp_harness_agree(struct scp_harness *harness);
/* The client will send no more. */
void scp_harness_hang_up(struct scp_harness *harness);
/* The output since the last call is exactly this; a \0 in it is written as '\x80'. */
void scp_harness_expect(struct scp_harness *harness, const char *text);
/* The service has ended with this status. */
void scp_harness_expect_end(struct scp_harness *harness, int status);
/* The service waits for the client. */
void scp_harness_expect_waiting(struct scp_harness *harness);

#endif

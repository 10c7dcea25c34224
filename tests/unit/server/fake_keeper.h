/*
 * A keeper in a thread, with keys that a test chooses: for those who ask one.
 *
 * It checks nothing: what the real one refuses is shown by its own tests.
 */
#ifndef FAKE_KEEPER_H
#define FAKE_KEEPER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "server/keeper_client.h"
#include "server/keeper_keys.h"

#define FAKE_KEEPER_CLIENTS 4

struct fake_keeper {
	int door_fd;			/* for clients */
	int receive_fd;
	int stop_fd[2];
	pthread_t thread;
	struct keeper_keys keys;
	struct keeper_public_keys public_keys; /* as at the start */
	int clients[FAKE_KEEPER_CLIENTS];
	size_t client_count;
	atomic_uint lists, signs;	/* asked so far */
	atomic_bool silent;		/* answers nothing */
	atomic_bool hangs_up;		/* ends every connection at its next message, once */
};

/* One key of each kind for each use: 0 to 4 for SSH, 5 to 9 for TLS, in the order of key_samples. */
#define FAKE_KEEPER_TLS_FIRST 5u
void fake_keeper_start(struct fake_keeper *keeper);
/* Other keys under the same numbers, as a keeper has that was started again when the files had changed. */
void fake_keeper_change_keys(struct fake_keeper *keeper);
void fake_keeper_stop(struct fake_keeper *keeper);

#endif

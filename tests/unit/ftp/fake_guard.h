/*
 * The FTP engine between a test and a guard of the test's: engine and guard are threads.
 *
 * The guard decodes every request with the real codec and answers from a table: VFS_OK and a
 * plausible reply, unless the test has set another status for that message.  It has one file, one
 * directory of entries, and data connections that are socket pairs.
 */
#ifndef FAKE_GUARD_H
#define FAKE_GUARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "server/ftp/ftp_engine.h"
#include "server/guard_messages.h"
#include "vfs/vfs_batch.h"

#define FAKE_NUMBERS 64 /* above the highest message number */
#define FAKE_WAIT_MS 5000

struct fake_entry {
	const char *name;
	const char *target;
	struct vfs_attr attr;
};

struct fake_guard {
	/* Set by the test before a command. */
	enum vfs_status status[FAKE_NUMBERS]; /* by message number */
	enum guard_login_result login_result;
	uint32_t rights;
	struct vfs_attr attr; /* what stat and open tell */
	bool hold_data;       /* do not answer data_accept and data_connect */
	bool comes_early;     /* the client has connected when a file is opened */
	const struct fake_entry *entries;
	size_t entry_count;
	size_t entries_per_batch;
	uint64_t copy_step; /* most that one copy request copies */
	const char *absent; /* stat finds everything but this path; NULL: everything */

	/* Seen by the guard; read after the engine's answer. */
	unsigned calls[FAKE_NUMBERS];
	char path[VFS_PATH_MAX]; /* of the last request that had one */
	char to[VFS_PATH_MAX];   /* second path */
	char user[GUARD_USER_NAME_MAX + 1];
	char password[SECRET_MAX_BYTES + 1];
	uint32_t open_flags;
	uint32_t open_passive;
	uint64_t open_offset;
	struct vfs_change change;
	uint32_t outcome;
	uint32_t reason;
	uint32_t bye;
	bool handle_open;
	bool open_failed; /* the last one */
	char unread[256]; /* of rein, which carried_fd came with: the test's to close, -1 */
	int carried_fd;
	uint64_t copied;  /* by all copy requests, which copy nothing in fact */
	char story[2048]; /* "open /a r", "copy", "close ok", "remove /a": one a line */
	int file_fd;      /* memfd: the file */

	/* The insides. */
	struct conf conf;
	struct conf_listener listener;
	struct ftp_start start;
	pthread_t engine;
	pthread_t thread;
	pthread_mutex_t lock;
	int wall_fd; /* the guard's end */
	int stop_fd[2];
	int client_fd; /* the test's end of the control connection */
	int data_fd;   /* the test's end of the data connection, -1 */
	int along_fd;  /* goes with the reply being made */
	uint32_t held_id;
	uint16_t held_number;
	size_t next_entry;
	int exit_status;
	char input[1u << 17];
	size_t input_length;
};

/* Set up with defaults; nothing runs yet, so conf may be changed. */
void fake_init(struct fake_guard *fake);
/* Start guard and engine; the greeting is read. */
void fake_start(struct fake_guard *fake);
/* fake_start, then USER and PASS. */
void fake_login(struct fake_guard *fake);
/* Close the connection, wait for the engine's end, free all. */
void fake_end(struct fake_guard *fake);
/* Wait for the engine to end by itself. */
void fake_join(struct fake_guard *fake);

void fake_send(struct fake_guard *fake, const char *bytes, size_t n);
/* One whole reply, of many lines perhaps, CRLFs included; its code.  0 at the end of the
 * connection. */
unsigned fake_reply(struct fake_guard *fake, char *out, size_t size);
/* Send one line (CRLF is added) and read one reply. */
unsigned fake_command(struct fake_guard *fake, char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* True when nothing arrives within ms. */
bool fake_is_silent(struct fake_guard *fake, int ms);

/* PASV, or rather EPSV, so that a transfer may follow. */
void fake_passive(struct fake_guard *fake);
/* The test's end of the data connection, waited for; the caller's to close. */
int fake_take_data(struct fake_guard *fake);
/* All that comes, to the end of the connection; bytes read. */
size_t fake_drain(int fd, char *out, size_t size);
/* Give the file this content. */
void fake_set_file(struct fake_guard *fake, const void *bytes, size_t n);
size_t fake_get_file(struct fake_guard *fake, char *out, size_t size);
/* Answer the data request that is held. */
void fake_answer_data(struct fake_guard *fake, enum vfs_status status);
void fake_stop(struct fake_guard *fake, enum guard_stop reason, bool now);
void fake_ping(struct fake_guard *fake, uint32_t number);

#endif

/*
 * What the tests of FTP sessions share: a session between a test and the guard of fake_guard.h, with room for what comes of
 * it.  One at a time.
 */
#ifndef ENGINE_HARNESS_H
#define ENGINE_HARNESS_H

#include "fake_guard.h"

extern struct fake_guard fake;
extern char reply[32768];	    /* the last one */
extern char data[(1u << 20) + 1]; /* of a data connection, or of the file */

/* Of every suite: the guard of a session that has not begun. */
void engine_setup(void);

#define COMMAND(...) fake_command(&fake, reply, sizeof(reply), __VA_ARGS__)
#define REPLY()      fake_reply(&fake, reply, sizeof(reply))
#define SEND(text)   fake_send(&fake, (text), sizeof(text) - 1)
/* The guard has read what it was told without being asked for an answer: the end of a download. */
#define SETTLE()     cr_assert_eq(COMMAND("CWD /"), 250)

/* A table of lines and the codes they get, in one session. */
struct step {
	const char *line;
	unsigned code;
};

void engine_run_steps(const struct step *steps, size_t count);

#define RUN(steps) engine_run_steps((steps), sizeof(steps) / sizeof((steps)[0]))

/* A transfer: a passive port, the line, 150. */
void engine_start_transfer(const char *line);

#endif

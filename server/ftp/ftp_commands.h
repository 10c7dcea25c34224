/*
 * THE list of verbs.  What may be said when, with what argument and with which right stands in a
 * verb's row; ftp_dispatch applies it, so a handler never checks what its row says.
 *
 * Front only.  A row without handler is a verb we know and have not: it is answered 502.
 */
#ifndef FTP_COMMANDS_H
#define FTP_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vfs/vfs_path.h"

#define FTP_VERB_BYTES 12u /* longest verb and NUL, with room for other protocols' words */

struct ftp_session;
struct ftp_call;

typedef void ftp_handler_fn(struct ftp_session *session, struct ftp_call *call);
/* A list of what there is, with asterisks behind what the session has chosen. */
#define FTP_FEATURE_BYTES 160u
typedef void ftp_feature_fn(const struct ftp_session *session, char out[FTP_FEATURE_BYTES]);

/* What follows the verb. */
enum ftp_arg {
	FTP_ARG_NONE,    /* nothing but blanks */
	FTP_ARG_IGNORED, /* anything: these verbs must always work */
	FTP_ARG_OPTIONAL,
	FTP_ARG_REQUIRED,
	FTP_ARG_PATH, /* required; resolved against the working directory into call->path */
};

/* What must have gone before; each bit has its reply. */
enum ftp_need {
	FTP_NEED_USER = 1 << 0,        /* 503: USER has been said */
	FTP_NEED_RNFR = 1 << 1,        /* 503: RNFR was the command before */
	FTP_NEED_DATA = 1 << 2,        /* 425: EPSV, PASV, EPRT or PORT has been said */
	FTP_NEED_NO_LOGIN = 1 << 3,    /* 530: nobody is logged in */
	FTP_NEED_NO_EPSV_ALL = 1 << 4, /* 503: EPSV ALL has not been said */
	FTP_NEED_NO_USER = 1 << 5,     /* 503: USER has not been said */
	FTP_NEED_CPFR = 1 << 6,        /* 503: SITE CPFR has been said */
	FTP_NEED_AUTH = 1 << 7,        /* 503: the control connection speaks TLS */
	FTP_NEED_POLICY = 1 << 8,      /* 530: it does, or need not for a login */
	FTP_NEED_NO_AUTH = 1 << 9,     /* 503: it has not spoken TLS; after CCC the plain text may be anybody's */
	FTP_NEED_BEFORE_LOGIN = 1 << 10, /* 503: nobody is logged in, and here is what to do */
};

enum ftp_flag {
	FTP_ANYTIME = 1 << 0, /* before login too; every other verb is answered 530 */
	FTP_DURING_TRANSFER =
	    1 << 1, /* served while a transfer runs; every other waits for its end */
	FTP_DURING_IF_BARE = 1 << 2, /* the same, when there is no argument */
	FTP_TRANSFER = 1 << 3,       /* uses up REST and ALLO, whatever becomes of it */
	FTP_KEEPS_RENAME = 1 << 4,   /* does not make the session forget RNFR */
	FTP_INTERRUPTS = 1 << 5,     /* served at once even when a job has just begun (ftp_job.h) */
	FTP_USES_RANGE = 1 << 6,     /* uses up RANG, whatever becomes of it */
	FTP_IF_TLS = 1 << 7,         /* known only where there is a certificate; else 502 */
};

struct ftp_command {
	char verb[FTP_VERB_BYTES]; /* upper case, the key */
	ftp_handler_fn *handler;   /* runs only when every check passed; NULL: 502 */
	enum ftp_arg arg;
	unsigned needs;      /* FTP_NEED_* */
	uint32_t rights;     /* RIGHT_*: without any of them, 550; the guard checks again */
	unsigned flags;      /* enum ftp_flag */
	const char *feature; /* line of FEAT, or NULL; feature_list writes a %s at its end */
	ftp_feature_fn *feature_list;
	const char *help; /* "VERB <argument>: what it does" */
};

/* One command line that passed its row's checks. */
struct ftp_call {
	const struct ftp_command *command;
	char *argument;       /* NUL-terminated, "" when there is none; in session->line */
	struct vfs_path path; /* FTP_ARG_PATH only */
};

extern const struct ftp_command ftp_commands[];
extern const size_t ftp_command_count;

/* By verb in upper case; NULL when there is none. */
const struct ftp_command *ftp_commands_find(const char *verb);
/* Is it more than a name here? */
bool ftp_commands_is_served(const struct ftp_session *session, const struct ftp_command *command);
/* What we know of other protocols' first words: GET, EHLO, SSH-2.0 ...  n bytes of line, not a
 * string. */
bool ftp_commands_is_foreign(const char *line, size_t n);

/* The handlers of HELP and FEAT, which are the table in print. */
ftp_handler_fn ftp_commands_help;
ftp_handler_fn ftp_commands_feat;
/* The table in Markdown, for docs/. */
void ftp_commands_print(FILE *out);

#endif

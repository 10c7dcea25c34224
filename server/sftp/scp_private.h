/*
 * What the parts of the scp service share: scp_engine.c (the service), scp_sink.c (-t), scp_source.c (-f).
 */
#ifndef SFTP_SCP_PRIVATE_H
#define SFTP_SCP_PRIVATE_H

#include "server/base/buf.h"
#include "server/sftp/scp_command.h"
#include "server/sftp/scp_line.h"
#include "server/sftp/ssh_service.h"
#include "vfs/vfs_batch.h"
#include "vfs/vfs_path.h"

#define SCP_DEPTH_MAX 64u	/* directories inside directories */
#define SCP_TOO_DEEP "Too many directories inside each other"
#define SCP_GATHER_BYTES (1u << 20) /* written to a file at once, and input kept before no more is wanted */
#define SCP_INPUT_MAX_BYTES (SSH_SERVICE_WINDOW_BYTES + (1u << 20)) /* more means that flow control was broken */
#define SCP_READ_BYTES (256u << 10) /* read from a file at once */
#define SCP_OUTPUT_PAUSE_BYTES (32u << 10) /* no step is taken while so much waits for the client */

/* The file that is being moved. */
struct scp_file {
	int fd; /* -1: none */
	uint32_t handle;
	uint64_t left;	/* bytes of it still to be moved */
	uint64_t moved;
	enum vfs_status failure; /* of the transfer; the client hears it at the end */
};

/* --- scp -t ---------------------------------------------------------------------------------- */

enum scp_sink_state {
	SCP_SINK_START,
	SCP_SINK_RECORD,  /* waits for a record */
	SCP_SINK_DATA,    /* of a file */
	SCP_SINK_VERDICT, /* the client's own word on what it has sent */
};

/* A directory that is being filled. */
struct scp_sink_level {
	size_t path_length;	/* of the directory around it */
	struct vfs_change change; /* due at its end */
};

struct scp_sink {
	enum scp_sink_state state;
	struct vfs_path path;	/* the directory that is being filled, or the target */
	bool into_dir;		/* path is a directory: names go into it */
	bool wants_dir;		/* the target was written with a slash at its end */
	struct scp_sink_level levels[SCP_DEPTH_MAX];
	size_t depth;
	struct vfs_change times; /* of what comes next */
	struct vfs_change change; /* of the file that is being received */
	struct vfs_path file_path;
};

/* Do one thing; false when the client must send more first. */
bool scp_sink_step(struct ssh_service *scp);

/* --- scp -f ---------------------------------------------------------------------------------- */

enum scp_source_state {
	SCP_SOURCE_NEXT,	/* choose what to send next */
	SCP_SOURCE_DATA,
	/* Wait for the client's answer: */
	SCP_SOURCE_START,	/* to nothing: it speaks first */
	SCP_SOURCE_TIMES,	/* to T */
	SCP_SOURCE_HEADER,	/* to C or D */
	SCP_SOURCE_SENT,	/* to the content of a file */
	SCP_SOURCE_LEFT,	/* to E */
};

/* A directory that is being sent, or looked through for a pattern. */
struct scp_source_level {
	uint32_t handle;
	bool announced;		/* D was sent, E is due */
	bool ended;		/* the guard has no more entries */
	const char *pattern;	/* of names, NULL: all */
	bool matched;		/* the pattern */
	size_t path_length;
	uint64_t device;
	uint64_t inode;
	uint8_t *batch;		/* heap */
	struct vfs_batch_reader reader;
};

struct scp_source {
	enum scp_source_state state;
	size_t next_word;
	struct vfs_path path;	/* of what is being sent */
	struct vfs_attr attr;	/* of it */
	struct scp_source_level levels[SCP_DEPTH_MAX];
	size_t depth;
	bool dir_offered;	/* the topmost level is not entered before the client agrees */
};

/* Do one thing; false when the client must answer or take bytes first. */
bool scp_source_step(struct ssh_service *scp);
void scp_source_close(struct ssh_service *scp);

/* --- both ------------------------------------------------------------------------------------- */

struct ssh_service {
	struct ssh_service_start start; /* its command is good for no longer than the start */
	struct scp_command *command;
	struct buf input;
	struct buf output;
	int64_t moved_ms; /* when a byte last moved, either way */
	bool input_ended;
	bool failed; /* exit status 1 */
	bool done;
	struct scp_file file;
	union {
		struct scp_sink sink;
		struct scp_source source;
	};
};

/* Tell the client that something did not work, and go on.  path may be NULL. */
void scp_warn(struct ssh_service *scp, const char *path, const char *text);
/* Tell the client why this is the end. */
void scp_fatal(struct ssh_service *scp, const char *text);
/* The end, without a word. */
void scp_end(struct ssh_service *scp, bool failed);
/* Answer that all is well. */
void scp_agree(struct ssh_service *scp);
/* Close the file, if one is open; the guard's status. */
enum vfs_status scp_close_file(struct ssh_service *scp, enum vfs_outcome outcome);
/* path/name in path; VFS_NAME_TOO_LONG, VFS_BAD_NAME (reserved). */
enum vfs_status scp_descend(struct vfs_path *path, const char *name);
/* Cut path back to what it was before scp_descend. */
void scp_ascend(struct vfs_path *path, size_t length);

#endif

/*
 * What the files of the SFTP engine share; nobody else includes it, but for its tests.
 *
 * Front only.  The way of a request:
 *
 *   fxp_input.c       bytes -> packets, in a queue; data of WRITEs -> fxp_gather.c at once
 *   fxp_engine.c      fxp_service: when to work, when to stop
 *   fxp_requests.c    one packet -> its row -> its arguments -> its handler
 *   fxp_extensions.c  the same for EXTENDED, by name
 *   fxp_open.c fxp_read.c fxp_write.c fxp_dirs.c fxp_attrs.c fxp_names.c fxp_space.c fxp_copy.c fxp_check.c  handlers
 *   fxp_reply.c       answers, into fxp_output.c
 *   fxp_close.c       the end of handles
 */
#ifndef FXP_PRIVATE_H
#define FXP_PRIVATE_H

#include "server/sftp/fxp_gather.h"
#include "server/sftp/fxp_input.h"
#include "server/sftp/fxp_output.h"
#include "server/sftp/ssh_service.h"
#include "vfs/vfs_path.h"

struct fxp_check;

/* How far a handler came. */
enum fxp_progress {
	FXP_DONE,    /* the request is answered */
	FXP_MORE,    /* a step of a long one: call again, with the same request */
	FXP_NO_ROOM, /* the client must read first: call again, with the same request */
};

/* A request that is being dealt with. */
struct fxp_request {
	uint32_t id;
	struct fxp_reader body;	   /* what follows the arguments that the row takes */
	struct fxp_handle *handle; /* of rows that take one */
	struct vfs_path path;	   /* of rows that take one or two: absolute, in the user's view */
	struct vfs_path second;
};

/* A long request that is on its way: a copy, or checksums. */
struct fxp_job {
	bool running;
	bool own_handles; /* `from` and `to` were opened for it */
	uint32_t from;	  /* guard's handles */
	uint32_t to;
	uint64_t from_offset;
	uint64_t to_offset;
	uint64_t left; /* bytes; of a copy UINT64_MAX: to the end */
	struct fxp_check *check; /* of checksums, else NULL */
};

struct fxp {
	struct ssh_service_start start; /* everything in it is borrowed */
	struct guard_client *guard;
	struct fxp_input input;
	struct fxp_output output;
	struct fxp_gather gather;
	struct fxp_handles handles;
	struct fxp_request request;
	struct fxp_job job;
	struct fxp_handle *ahead; /* the directory of which the next batch is on its way */
	uint64_t changes;	  /* to files by this session */
	int64_t now_ms;		  /* when work was last called */
	int64_t moved_ms;	  /* when bytes of a file last moved */
	int64_t heard_ms;	  /* when the client last sent something */
	bool broken;		  /* the client broke the protocol, or memory ran out */
};

#endif

/*
 * How much of everything an SFTP session may use.
 *
 * Front only.  No functions.
 */
#ifndef FXP_LIMITS_H
#define FXP_LIMITS_H

#include "server/sftp/ssh_service.h"
#include "vfs/vfs_types.h"

/* The largest packet that clients may rely on is 34,000 bytes (draft-ietf-secsh-filexfer-02, 3); OpenSSH takes 256 KiB,
 * and its clients send that.  A little more, for those that do not count the header. */
#define FXP_PACKET_MAX_BYTES ((256u << 10) + 1024u)
#define FXP_READ_MAX_BYTES   (255u << 10) /* more is not refused but answered with so much */
#define FXP_WRITE_MAX_BYTES  (255u << 10) /* told to clients that ask; FXP_PACKET_MAX_BYTES is what counts */

#define FXP_HANDLES_MAX VFS_HANDLES_MAX

/* Requests that wait to be answered: above the first the client's further bytes should stay in the network, above the
 * second it has sent what no window allowed. */
#define FXP_QUEUE_FULL_BYTES (512u << 10)
#define FXP_QUEUE_MAX_BYTES  (SSH_SERVICE_WINDOW_BYTES + (1u << 20))

/* Room in the output that a handler may count on. */
#define FXP_REPLY_MAX_BYTES (16u << 10)
/* A NAME packet of READDIR: more entries in one save round trips, but older clients have small buffers. */
#define FXP_NAMES_MAX_BYTES (64u << 10)
/* What one call of work makes before it lets the transport send. */
#define FXP_WORK_BYTES	    (256u << 10)
#define FXP_WORK_REQUESTS   64u

/* Bytes of WRITEs are gathered: large writes to a file cost a third of small ones. */
#define FXP_GATHER_BYTES	 (1u << 20)
#define FXP_GATHER_ENOUGH_BYTES	 (768u << 10) /* written out then; the rest is room for what is on its way */
#define FXP_GATHER_DIRECT_BYTES	 (128u << 10) /* that came in one turn: written out without being copied */
#define FXP_GATHER_LENT		 64	      /* pieces of them */
#define FXP_GATHER_COPIED_BYTES	 4096u	      /* a smaller piece is copied at once */
#define FXP_GATHERS		 SSH_SERVICE_BUFFERS /* in one session, whatever the number of open files */
#define FXP_GATHER_WAIT_MS	 500	      /* others see the bytes after so long, even if no more come */
#define FXP_SMALL_BYTES		 (64u << 10)  /* touched memory that is not worth giving back at once */
#define FXP_TRIM_MS		 2000	      /* buffers that were not used for so long are given back */

#define FXP_FRESH_MS	1000  /* how long FSTAT may repeat what OPEN was told */
#define FXP_MOVING_MS	10000 /* an open file that moved within this time is a transfer, a packet that grew a request */

/* check-file: the least block (draft-ietf-secsh-filexfer-extensions-00, 3), what is read at a time and in one step. */
#define FXP_CHECK_BLOCK_MIN  256u
#define FXP_CHECK_READ_BYTES (128u << 10)
#define FXP_CHECK_STEP_BYTES (16u << 20)
#define FXP_CHECK_MAX_BYTES  (64u << 10) /* of all checksums of one reply */

#endif

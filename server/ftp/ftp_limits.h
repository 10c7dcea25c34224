/* Bounds of the FTP engine: what one client can make it hold.  Units are in the names. */
#ifndef FTP_LIMITS_H
#define FTP_LIMITS_H

#define FTP_LINE_MAX_BYTES   4096u  /* a command line without its end; a longer one gets one 500 */
#define FTP_INPUT_BYTES      16384u /* lines waiting while a transfer runs; then reading stops */
#define FTP_OUT_MAX_BYTES    65536u /* replies the client has not read; more ends the session */
#define FTP_OUT_PAUSE_BYTES  16384u /* above this no further command is served */
#define FTP_BAD_COMMANDS_MAX 20u  /* unknown or malformed lines in a row before the session ends */
#define FTP_GOODBYE_MS       2000 /* for the last reply to leave */

#define FTP_LINGER_FIRST_LOOK_MS 1000          /* after a download over TLS: has its client closed, too?  Then twice as late each */
#define FTP_LINGER_STEP_BYTES    4096u
#define FTP_LINGER_LOOK_BYTES    (256u << 10) /* of what it says besides, dropped at each look */

#define FTP_STORE_BLOCK_BYTES (512u << 10) /* large writes are what makes uploads cheap */
#define FTP_STORE_FIRST_BYTES (16u << 10)  /* block of an upload until it proves to be longer */
#define FTP_STORE_SPARE_BYTES 64u          /* behind both, for the CR that ASCII may hold back */
#define FTP_STORE_WAKE_BYTES  (512u << 10) /* SO_RCVLOWAT of an upload that proved to be long */
#define FTP_PIPE_BYTES        (1u << 20)   /* between socket and file */
#define FTP_PIPE_MIN_BYTES    (256u << 10) /* less than that is no gain (pipe-user-pages-soft) */
#define FTP_DESERTED_SHARE \
	16 /* this part of an upload's time is waited for its client's desertion, */
#define FTP_DESERTED_MAX_MS   250 /* and no longer: on a busy machine a dying client takes its time */
#define FTP_TLS_BLOCK_BYTES   (128u << 10) /* of a file, read and encrypted at once */
#define FTP_TLS_TURN_BYTES    (2u << 20)   /* at most, between two looks at the control connection */
#define FTP_KERNEL_TLS_BYTES  (256u << 10) /* a download of less is sealed before the kernel has the keys */
#define FTP_TRIM_BYTES        (1u << 20) /* a transfer over TLS of more is worth tidying up behind it */
#define FTP_ASCII_BLOCK_BYTES (192u << 10)
#define FTP_LIST_BLOCK_BYTES  (128u << 10)
#define FTP_SENDFILE_BYTES    (8u << 20) /* at most, between two looks at the control connection */
#define FTP_ASCII_SKIP_BYTES  (4u << 20) /* of a restart in ASCII, between two looks */

#define FTP_DIGEST_BLOCK_BYTES (256u << 10)
#define FTP_DIGEST_STEP_BYTES  (4u << 20) /* of a checksum, between two looks */
#define FTP_COPY_STEP_BYTES    (8u << 20) /* of a copy inside the server */
#define FTP_JOB_ORDER_MS       1000 /* so long a checksum or copy is answered before what follows it */
#define FTP_CLIENT_NAMES_MAX   16u  /* CLNT and CSID of a session that the log hears of */
#define FTP_CERTIFICATES_MAX   50u  /* USER of a session whose client has shown a certificate */

#define FTP_REMOVE_MAX 1000000u /* names that one SITE RMDIR removes */

#define FTP_WALK_SORT_BATCHES 4u     /* a directory that fits into so many batches is sorted */
#define FTP_WALK_DEPTH_MAX    16u    /* of LIST -R */
#define FTP_WALK_DIRS_MAX     10000u /* directories one LIST -R visits */
#define FTP_WALK_PENDING_MAX  4096u  /* directories it remembers to visit */

#endif

/* Bounds of TLS: what one client can make it hold or do.  Units are in the names. */
#ifndef TLS_LIMITS_H
#define TLS_LIMITS_H

#define TLS_CERTIFICATES_MAX	   32u	/* tls { } and every tls_host { } */
#define TLS_CLIENT_CHAIN_BYTES	   32768 /* certificates that a client may send: GUARD_CHAIN_MAX_BYTES */
#define TLS_HANDSHAKE_MAX_BYTES	   65536u /* of the client's, in one handshake */
/*
 * In TLS 1.2 a client with a certificate signs all that was said before, which the guard then checks (GUARD_SIGNED_MAX_BYTES).
 * Half of that is for the client; of ours the names of client_ca are left out when they do not fit beside the server's own
 * certificates, as RFC 5246 7.4.4 allows.
 */
#define TLS_SERVER_WORDS_BYTES 8192u

#define TLS_RECORD_BYTES      16384u /* payload of the largest record (RFC 8446 5.1) */
#define TLS_RECORD_EXTRA      320u   /* header, IV, tag and padding of one at most */
#define TLS_RECORD_LEAST      512u   /* payload of the smallest that a client may ask for (RFC 6066 4) */
/* With the blocks of the FTP engine all that is in work at a time stays in a processor's second-level cache. */
#define TLS_WRITE_BYTES	      (128u << 10) /* payload that is encrypted in one go */
#define TLS_SEND_BYTES	      (512u << 10) /* gathered before it is sent in one go */
#define TLS_SEND_BUFFER_BYTES \
	(TLS_SEND_BYTES + TLS_WRITE_BYTES + (TLS_WRITE_BYTES / TLS_RECORD_LEAST + 4) * TLS_RECORD_EXTRA)
/* Read from the network in one go: so many records of full size, of TLS 1.3, whose payload makes a block of a file. */
#define TLS_RECEIVE_RECORDS 32u
#define TLS_RECEIVE_BYTES   (TLS_RECEIVE_RECORDS * (TLS_RECORD_BYTES + 22u))
#define TLS_LENT_MAX	    64 /* pieces of payload that are lent at a time */
/* A shorter piece is moved to the one before it: fewer of them are worth the copy. */
#define TLS_LENT_WHOLE_BYTES 4096u

/* Where the kernel seals: room in TCP's buffer for the records that wait before an alert, two, seldom more. */
#define TLS_KERNEL_ROOM_BYTES	 (128u << 10)
#define TLS_KERNEL_MESSAGE_BYTES 16u /* of the longest record that is not payload */
/* It counts no records for us, and takes no new keys: so many bytes are 2^24 records even of a quarter's size. */
#define TLS_KERNEL_MAX_BYTES	 (UINT64_C(1) << 36)

/*
 * Records of a client that bring no payload: empty ones, KeyUpdate, alerts, tries to renegotiate.  So many are let
 * pass to begin with, and as many again for each MiB of payload; a client that needs more is after our time.
 */
#define TLS_CHAFF_RECORDS 32u

#define TLS_SESSIONS_CACHED  8L /* TLS 1.2 without tickets: an FTP session's own, in its own process */
#define TLS_SESSION_SECONDS  (30L * 24 * 3600) /* no FTP session that goes on may see its tickets run out */
#define TLS_TICKETS_AT_START 2u

#define TLS_NAME_BYTES 256u /* host name of SNI with NUL (RFC 1035: 253) */

#endif

/*
 * The client's connection below libssh: bytes read ahead, bytes gathered, and no surprise in between.
 *
 * Front only.  libssh reads 4 KiB at a time, and takes EAGAIN and EINTR for the end of a connection.  So the
 * executable defines poll(2), recv(2) and send(2) itself: for the one descriptor that ssh_socket_open was given
 * libssh meets two buffers in memory, which ssh_socket_wait, _fill and _flush carry to and from the kernel; for
 * every other descriptor, and in every process that opened none, they are the system's calls.
 *
 * That one connection is the process's only state here: the callers of the three are libraries, and bring none.
 */
#ifndef SERVER_SFTP_SSH_SOCKET_H
#define SERVER_SFTP_SSH_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSH_SOCKET_AHEAD_BYTES (128u << 10)	/* read from the kernel at one time */
#define SSH_SOCKET_GATHER_BYTES (64u << 10)	/* less than this waits for the end of the turn */
#define SSH_SOCKET_OUT_MAX_BYTES (256u << 10)	/* waiting for the kernel to take it */

/* From now on this connection is carried; fd stays the caller's and does not block. */
void ssh_socket_open(int fd);
/* No connection is carried any more; what was not sent is lost. */
void ssh_socket_close(void);

/*
 * Wait until the connection has something to do, or other_fd is readable (*other_out), or timeout_ms passed (-1:
 * no bound of its own).  for_input: wake up for input.  False when poll(2) failed for good.
 */
bool ssh_socket_wait(int other_fd, bool for_input, int timeout_ms, bool *other_out);
/* Read ahead if nothing is held.  The bytes that came, 0 when none; *bytes_out is good until libssh runs. */
size_t ssh_socket_fill(const uint8_t **bytes_out);
/* Give the kernel what it takes of the bytes gathered. */
void ssh_socket_flush(void);
/* Tell the client now that its bytes came, if nothing that was sent since then has told it. */
void ssh_socket_acknowledge(void);
/* May libssh see input?  Off: it stays here, then in the kernel, then with the client. */
void ssh_socket_let_in(bool on);
/* Send without gathering: for the last words before libssh closes the descriptor. */
void ssh_socket_go_direct(void);
/* Nothing moves: give the memory of big transfers back. */
void ssh_socket_rest(void);

/* Is there something for libssh to read: bytes, or the end? */
bool ssh_socket_holds_input(void);
/* Bytes that wait for the kernel. */
size_t ssh_socket_unsent(void);
/* Has the client's side ended, well or badly (*error_out: errno, 0 for a clean end)? */
bool ssh_socket_ended(int *error_out);
/* Bytes received and sent so far. */
uint64_t ssh_socket_received(void);
uint64_t ssh_socket_sent(void);
/* How often libssh has called through here: for the self-test at start-up. */
unsigned ssh_socket_calls(void);

#endif

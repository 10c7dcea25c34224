/*
 * The client's connection and libssh's end of it, with ssh_packets.c in between.
 *
 * Front only.  libssh reads 4 KiB at a time, and takes EAGAIN and EINTR for the end of a connection.  So the
 * executable defines poll(2), recv(2) and send(2) itself: for the one descriptor that ssh_socket_open was given
 * libssh meets two buffers in memory; for every other descriptor, and in every process that opened none, they are the
 * system's calls.
 *
 *     kernel -> input -> ssh_packets.c -> for libssh -> recv(2)
 *     kernel <- output <- ssh_packets.c <- from libssh <- send(2)
 *
 * That one connection is the process's only state here: the callers of the three are libraries, and bring none.
 */
#ifndef SERVER_SFTP_SSH_SOCKET_H
#define SERVER_SFTP_SSH_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSH_SOCKET_AHEAD_BYTES (256u << 10)  /* read from the kernel at one time */
#define SSH_SOCKET_GATHER_BYTES (250u << 10) /* less output than this, a READ at its longest, waits for the end of the turn */
#define SSH_SOCKET_FULL_BYTES (64u << 10)    /* with more output than this unsent, data waits for the client to read */
#define SSH_SOCKET_INNER_MAX_BYTES (640u << 10) /* between libssh and ssh_packets.c, either way: one packet, or some */

/* From now on this connection is carried; fd stays the caller's and does not block. */
void ssh_socket_open(int fd);
/* No connection is carried any more; what was not sent is lost. */
void ssh_socket_close(void);

/* --- the kernel's side --- */

/*
 * Wait until the connection has something to do, or other_fd is readable (*other_out), or timeout_ms passed (-1:
 * no bound of its own).  for_input: wake up for input; while a client streams, for a good deal of it, or a little later
 * for what there is, so that it may seem to have waited in vain.  False when poll(2) failed for good.
 */
bool ssh_socket_wait(int other_fd, bool for_input, int timeout_ms, bool *other_out);
/* Read more input behind what there is: how many bytes came, 0 when none. */
size_t ssh_socket_fill(void);
/* The input that waits, and may be changed in place; good until ssh_socket_fill. */
uint8_t *ssh_socket_input(size_t *n_out);
void ssh_socket_consume(size_t n);
/* What waits is less than a packet: if nothing more comes, libssh may hear of the end. */
void ssh_socket_starve(void);
/* Room for n bytes of output, which ssh_socket_commit makes part of it; NULL when there is no memory. */
uint8_t *ssh_socket_reserve(size_t n);
void ssh_socket_commit(size_t n);
/* Give the kernel what it takes of the output. */
void ssh_socket_flush(void);
/* The same if enough has been gathered. */
void ssh_socket_flush_some(void);
/* Tell the client now that its bytes came, if nothing that was sent since then has told it. */
void ssh_socket_acknowledge(void);
/* Nothing moves: give the memory of big transfers back. */
void ssh_socket_rest(void);

/* Bytes that wait for the kernel. */
size_t ssh_socket_unsent(void);
/* Did the kernel leave so much of the output that data should wait for the client to read? */
bool ssh_socket_is_full(void);
/* Has the client's side ended, well or badly (*error_out: errno, 0 for a clean end)? */
bool ssh_socket_ended(int *error_out);
/* Bytes received and sent so far. */
uint64_t ssh_socket_received(void);
uint64_t ssh_socket_sent(void);

/* --- libssh's side --- */

/* Who is called when libssh has written, before its send(2) returns; NULL: nobody. */
void ssh_socket_on_write(void (*written)(void *context), void *context);
/* What it has written and nobody has consumed; may be changed in place until more is written. */
uint8_t *ssh_socket_written(size_t *n_out);
void ssh_socket_written_consume(size_t n);
/* Room for n bytes that libssh will read, once ssh_socket_hand_over has been told how many; NULL: no memory. */
uint8_t *ssh_socket_hand_room(size_t n);
void ssh_socket_hand_over(size_t n);
/* Bytes that libssh has not read yet. */
size_t ssh_socket_handed(void);
/* May libssh see input?  Off: what was handed over waits. */
void ssh_socket_let_in(bool on);
/* Send without gathering: for the last words before libssh closes the descriptor. */
void ssh_socket_go_direct(void);

#endif

/*
 * One SSH session, as the files of the transport share it: ssh_front.c, ssh_outcome.c, ssh_auth.c, ssh_channels.c.
 */
#ifndef SERVER_SFTP_SSH_FRONT_PRIVATE_H
#define SERVER_SFTP_SSH_FRONT_PRIVATE_H

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "server/sftp/ssh_algorithms.h"
#include "server/sftp/ssh_front.h"
#include "server/sftp/ssh_keys.h"
#include "server/sftp/ssh_packets.h"
#include "server/sftp/ssh_service.h"

#define SSH_CHANNELS_MAX 10 /* as OpenSSH's MaxSessions: a master connection serves several sftp at once */

enum ssh_front_phase { SSH_FRONT_KEX, SSH_FRONT_LOGIN, SSH_FRONT_SERVING };

/* State of the logins of ssh_auth.c. */
struct ssh_login {
	uint32_t methods;	/* GUARD_METHOD_* that may come next */
	bool banner_sent;
	bool asked;		/* by keyboard-interactive; the answer must be next */
	unsigned answered;	/* login requests that libssh has passed on */
	char asked_user[GUARD_USER_NAME_MAX + 1];
	char last_user[GUARD_USER_NAME_MAX + 1];
	/* After the login: */
	char user[GUARD_USER_NAME_MAX + 1];
	char start_dir[GUARD_PATH_MAX + 1];
	uint32_t rights;
	uint32_t uid;
};

/* A channel, of ssh_channels.c. */
struct ssh_lane {
	struct ssh_front *front;
	ssh_channel channel;	/* NULL: free */
	struct ssh_channel_callbacks_struct callbacks;
	const struct ssh_service_row *row;
	struct ssh_service *service;
	bool open;		/* confirmed: `ours` is known */
	bool eof;		/* the client sends no more */
	bool closed;		/* by the client */
	bool closing;		/* by us; the client's part is still to come */
	uint32_t theirs, ours;	/* numbers of the channel */
	uint32_t may_send;	/* bytes: the client's window */
	uint32_t may_take;	/* bytes: what is left of ours */
	uint32_t packet_max;	/* bytes of data in a packet to the client */
};

struct ssh_front {
	const struct ssh_front_start *start;
	enum ssh_front_phase phase;
	ssh_session session;
	ssh_event event;
	struct ssh_server_callbacks_struct callbacks;
	struct ssh_counter_struct counted;	/* of libssh's packets */
	struct ssh_packets packets;
	char ours[SSH_ALGORITHM_KINDS][SSH_ALGORITHMS_LIST_BYTES];
	struct ssh_keys keys;
	struct ssh_login login;
	struct ssh_lane lanes[SSH_CHANNELS_MAX];
	unsigned buffers_left;	/* for the services of all lanes */
	bool stopping;		/* as soon as nothing runs */
	enum guard_stop stop_reason;
	bool ending;
	enum guard_bye bye;
	const char *last_words;	/* for SSH_MSG_DISCONNECT; NULL: none */
	int64_t active_ms;	/* last byte of a service's, in or out */
	int64_t heard_ms;	/* last byte of the client's */
	uint64_t heard_bytes;
	unsigned questions;	/* keepalives since then */
	int64_t cpu_limited_ms;
	int64_t rekey_tried_ms;
	int64_t exchange_deadline_ms; /* of the key exchange that is under way */
	bool input_waits;	/* packets that somebody was not ready for */
	bool rested;
};

/* End the session after what runs now; the first call counts.  words: static, for the client, or NULL. */
void ssh_front_end(struct ssh_front *front, enum guard_bye bye, const char *words);

/* ssh_outcome.c: tell the guard, for the log, how the first key exchange came out. */
void ssh_outcome_agreed(struct ssh_front *front);
void ssh_outcome_failed(struct ssh_front *front);

/* ssh_auth.c: set what libssh calls for logins. */
void ssh_auth_prepare(struct ssh_front *front);
/* Did libssh drop a login request without an answer? */
bool ssh_auth_was_dropped(const struct ssh_front *front);

/* ssh_channels.c: a channel for a client that asks for one; NULL: no. */
ssh_channel ssh_channels_open(struct ssh_front *front);
/* struct ssh_packets_owner's; context: the front. */
bool ssh_channels_confirmed(void *context, struct ssh_packets_opening *opening);
bool ssh_channels_take_data(
    void *context, uint32_t channel, bool extended, const uint8_t *bytes, size_t n);
bool ssh_channels_take_window(void *context, uint32_t channel, uint32_t more);
/* Let services work and send; true when there is more to do at once. */
bool ssh_channels_work(struct ssh_front *front);
/* In how many milliseconds a service wants to work though nothing happens; -1: none does. */
int ssh_channels_wait_ms(const struct ssh_front *front);
/* Is everybody ready for more input? */
bool ssh_channels_want_input(const struct ssh_front *front);
/* Does a transfer or a request run?  Does output wait for the client? */
bool ssh_channels_busy(const struct ssh_front *front);
bool ssh_channels_hold_output(const struct ssh_front *front);
/* End all services; what they have open ends as aborted. */
void ssh_channels_clear(struct ssh_front *front);

#endif

#include "server/sftp/ssh_front.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"
#include "server/sftp/ssh_front_private.h"
#include "server/sftp/ssh_libcrypto.h"
#include "server/sftp/ssh_socket.h"

#define BEFORE_LOGIN_MAX_BYTES (1u << 20)
#define UNANSWERED_MAX         4
#define GOODBYE_MS             1000
#define GOODBYE_DRAIN_BYTES    (1u << 20)
#define REST_MS                2000
/* Processor time of one turn, beyond which the kernel ends the process: libssh has loops without an end. */
#define TURN_CPU_SECONDS       15
#define CPU_LIMIT_EVERY_MS     1000
/* libssh counts milliseconds since the last exchange of keys in an int: to be asked for one, it must have begun to. */
#define REKEY_NEVER_SECONDS    (20u * 24 * 3600)
#define REKEY_NOW_SECONDS      1u
#define REKEY_TRY_MS           1000

#define STOP_TEXT(name, text) [GUARD_STOP_##name] = (text),
static const char *const stop_texts[GUARD_STOP_COUNT] = { GUARD_STOPS(STOP_TEXT) };

void ssh_front_end(struct ssh_front *front, enum guard_bye bye, const char *words)
{
	if (front->ending)
		return;
	front->ending = true;
	front->bye = bye;
	front->last_words = words;
}

/* --- setting up ------------------------------------------------------------------------------ */

/* Ciphers and MACs are the same for both directions. */
static bool set_bind_lists(struct ssh_front *front, ssh_bind bind)
{
	static const struct {
		enum ssh_bind_options_e option;
		enum ssh_algorithm_kind kind;
	} options[] = {
		{ SSH_BIND_OPTIONS_KEY_EXCHANGE, SSH_ALGORITHM_KEX },
		{ SSH_BIND_OPTIONS_CIPHERS_C_S, SSH_ALGORITHM_CIPHER },
		{ SSH_BIND_OPTIONS_CIPHERS_S_C, SSH_ALGORITHM_CIPHER },
		{ SSH_BIND_OPTIONS_HMAC_C_S, SSH_ALGORITHM_MAC },
		{ SSH_BIND_OPTIONS_HMAC_S_C, SSH_ALGORITHM_MAC },
	};
	const struct conf_ssh *ssh = &front->start->conf->ssh;
	char allowed[SSH_ALGORITHMS_LIST_BYTES];

	for (int kind = 0; kind < SSH_ALGORITHM_KINDS; kind++)
		ssh_algorithms_list(ssh, front->start->listener->algorithms,
		    (enum ssh_algorithm_kind)kind, front->ours[kind]);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (ssh_bind_options_set(bind, options[i].option, front->ours[options[i].kind]) != SSH_OK)
			return false;
	}
	text_copy(allowed, sizeof(allowed), front->ours[SSH_ALGORITHM_HOST_KEY]);
	return ssh_keys_install(&front->keys, bind, allowed, front->ours[SSH_ALGORITHM_HOST_KEY],
	    SSH_ALGORITHMS_LIST_BYTES);
}

static bool accept_client(struct ssh_front *front)
{
	const struct ssh_front_start *start = front->start;
	const uint32_t rekey_never = REKEY_NEVER_SECONDS;
	bool no = false;
	ssh_bind bind = ssh_bind_new();
	bool good;

	front->session = ssh_new();
	good = bind != NULL && front->session != NULL &&
	       ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no) == SSH_OK &&
	       ssh_bind_options_set(bind, SSH_BIND_OPTIONS_BANNER, start->conf->ssh.software_version) ==
	           SSH_OK &&
	       set_bind_lists(front, bind) &&
	       ssh_bind_accept_fd(bind, front->session, start->client_fd) == SSH_OK &&
	       ssh_options_set(front->session, SSH_OPTIONS_COMPRESSION_C_S, "none") == SSH_OK &&
	       ssh_options_set(front->session, SSH_OPTIONS_COMPRESSION_S_C, "none") == SSH_OK &&
	       ssh_options_set(front->session, SSH_OPTIONS_REKEY_TIME, &rekey_never) == SSH_OK;
	if (bind != NULL)
		ssh_bind_free(bind);
	if (!good)
		return false;
	ssh_keys_divert(&front->keys);
	ssh_set_blocking(front->session, 0);
	ssh_set_counters(front->session, NULL, &front->counted);
	ssh_auth_prepare(front);
	return true;
}

/* libssh has given the connection up: whose doing was it? */
static void end_with_reason(struct ssh_front *front)
{
	int error = 0;
	const bool ended = ssh_socket_ended(&error);

	if (error != 0)
		ssh_front_end(front, GUARD_BYE_RESET, NULL);
	else if (strstr(ssh_get_error(front->session), "Received SSH_MSG_DISCONNECT") != NULL)
		ssh_front_end(front, GUARD_BYE_QUIT, NULL);
	else
		ssh_front_end(front, ended ? GUARD_BYE_CLOSED : GUARD_BYE_PROTOCOL, NULL);
}

/* --- input ----------------------------------------------------------------------------------- */

static void exchange_keys(struct ssh_front *front)
{
	int status = ssh_handle_key_exchange(front->session);

	if (status == SSH_AGAIN)
		return;
	if (status != SSH_OK) {
		ssh_outcome_failed(front);
		end_with_reason(front);
		return;
	}
	ssh_outcome_agreed(front);
	front->event = ssh_event_new();
	if (front->event == NULL || ssh_event_add_session(front->event, front->session) != SSH_OK) {
		ssh_front_end(front, GUARD_BYE_INTERNAL, NULL);
		return;
	}
	front->phase = SSH_FRONT_LOGIN;
}

/*
 * What we say in answer must not pile up, either.  But while a key exchange holds our data back, only more input can end
 * it; a service that would rather wait has room for all that the window allows.
 */
static bool wants_input(const struct ssh_front *front)
{
	return !front->ending && !ssh_socket_is_full() &&
	       (front->packets.out.exchanging || ssh_channels_want_input(front));
}

static void notice_end(struct ssh_front *front)
{
	if (ssh_is_connected(front->session) != 0) {
		/* A message out of its place: libssh then ignores all that comes, and waits. */
		if ((ssh_get_status(front->session) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0)
			ssh_front_end(front, GUARD_BYE_PROTOCOL, "The client broke the protocol");
		return;
	}
	end_with_reason(front);
}

/* Let libssh serve what it was handed: one packet, or 4 KiB of it. */
static void pump(struct ssh_front *front)
{
	if (front->phase == SSH_FRONT_KEX) {
		exchange_keys(front);
		return;
	}
	if (ssh_event_dopoll(front->event, 0) == SSH_ERROR) {
		notice_end(front);
		ssh_front_end(front, GUARD_BYE_PROTOCOL, NULL);
	}
	notice_end(front);
	if (front->phase == SSH_FRONT_LOGIN && ssh_socket_handed() == 0 && ssh_auth_was_dropped(front))
		ssh_front_end(front, GUARD_BYE_PROTOCOL,
		    "This key or signature cannot be read: use another key, or a password");
}

/* A packet that is none: an identification or a key exchange that failed has its reason in libssh's words. */
static void end_broken(struct ssh_front *front)
{
	if (front->phase == SSH_FRONT_KEX && !front->ending)
		ssh_outcome_failed(front);
	ssh_front_end(front, GUARD_BYE_PROTOCOL, "A packet is damaged or not well-formed");
}

static void begin_service(struct ssh_front *front)
{
	ssh_packets_serve(&front->packets);
	front->active_ms = clock_mono_ms();
	malloc_trim(0);
}

/* True when libssh has read something of it. */
static bool let_libssh_read(struct ssh_front *front)
{
	const enum ssh_front_phase before = front->phase;
	const size_t handed = ssh_socket_handed();

	pump(front);
	if (before != SSH_FRONT_SERVING && front->phase == SSH_FRONT_SERVING)
		begin_service(front);
	return ssh_socket_handed() < handed;
}

/* Packets as far as they go: channels take theirs, libssh those that are its own, one by one. */
static void take_packets(struct ssh_front *front)
{
	enum ssh_packets_state state;
	bool ended;
	int error;

	do {
		state = ssh_packets_advance(&front->packets);
	} while (state == SSH_PACKETS_HANDED && let_libssh_read(front) && !front->ending);
	front->input_waits = state == SSH_PACKETS_PAUSED;
	ended = ssh_socket_ended(&error);
	if (state == SSH_PACKETS_BROKEN)
		end_broken(front);
	else if (ended && (state == SSH_PACKETS_HUNGRY || error != 0) && !front->ending)
		pump(front);
}

static void take_input(struct ssh_front *front)
{
	if (wants_input(front))
		ssh_socket_fill();
	if (front->phase != SSH_FRONT_SERVING && ssh_socket_received() > BEFORE_LOGIN_MAX_BYTES) {
		ssh_front_end(front, GUARD_BYE_PROTOCOL, "Too much data before the login");
		return;
	}
	take_packets(front);
}

static bool is_ready(void *context)
{
	return wants_input(context);
}

/* --- the guard ------------------------------------------------------------------------------- */

static void take_stop(struct ssh_front *front, const struct guard_note_stop *note)
{
	front->stopping = true;
	front->stop_reason = (enum guard_stop)note->reason;
	if (note->now != 0)
		ssh_front_end(front,
		    front->stop_reason == GUARD_STOP_LOGIN_TIMEOUT ? GUARD_BYE_LOGIN_TIMEOUT
		                                                   : GUARD_BYE_STOPPED,
		    stop_texts[front->stop_reason]);
}

static void take_notices(struct ssh_front *front)
{
	struct guard_client_event event;

	while (guard_client_next(front->start->guard, &event)) {
		const struct guard_req_pong pong = { .number = event.note.ping.number };

		if (event.notice && event.number == GUARD_NOTICE_stop)
			take_stop(front, &event.note.stop);
		else if (event.notice && event.number == GUARD_NOTICE_ping)
			guard_client_pong(front->start->guard, &pong, NULL, NULL);
		else
			io_close(&event.fd);
	}
	if (front->stopping && !ssh_channels_busy(front))
		ssh_front_end(front, GUARD_BYE_STOPPED, stop_texts[front->stop_reason]);
}

/* --- time ------------------------------------------------------------------------------------ */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t keepalive_due(const struct ssh_front *front)
{
	return front->heard_ms +
	       front->start->conf->ssh.keepalive_interval * ((int64_t)front->questions + 1);
}

/* Before the login time is the guard's. */
static int64_t next_deadline(const struct ssh_front *front)
{
	int64_t deadline;

	if (front->phase != SSH_FRONT_SERVING)
		return CLOCK_NEVER;
	deadline = earlier(
	    keepalive_due(front), front->active_ms + front->start->conf->ssh.idle_timeout);
	deadline = earlier(deadline, front->exchange_deadline_ms);
	return front->rested ? deadline : earlier(deadline, front->active_ms + REST_MS);
}

/* The first call after an answer only takes it note of it; libssh sends with the second. */
static void ask_whether_alive(struct ssh_front *front)
{
	uint64_t before = front->counted.out_packets;

	ssh_socket_let_in(false);
	ssh_send_keepalive(front->session);
	if (front->counted.out_packets == before)
		ssh_send_keepalive(front->session);
	ssh_socket_let_in(true);
	front->questions++;
}

static void listen_for_life(struct ssh_front *front, int64_t now)
{
	/* What we do not read says nothing. */
	if (ssh_socket_received() != front->heard_bytes || !wants_input(front)) {
		front->heard_bytes = ssh_socket_received();
		front->heard_ms = now;
		front->questions = 0;
	}
	if (keepalive_due(front) > now)
		return;
	if (front->questions >= UNANSWERED_MAX)
		ssh_front_end(front, GUARD_BYE_RESET, NULL);
	else
		ask_whether_alive(front);
}

static void bound_exchange(struct ssh_front *front, int64_t now)
{
	front->exchange_deadline_ms = ssh_packets_exchange_deadline(&front->packets, now);
	if (now >= front->exchange_deadline_ms)
		ssh_front_end(front, GUARD_BYE_PROTOCOL, "The key exchange takes too long");
}

static void check_deadlines(struct ssh_front *front)
{
	int64_t now = clock_mono_ms();

	if (front->ending || front->phase != SSH_FRONT_SERVING)
		return;
	bound_exchange(front, now);
	listen_for_life(front, now);
	if (now < front->active_ms + REST_MS) {
		front->rested = false;
	} else if (!front->rested) {
		front->rested = true;
		ssh_socket_rest();
		ssh_packets_forget_offers(&front->packets);
		malloc_trim(0);
	}
	if (now < front->active_ms + front->start->conf->ssh.idle_timeout)
		return;
	if (ssh_channels_hold_output(front))
		ssh_front_end(front, GUARD_BYE_SLOW, NULL);
	else if (!ssh_channels_busy(front) || front->packets.damaged)
		ssh_front_end(front, GUARD_BYE_IDLE, "Idle timeout");
	else
		front->active_ms = now;
}

/* The kernel's watchdog, wound up again and again: only a turn that never ends meets it. */
static void limit_turn(struct ssh_front *front)
{
	struct timespec used;
	int64_t now = clock_mono_ms();
	struct rlimit limit;

	if (front->cpu_limited_ms != 0 && now < front->cpu_limited_ms + CPU_LIMIT_EVERY_MS)
		return;
	front->cpu_limited_ms = now;
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0 || getrlimit(RLIMIT_CPU, &limit) != 0)
		return;
	/* Where it is refused (a hard limit of the administrator's), the guard's ping remains. */
	limit.rlim_cur = (rlim_t)used.tv_sec + TURN_CPU_SECONDS;
	setrlimit(RLIMIT_CPU, &limit);
}

/* --- the loop -------------------------------------------------------------------------------- */

static void wait_for_work(struct ssh_front *front, bool more)
{
	const bool for_input = wants_input(front);
	int timeout_ms = clock_poll_ms(next_deadline(front));
	int service_ms = ssh_channels_wait_ms(front);
	bool guard_speaks = false;

	if (service_ms >= 0 && (timeout_ms < 0 || service_ms < timeout_ms))
		timeout_ms = service_ms;
	if (more || guard_client_holds(front->start->guard) || (for_input && front->input_waits))
		timeout_ms = 0;
	if (!ssh_socket_wait(
	        guard_client_fd(front->start->guard), for_input, timeout_ms, &guard_speaks))
		ssh_front_end(front, GUARD_BYE_INTERNAL, NULL);
	if (guard_speaks || guard_client_holds(front->start->guard) || front->stopping)
		take_notices(front);
}

/* libssh sends the first packet of several itself, and the others when it is asked the next time. */
static void push_output(struct ssh_front *front)
{
	if (front->ending || (ssh_get_status(front->session) & SSH_WRITE_PENDING) == 0)
		return;
	ssh_socket_let_in(false);
	pump(front);
	ssh_socket_let_in(true);
}

/*
 * OpenSSH's client leaves Nagle's algorithm on: its SERVICE_REQUEST behind NEWKEYS, and its KEXINIT in the middle of an
 * upload, wait until all before them is acknowledged, which the kernel likes to put off by 40 ms, since there is
 * nothing to answer yet.  Who has changed keys once will do so again.
 */
static void speed_up_exchanges(const struct ssh_front *front)
{
	if (front->phase != SSH_FRONT_SERVING || front->keys.exchanges > 1)
		ssh_socket_acknowledge();
}

/* New keys, because these were used long enough; libssh begins it with its next packet, if the last was long ago. */
static void renew_keys(struct ssh_front *front)
{
	const uint32_t now = REKEY_NOW_SECONDS;
	const uint32_t never = REKEY_NEVER_SECONDS;
	int64_t now_ms;

	if (front->ending || !ssh_packets_want_rekey(&front->packets) || !wants_input(front))
		return;
	now_ms = clock_mono_ms();
	if (now_ms < front->rekey_tried_ms + REKEY_TRY_MS)
		return;
	front->rekey_tried_ms = now_ms;
	ssh_options_set(front->session, SSH_OPTIONS_REKEY_TIME, &now);
	ssh_socket_let_in(false);
	ssh_send_ignore(front->session, "");
	ssh_socket_let_in(true);
	ssh_options_set(front->session, SSH_OPTIONS_REKEY_TIME, &never);
}

static void serve(struct ssh_front *front)
{
	bool more = true;

	while (!front->ending) {
		limit_turn(front);
		wait_for_work(front, more);
		ssh_socket_flush();
		if (!front->ending)
			take_input(front);
		more = !front->ending && ssh_channels_work(front);
		check_deadlines(front);
		renew_keys(front);
		push_output(front);
		ssh_socket_flush();
		speed_up_exchanges(front);
	}
}

/* Let what is on its way go out, within a bound. */
static void drain_output(struct ssh_front *front, int64_t deadline)
{
	bool unused;

	ssh_socket_let_in(false);
	while (front->event != NULL && clock_mono_ms() < deadline) {
		ssh_socket_flush();
		if (ssh_event_dopoll(front->event, 0) == SSH_ERROR || ssh_is_connected(front->session) == 0)
			return;
		if (ssh_socket_unsent() == 0 && (ssh_get_status(front->session) & SSH_WRITE_PENDING) == 0)
			return;
		ssh_socket_wait(-1, false, clock_poll_ms(deadline), &unused);
	}
}

/* A reset because of bytes nobody read would eat the last words: they are read, within a bound. */
static void drain_input(int fd, int64_t deadline)
{
	uint8_t dropped[4096];
	bool unused;

	shutdown(fd, SHUT_WR);
	ssh_socket_open(fd);
	for (size_t n = 0; n < GOODBYE_DRAIN_BYTES && clock_mono_ms() < deadline;) {
		ssize_t got = recvfrom(fd, dropped, sizeof(dropped), MSG_DONTWAIT, NULL, NULL);

		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
			break;
		if (got > 0)
			n += (size_t)got;
		else if (!ssh_socket_wait(-1, true, clock_poll_ms(deadline), &unused))
			break;
	}
	ssh_socket_close();
}

static void say_goodbye(struct ssh_front *front)
{
	const int64_t deadline = clock_mono_ms() + GOODBYE_MS;
	int fd;

	if (front->last_words == NULL || ssh_is_connected(front->session) == 0)
		return;
	drain_output(front, deadline);
	fd = fcntl(front->start->client_fd, F_DUPFD_CLOEXEC, 0);
	ssh_session_set_disconnect_message(front->session, front->last_words);
	ssh_socket_go_direct();
	ssh_disconnect(front->session);
	ssh_socket_close();
	if (fd >= 0)
		drain_input(fd, deadline);
	io_close(&fd);
}

static void open_packets(struct ssh_front *front)
{
	const struct ssh_packets_owner owner = {
		.context = front,
		.data = ssh_channels_take_data,
		.window = ssh_channels_take_window,
		.confirmed = ssh_channels_confirmed,
		.ready = is_ready,
	};

	ssh_packets_init(&front->packets, &owner);
	front->packets.login_keys = front->ours[SSH_ALGORITHM_LOGIN_KEY];
	front->packets.rekey_bytes = (uint64_t)front->start->conf->ssh.rekey_limit << 20;
}

int ssh_front_run(const struct ssh_front_start *start)
{
	struct ssh_front *front = calloc(1, sizeof(*front));
	struct guard_req_bye bye = { .reason = GUARD_BYE_INTERNAL };

	signal(SIGPIPE, SIG_IGN);
	/* A write beyond a limit of size is an error that the service answers. */
	signal(SIGXFSZ, SIG_IGN);
	if (front != NULL) {
		front->start = start;
		front->keys.guard = start->guard;
		front->keys.known = start->keys;
		front->buffers_left = SSH_SERVICE_BUFFERS;
		front->heard_ms = front->active_ms = clock_mono_ms();
		front->exchange_deadline_ms = CLOCK_NEVER;
		ssh_socket_open(start->client_fd);
		ssh_libcrypto_open();
		open_packets(front);
		if (accept_client(front)) {
			/* RFC 4253 4.2: some clients, and whoever probes, wait for our identification. */
			pump(front);
			serve(front);
		} else {
			ssh_front_end(front, GUARD_BYE_INTERNAL, NULL);
		}
		ssh_channels_clear(front);
		if (front->session != NULL)
			say_goodbye(front);
		ssh_packets_clear(&front->packets);
		ssh_socket_close();
		ssh_libcrypto_close();
		bye.reason = front->bye;
	}
	/* The process ends now; libssh's memory with it. */
	guard_client_bye(start->guard, &bye, NULL, NULL);
	return bye.reason == GUARD_BYE_INTERNAL ? 1 : 0;
}

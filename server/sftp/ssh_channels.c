/*
 * Channels: each carries one service, SFTP or scp, and moves bytes only while both sides take them.
 *
 * libssh's callbacks store; the work is done afterwards, outside of them, since libssh serves input in the middle of
 * a write that waits.  Two bounds that libssh does not keep are kept here: no data for a client whose window or
 * connection is full, and no end of data from a client beyond the window it was given.
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/session.h"
#include "server/sftp/ssh_front_private.h"
#include "server/sftp/ssh_socket.h"

/*
 * What a client may send unasked.  libssh gives 1.25 MiB, too little for a long path: 64 requests of 256 KiB, or
 * 80 MB/s over 100 ms.  It costs no memory: what a service does not want stays in the network.
 */
#define WINDOW_BYTES         (8u << 20)
#define GRANT_BYTES          (1u << 20) /* as soon as so much of it is used, it is opened again */
/* What libssh gives of itself before ours: 32,000 bytes at first, then up to 1,280,000. */
#define WINDOW_FIRST_BYTES   (1280000u + 32000u)
#define WRITE_BYTES          (256u << 10) /* into libssh at one time */
#define MEASURE_BYTES        1024u	  /* of the first write on a channel */
#define WORK_ROUNDS          16		  /* of one channel, before others and the input have a turn */

static const char bad_window[] = "More data than the window allows";
static const char bad_protocol[] = "The client broke the protocol";

/* --- ends ------------------------------------------------------------------------------------ */

static void end_service(struct ssh_lane *lane)
{
	if (lane->service != NULL)
		lane->row->free(&lane->service);
}

/* Both sides have said CLOSE. */
static void clear_lane(struct ssh_lane *lane)
{
	end_service(lane);
	ssh_remove_channel_callbacks(lane->channel, &lane->callbacks);
	ssh_channel_free(lane->channel);
	*lane = (struct ssh_lane){ 0 };
}

/* Our part of the end; the place is kept until the client's has come. */
static void close_lane(struct ssh_lane *lane, int exit_status)
{
	end_service(lane);
	ssh_channel_request_send_exit_status(lane->channel, exit_status);
	ssh_channel_send_eof(lane->channel);
	ssh_channel_close(lane->channel);
	lane->closing = true;
}

void ssh_channels_clear(struct ssh_front *front)
{
	for (size_t i = 0; i < SSH_CHANNELS_MAX; i++)
		end_service(&front->lanes[i]);
}

/* --- libssh's callbacks ---------------------------------------------------------------------- */

static int on_data(ssh_session session, ssh_channel channel, void *data, uint32_t length,
    int is_stderr, void *userdata)
{
	struct ssh_lane *lane = userdata;
	struct ssh_front *front = lane->front;

	(void)session;
	(void)channel;
	front->active_ms = clock_mono_ms();
	lane->since_grant += length;
	if (lane->since_grant > (lane->has_window ? WINDOW_BYTES : WINDOW_FIRST_BYTES))
		ssh_front_end(front, GUARD_BYE_PROTOCOL, bad_window);
	else if (is_stderr == 0 && lane->service != NULL && !front->ending &&
	         !lane->row->take(lane->service, data, length))
		ssh_front_end(front, GUARD_BYE_PROTOCOL, bad_protocol);
	/* All of it: what is left would be kept by libssh without a bound. */
	return (int)length;
}

static void on_eof(ssh_session session, ssh_channel channel, void *userdata)
{
	struct ssh_lane *lane = userdata;

	(void)session;
	(void)channel;
	if (lane->service != NULL)
		lane->row->take_end(lane->service);
}

static void on_close(ssh_session session, ssh_channel channel, void *userdata)
{
	struct ssh_lane *lane = userdata;

	(void)session;
	(void)channel;
	lane->closed = true;
}

static int start_service(
    struct ssh_lane *lane, const struct ssh_service_row *row, const char *command)
{
	struct ssh_front *front = lane->front;
	const struct ssh_service_start start = {
		.conf = front->start->conf,
		.guard = front->start->guard,
		.user = front->login.user,
		.start_dir = front->login.start_dir,
		.rights = front->login.rights,
		.uid = front->login.uid,
		.command = command,
		.buffers_left = &front->buffers_left,
	};

	/* One a channel, and no more once the end is near. */
	if (lane->service != NULL || lane->closing || front->stopping || front->ending)
		return 1;
	lane->service = row->start(&start);
	if (lane->service == NULL)
		return 1;
	lane->row = row;
	return 0;
}

static int on_subsystem(
    ssh_session session, ssh_channel channel, const char *subsystem, void *userdata)
{
	struct ssh_lane *lane = userdata;

	(void)session;
	(void)channel;
	lane->front->active_ms = clock_mono_ms();
	return strcmp(subsystem, fxp_service.name) == 0 ? start_service(lane, &fxp_service, NULL) : 1;
}

/* No shell, ever: the old scp is served by its engine, which knows its own commands. */
static int on_exec(ssh_session session, ssh_channel channel, const char *command, void *userdata)
{
	struct ssh_lane *lane = userdata;

	(void)session;
	(void)channel;
	lane->front->active_ms = clock_mono_ms();
	return lane->front->start->conf->ssh.scp ? start_service(lane, &scp_service, command) : 1;
}

ssh_channel ssh_channels_open(struct ssh_front *front)
{
	struct ssh_lane *lane = NULL;

	for (size_t i = 0; i < SSH_CHANNELS_MAX && lane == NULL; i++) {
		if (front->lanes[i].channel == NULL)
			lane = &front->lanes[i];
	}
	if (lane == NULL || front->phase != SSH_FRONT_SERVING || front->stopping)
		return NULL;
	lane->channel = ssh_channel_new(front->session);
	if (lane->channel == NULL)
		return NULL;
	lane->front = front;
	/* What has no function here (shell, terminal, environment, X11, agent) is refused by libssh. */
	lane->callbacks = (struct ssh_channel_callbacks_struct){
		.size = sizeof(lane->callbacks),
		.userdata = lane,
		.channel_data_function = on_data,
		.channel_eof_function = on_eof,
		.channel_close_function = on_close,
		.channel_exec_request_function = on_exec,
		.channel_subsystem_request_function = on_subsystem,
	};
	ssh_set_channel_callbacks(lane->channel, &lane->callbacks);
	front->active_ms = clock_mono_ms();
	return lane->channel;
}

/* --- input ----------------------------------------------------------------------------------- */

bool ssh_channels_want_input(const struct ssh_front *front)
{
	for (size_t i = 0; i < SSH_CHANNELS_MAX; i++) {
		const struct ssh_lane *lane = &front->lanes[i];

		if (lane->service != NULL && !lane->row->wants_input(lane->service))
			return false;
	}
	return true;
}

/*
 * Open the window again.  The one public call of libssh that opens it as far as is asked is a read of more bytes
 * than the window holds; of the stream for errors, since that never has any.
 */
static void grant_window(struct ssh_lane *lane)
{
	uint8_t none;

	if (lane->has_window && lane->since_grant < GRANT_BYTES)
		return;
	if (!lane->row->wants_input(lane->service) || ssh_channel_is_eof(lane->channel) != 0)
		return;
	ssh_socket_let_in(false);
	ssh_channel_read_timeout(lane->channel, &none, WINDOW_BYTES, 1, 0);
	ssh_socket_let_in(true);
	lane->has_window = true;
	lane->since_grant = 0;
}

/* --- output ---------------------------------------------------------------------------------- */

/* From inside libssh's endless loop there is no way back. */
static void leave_endless_loop(void *context)
{
	struct ssh_front *front = context;
	const struct guard_req_bye bye = { .reason = GUARD_BYE_PROTOCOL };

	ssh_channels_clear(front);
	guard_client_bye(front->start->guard, &bye, NULL, NULL);
	_exit(SESSION_EXIT_OK);
}

/*
 * The first bytes on a channel show how long libssh may make a packet: the client's maximum, which no function
 * tells.  With 10 it would write empty packets for ever, with little more a packet for every byte.
 */
static int write_measured(struct ssh_lane *lane, const uint8_t *bytes, uint32_t n)
{
	struct ssh_front *front = lane->front;
	int wrote;

	if (lane->measured)
		return ssh_channel_write(lane->channel, bytes, n);
	if (n > MEASURE_BYTES)
		n = MEASURE_BYTES;
	front->hints.shortest_written = LONG_MAX;
	front->hints.endless = leave_endless_loop;
	front->hints.context = front;
	ssh_hints_attend(SSH_HINTS_CLOSE);
	wrote = ssh_channel_write(lane->channel, bytes, n);
	ssh_hints_attend(SSH_HINTS_QUIET);
	lane->measured = wrote > 0;
	if (wrote > 0 && front->hints.shortest_written < (long)n)
		ssh_front_end(front, GUARD_BYE_PROTOCOL, "The maximum packet size is too small");
	return wrote;
}

static void send_output(struct ssh_lane *lane)
{
	struct ssh_front *front = lane->front;

	while (!front->ending && !front->write_blocked) {
		size_t n = 0;
		const uint8_t *bytes = lane->row->output(lane->service, &n);
		uint32_t window = ssh_channel_window_size(lane->channel);
		int wrote;

		if (n > window)
			n = window;
		if (n > WRITE_BYTES)
			n = WRITE_BYTES;
		if (n == 0 || (ssh_get_status(front->session) & SSH_WRITE_PENDING) != 0)
			return;
		/* Input would be served within the write. */
		ssh_socket_let_in(false);
		wrote = write_measured(lane, bytes, (uint32_t)n);
		ssh_socket_let_in(true);
		if (wrote == SSH_ERROR) {
			ssh_front_end(front, GUARD_BYE_RESET, NULL);
		} else if (wrote <= 0) {
			front->write_blocked = true;
		} else {
			lane->row->sent(lane->service, (size_t)wrote);
			front->active_ms = clock_mono_ms();
		}
	}
}

/* --- work ------------------------------------------------------------------------------------ */

/* Bytes that services hold for the client, on all channels. */
static size_t held_by_all(const struct ssh_front *front)
{
	size_t n = 0;

	for (size_t i = 0; i < SSH_CHANNELS_MAX; i++) {
		if (front->lanes[i].service != NULL)
			n += front->lanes[i].row->held(front->lanes[i].service);
	}
	return n;
}

/*
 * The bound of one service is that of the whole connection: more channels are no more memory.  Who holds nothing may
 * work all the same, since the others' client may have stopped reading for good.
 */
static bool may_work(const struct ssh_lane *lane)
{
	return lane->row->held(lane->service) == 0 || held_by_all(lane->front) < SSH_SERVICE_OUTPUT_MAX;
}

static bool work_lane(struct ssh_lane *lane)
{
	struct ssh_front *front = lane->front;
	int exit_status = 0;
	bool more = true;

	for (unsigned round = 0; more && round < WORK_ROUNDS && !front->ending; round++) {
		bool held_back = !may_work(lane);

		more = !held_back && lane->row->work(lane->service);
		send_output(lane);
		more = more || (held_back && may_work(lane));
	}
	if (front->ending)
		return false;
	if (lane->row->ended(lane->service, &exit_status)) {
		close_lane(lane, exit_status);
		return false;
	}
	grant_window(lane);
	return more;
}

bool ssh_channels_work(struct ssh_front *front)
{
	bool more = false;

	for (size_t i = 0; i < SSH_CHANNELS_MAX && !front->ending; i++) {
		struct ssh_lane *lane = &front->lanes[i];

		if (lane->channel == NULL)
			continue;
		if (lane->closed && !lane->closing) {
			end_service(lane);
			ssh_channel_close(lane->channel);
		}
		if (lane->closed)
			clear_lane(lane);
		else if (lane->service != NULL && work_lane(lane))
			more = true;
	}
	return more;
}

int ssh_channels_wait_ms(const struct ssh_front *front)
{
	int least = -1;

	for (size_t i = 0; i < SSH_CHANNELS_MAX; i++) {
		const struct ssh_lane *lane = &front->lanes[i];
		int wait = -1;

		if (lane->service != NULL && lane->row->wait_ms != NULL)
			wait = lane->row->wait_ms(lane->service);
		if (wait >= 0 && (least < 0 || wait < least))
			least = wait;
	}
	return least;
}

bool ssh_channels_busy(const struct ssh_front *front)
{
	for (size_t i = 0; i < SSH_CHANNELS_MAX; i++) {
		const struct ssh_lane *lane = &front->lanes[i];

		if (lane->service != NULL && lane->row->busy(lane->service))
			return true;
	}
	return ssh_channels_hold_output(front);
}

bool ssh_channels_hold_output(const struct ssh_front *front)
{
	size_t n = 0;

	for (size_t i = 0; i < SSH_CHANNELS_MAX; i++) {
		const struct ssh_lane *lane = &front->lanes[i];

		if (lane->service != NULL) {
			lane->row->output(lane->service, &n);
			if (n > 0)
				return true;
		}
	}
	return ssh_socket_unsent() > 0;
}

/*
 * Channels: each carries one service, SFTP or scp, and moves bytes only while both sides take them.
 *
 * libssh opens and closes channels and takes their requests; data and windows are ours (ssh_packets.h), with their
 * bounds: no data for a client whose window or connection is full, no end of data from a client beyond the window it
 * was given.  What libssh's callbacks bring is stored; the work is done afterwards.
 */
#include <string.h>

#include "server/base/clock.h"
#include "server/session.h"
#include "server/sftp/ssh_front_private.h"
#include "server/sftp/ssh_socket.h"

#define GRANT_BYTES	(1u << 20) /* as soon as so much of it is used, it is opened again */
/* In a packet, to us.  RFC 4253 6.1 asks for 32,768 of data; those who send files fill what they are allowed. */
#define PACKET_MAX	(64u << 10)
/* To the client.  With less than this, every byte would cost a packet's price. */
#define PACKET_MIN	1024u
#define WORK_ROUNDS	16 /* of one channel, before others and the input have a turn */

static const char bad_window[] = "More data than the window allows";
static const char bad_adjustment[] = "A window cannot be opened so far";
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

static void on_eof(ssh_session session, ssh_channel channel, void *userdata)
{
	struct ssh_lane *lane = userdata;

	(void)session;
	(void)channel;
	lane->eof = true;
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
	const struct ssh_packets_opening *opening = &front->packets.opening;
	struct ssh_lane *lane = NULL;

	for (size_t i = 0; i < SSH_CHANNELS_MAX; i++) {
		struct ssh_lane *each = &front->lanes[i];

		if (each->channel == NULL)
			lane = lane == NULL ? each : lane;
		else if (each->theirs == opening->theirs && !each->closed)
			return NULL; /* the client's own number, twice at a time */
	}
	if (lane == NULL || front->phase != SSH_FRONT_SERVING || front->stopping ||
	    opening->packet_max < PACKET_MIN)
		return NULL;
	lane->channel = ssh_channel_new(front->session);
	if (lane->channel == NULL)
		return NULL;
	lane->front = front;
	lane->theirs = opening->theirs;
	lane->may_send = opening->window;
	lane->packet_max =
	    opening->packet_max < SSH_PACKETS_DATA_MAX ? opening->packet_max : SSH_PACKETS_DATA_MAX;
	/* What has no function here (shell, terminal, environment, X11, agent) is refused by libssh. */
	lane->callbacks = (struct ssh_channel_callbacks_struct){
		.size = sizeof(lane->callbacks),
		.userdata = lane,
		.channel_eof_function = on_eof,
		.channel_close_function = on_close,
		.channel_exec_request_function = on_exec,
		.channel_subsystem_request_function = on_subsystem,
	};
	ssh_set_channel_callbacks(lane->channel, &lane->callbacks);
	front->active_ms = clock_mono_ms();
	return lane->channel;
}

/* --- windows --------------------------------------------------------------------------------- */

/* While keys are exchanged all that windows allow may have to be taken: of several channels one may be wide at most. */
static uint32_t full_window(const struct ssh_front *front)
{
	unsigned open = 0;

	for (size_t i = 0; i < SSH_CHANNELS_MAX; i++)
		open += front->lanes[i].channel != NULL && front->lanes[i].open;
	return open > 1 ? SSH_SERVICE_SHARED_WINDOW_BYTES : SSH_SERVICE_WINDOW_BYTES;
}

/* Open the window again, to its full size. */
static void grant_window(struct ssh_lane *lane)
{
	struct ssh_front *front = lane->front;
	const uint32_t full = full_window(front);

	if (lane->may_take + GRANT_BYTES > full || lane->eof || !lane->row->wants_input(lane->service) ||
	    !ssh_packets_take_data(&front->packets))
		return;
	if (ssh_packets_send_window(&front->packets, lane->theirs, full - lane->may_take))
		lane->may_take = full;
	else
		ssh_front_end(front, GUARD_BYE_INTERNAL, NULL);
}

/* --- what comes past libssh ------------------------------------------------------------------ */

bool ssh_channels_confirmed(void *context, struct ssh_packets_opening *opening)
{
	struct ssh_front *front = context;

	for (size_t i = 0; i < SSH_CHANNELS_MAX; i++) {
		struct ssh_lane *lane = &front->lanes[i];

		if (lane->channel == NULL || lane->open || lane->theirs != opening->theirs)
			continue;
		lane->open = true;
		lane->ours = opening->ours;
		lane->may_take = full_window(front);
		opening->window = lane->may_take;
		opening->packet_max = PACKET_MAX;
		return true;
	}
	/* Closed before it was confirmed. */
	ssh_front_end(front, GUARD_BYE_PROTOCOL, bad_protocol);
	return false;
}

/* NULL: there is none, or none any more.  Who writes to it writes to nobody. */
static struct ssh_lane *find_lane(struct ssh_front *front, uint32_t number)
{
	for (size_t i = 0; i < SSH_CHANNELS_MAX; i++) {
		struct ssh_lane *lane = &front->lanes[i];

		if (lane->channel != NULL && lane->open && lane->ours == number)
			return lane;
	}
	return NULL;
}

bool ssh_channels_take_data(
    void *context, uint32_t channel, bool extended, const uint8_t *bytes, size_t n)
{
	struct ssh_front *front = context;
	struct ssh_lane *lane = find_lane(front, channel);

	if (lane == NULL)
		return true;
	if (n > lane->may_take) {
		ssh_front_end(front, GUARD_BYE_PROTOCOL, bad_window);
		return false;
	}
	lane->may_take -= (uint32_t)n;
	if (lane->service == NULL || lane->eof || extended || front->ending)
		return true;
	front->active_ms = clock_mono_ms();
	if (!lane->row->take(lane->service, bytes, n)) {
		ssh_front_end(front, GUARD_BYE_PROTOCOL, bad_protocol);
		return false;
	}
	return true;
}

bool ssh_channels_take_window(void *context, uint32_t channel, uint32_t more)
{
	struct ssh_front *front = context;
	struct ssh_lane *lane = find_lane(front, channel);

	/* RFC 4254 5.2: never beyond 2^32 - 1. */
	if (lane != NULL && __builtin_add_overflow(lane->may_send, more, &lane->may_send)) {
		ssh_front_end(front, GUARD_BYE_PROTOCOL, bad_adjustment);
		return false;
	}
	return true;
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

/* --- output ---------------------------------------------------------------------------------- */

static void send_output(struct ssh_lane *lane)
{
	struct ssh_front *front = lane->front;
	size_t total = 0;

	while (!front->ending && ssh_packets_take_data(&front->packets)) {
		size_t n = 0;
		const uint8_t *bytes = lane->row->output(lane->service, &n);

		if (n > lane->may_send)
			n = lane->may_send;
		if (n > lane->packet_max)
			n = lane->packet_max;
		if (n == 0)
			break;
		if (!ssh_packets_send_data(&front->packets, lane->theirs, bytes, n)) {
			ssh_front_end(front, GUARD_BYE_INTERNAL, NULL);
			return;
		}
		lane->may_send -= (uint32_t)n;
		lane->row->sent(lane->service, n);
		total += n;
	}
	if (total > 0)
		front->active_ms = clock_mono_ms();
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

/* Before anybody else: whose turn it is not must have its bytes, too. */
static void settle_all(struct ssh_front *front)
{
	for (size_t i = 0; i < SSH_CHANNELS_MAX; i++) {
		struct ssh_lane *lane = &front->lanes[i];

		if (lane->service != NULL && lane->row->settle != NULL)
			lane->row->settle(lane->service);
	}
}

bool ssh_channels_work(struct ssh_front *front)
{
	bool more = false;

	settle_all(front);
	/* What libssh sends here must not make it read: its callbacks would meet lanes half closed. */
	ssh_socket_let_in(false);

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
	ssh_socket_let_in(true);
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

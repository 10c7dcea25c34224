#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/clerk_client.h"

/* A client, and a clerk played by the test at the other end of the door. */
struct stage {
	int door[2];  /* [0] the client's, [1] ours */
	int clerk_fd; /* our end of the client's connection, -1: none */
	struct clerk_client *client;
	struct clerk_msg_attach attach; /* last one; strings point into bytes */
	uint8_t bytes[WIRE_MAX_BYTES];
};

static struct stage stage;

static void open_stage(void)
{
	stage.clerk_fd = -1;
	cr_assert(wire_pair(stage.door));
	stage.client = clerk_client_new("guard", stage.door[0]);
	cr_assert_not_null(stage.client);
}

static void close_stage(void)
{
	clerk_client_free(&stage.client);
	io_close(&stage.clerk_fd);
	io_close(&stage.door[0]);
	io_close(&stage.door[1]);
}

static bool is_readable(int fd)
{
	struct pollfd watch = { .fd = fd, .events = POLLIN };

	return poll(&watch, 1, 10000) == 1;
}

/* Take the next attach from the door, as a new clerk does. */
static void take_attach(void)
{
	struct wire_reader reader = { .bytes = stage.bytes };
	struct wire_header header;
	ssize_t got;

	cr_assert(is_readable(stage.door[1]), "an attach");
	got = wire_receive(stage.door[1], stage.bytes, sizeof(stage.bytes), &stage.clerk_fd);
	cr_assert_gt(got, 0);
	cr_assert_geq(stage.clerk_fd, 0);
	reader.left = (size_t)got;
	wire_get_header(&reader, &header);
	clerk_get_attach(&reader, &stage.attach);
	cr_assert(wire_done(&reader));
	cr_assert_eq(header.type, CLERK_MESSAGE_attach);
}

/* The next message on the connection; its number, and *reader behind the header. */
static uint16_t take(struct wire_header *header, struct wire_reader *reader)
{
	int fd;
	ssize_t got;

	cr_assert(is_readable(stage.clerk_fd), "a message");
	got = wire_receive(stage.clerk_fd, stage.bytes, sizeof(stage.bytes), &fd);
	cr_assert_gt(got, 0);
	cr_assert_lt(fd, 0);
	*reader = (struct wire_reader){ .bytes = stage.bytes, .left = (size_t)got };
	wire_get_header(reader, header);
	return header->type;
}

/* A flush asks for the acknowledgement before the next line comes. */
static uint64_t take_event(void)
{
	struct wire_header header;
	struct wire_reader reader;
	struct clerk_msg_event message;

	while (take(&header, &reader) == CLERK_MESSAGE_sync)
		cr_assert(wire_done(&reader));
	cr_assert_eq(header.type, CLERK_MESSAGE_event);
	clerk_get_event(&reader, &message);
	cr_assert(wire_done(&reader));
	return message.seq;
}

static bool nothing_comes(void)
{
	struct pollfd watch = { .fd = stage.clerk_fd, .events = POLLIN };

	return poll(&watch, 1, 0) == 0;
}

static void say_written(uint64_t seq)
{
	uint8_t bytes[64];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };
	struct wire_header header = { .type = CLERK_MESSAGE_written, .kind = WIRE_NOTICE };

	wire_put_header(&writer, &header);
	clerk_put_written(&writer, &(struct clerk_msg_written){ .seq = seq });
	cr_assert(wire_send(stage.clerk_fd, bytes, writer.length, -1));
}

static void say_verdict(uint32_t id, enum clerk_verdict verdict)
{
	uint8_t bytes[64];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };
	struct wire_header header = { .type = CLERK_MESSAGE_verdict, .kind = WIRE_REPLY, .id = id };

	wire_put_header(&writer, &header);
	clerk_put_verdict(&writer, &(struct clerk_msg_verdict){ .verdict = verdict });
	cr_assert(wire_send(stage.clerk_fd, bytes, writer.length, -1));
}

static void log_one(void)
{
	struct event event;

	event_init(&event, EVENT_ACCEPT);
	clerk_client_log(stage.client, &event);
}

Test(clerk_client, introduces_itself_and_numbers_its_lines)
{
	open_stage();
	take_attach();
	cr_assert_str_eq(stage.attach.role, "guard");
	cr_assert_str_eq(stage.attach.peer, "");
	for (uint64_t seq = 1; seq <= 3; seq++) {
		log_one();
		cr_assert_eq(take_event(), seq);
	}
	close_stage();
}

Test(clerk_client, repeats_to_a_new_clerk_what_the_old_one_did_not_acknowledge)
{
	open_stage();
	take_attach();
	for (int i = 0; i < 5; i++)
		log_one();
	for (uint64_t seq = 1; seq <= 5; seq++)
		cr_assert_eq(take_event(), seq);
	say_written(2);
	clerk_client_flush(stage.client, 50);
	io_close(&stage.clerk_fd); /* the clerk dies */
	clerk_client_flush(stage.client, 200);
	take_attach();
	for (uint64_t seq = 3; seq <= 5; seq++)
		cr_assert_eq(take_event(), seq);
	cr_assert(nothing_comes());
	say_written(5);
	clerk_client_flush(stage.client, 2000);
	log_one();
	cr_assert_eq(take_event(), 6);
	close_stage();
}

Test(clerk_client, asks_for_the_acknowledgement_it_waits_for)
{
	struct wire_header header;
	struct wire_reader reader;

	open_stage();
	take_attach();
	clerk_client_flush(stage.client, 1000);
	cr_assert(nothing_comes(), "with nothing to wait for nothing is asked");
	log_one();
	clerk_client_flush(stage.client, 20);
	cr_assert_eq(take(&header, &reader), CLERK_MESSAGE_event);
	cr_assert_eq(take(&header, &reader), CLERK_MESSAGE_sync);
	cr_assert(wire_done(&reader));
	close_stage();
}

Test(clerk_client, keeps_lines_while_there_is_no_clerk)
{
	open_stage();
	for (int i = 0; i < 10; i++)
		log_one();
	take_attach();
	for (uint64_t seq = 1; seq <= 10; seq++)
		cr_assert_eq(take_event(), seq);
	close_stage();
}

Test(clerk_client, a_clerk_that_does_not_answer_is_waited_for_only_so_long)
{
	int64_t start = clock_mono_ms();

	open_stage();
	cr_assert(!clerk_client_hash_begin(stage.client, 150));
	cr_assert_geq(clock_mono_ms() - start, 140);
	cr_assert_lt(clock_mono_ms() - start, 2000);
	clerk_client_flush(stage.client, 50);
	close_stage();
}

/* --- questions: the client waits, so it lives in a child --- */

static pid_t fork_client(int (*act)(void))
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	_exit(act());
}

static void wait_for(pid_t pid, int expected)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), expected);
}

static uint32_t take_question(uint16_t type)
{
	struct wire_header header;
	struct wire_reader reader;

	cr_assert_eq(take(&header, &reader), type);
	cr_assert_eq(header.kind, WIRE_REQUEST);
	cr_assert_neq(header.id, 0);
	return header.id;
}

static int act_admit(void)
{
	return (int)clerk_client_admit(stage.client, "s1", "ftp", "ftp", "192.0.2.7");
}

Test(clerk_client, yields_the_clerks_verdict)
{
	for (int verdict = 0; verdict < CLERK_VERDICT_COUNT; verdict++) {
		pid_t pid;

		if (verdict == CLERK_UNAVAILABLE)
			continue;
		open_stage();
		pid = fork_client(act_admit);
		take_attach();
		say_verdict(take_question(CLERK_MESSAGE_admit), (enum clerk_verdict)verdict);
		wait_for(pid, verdict);
		close_stage();
	}
}

Test(clerk_client, asks_a_new_clerk_again)
{
	pid_t pid;

	open_stage();
	pid = fork_client(act_admit);
	/* The test holds the client's end too, after the fork: let go, or its clerk's death is not
	 * seen. */
	clerk_client_free(&stage.client);
	take_attach();
	take_question(CLERK_MESSAGE_admit);
	io_close(&stage.clerk_fd);
	take_attach();
	say_verdict(take_question(CLERK_MESSAGE_admit), CLERK_TOO_MANY);
	wait_for(pid, CLERK_TOO_MANY);
	close_stage();
}

static int act_session(void)
{
	if (clerk_client_admit(stage.client, "s1", "ftp", "main", "192.0.2.7") != CLERK_ALLOWED ||
	    clerk_client_login(stage.client, "alice", 3) != CLERK_ALLOWED)
		return 1;
	/* The clerk dies here; a line brings the client back to the next. */
	log_one();
	clerk_client_flush(stage.client, 2000);
	clerk_client_leave(stage.client);
	return 0;
}

Test(clerk_client, tells_a_new_clerk_who_is_here)
{
	struct wire_header header;
	struct wire_reader reader;
	pid_t pid;

	open_stage();
	pid = fork_client(act_session);
	clerk_client_free(&stage.client);
	take_attach();
	say_verdict(take_question(CLERK_MESSAGE_admit), CLERK_ALLOWED);
	say_verdict(take_question(CLERK_MESSAGE_login), CLERK_ALLOWED);
	take_event();
	io_close(&stage.clerk_fd);
	take_attach();
	cr_assert_str_eq(stage.attach.session, "s1");
	cr_assert_str_eq(stage.attach.protocol, "ftp");
	cr_assert_str_eq(stage.attach.listener, "main");
	cr_assert_str_eq(stage.attach.peer, "192.0.2.7");
	cr_assert_str_eq(stage.attach.user, "alice");
	cr_assert_gt(stage.attach.since, 0);
	say_written(take_event());
	cr_assert_eq(take(&header, &reader), CLERK_MESSAGE_leave);
	wait_for(pid, 0);
	close_stage();
}

static int act_hash(void)
{
	if (!clerk_client_hash_begin(stage.client, 2000))
		return 1;
	clerk_client_hash_end(stage.client);
	return clerk_client_hash_begin(stage.client, 100) ? 2 : 0;
}

Test(clerk_client, takes_turns_to_hash_and_leaves_the_queue_when_it_gives_up)
{
	struct wire_header header;
	struct wire_reader reader;
	pid_t pid;

	open_stage();
	pid = fork_client(act_hash);
	take_attach();
	say_verdict(take_question(CLERK_MESSAGE_hash_begin), CLERK_ALLOWED);
	cr_assert_eq(take(&header, &reader), CLERK_MESSAGE_hash_end);
	take_question(CLERK_MESSAGE_hash_begin);
	cr_assert_eq(take(&header, &reader), CLERK_MESSAGE_hash_end);
	wait_for(pid, 0);
	close_stage();
}

/* --- in a loop --- */

struct told {
	struct loop *loop;
	enum guard_stop reason;
	bool now;
};

static void on_stop(void *context, enum guard_stop reason, bool now)
{
	struct told *told = context;

	told->reason = reason;
	told->now = now;
	loop_stop(told->loop, 1);
}

static void too_late(struct loop *loop, void *context)
{
	(void)context;
	loop_stop(loop, 0);
}

Test(clerk_client, passes_a_stop_on_from_the_loop)
{
	struct told told = { .loop = loop_new() };
	struct loop_timer *timer = loop_timer_new(told.loop, too_late, NULL);
	uint8_t bytes[64];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };
	struct wire_header header = { .type = CLERK_MESSAGE_stop, .kind = WIRE_NOTICE };

	open_stage();
	cr_assert(clerk_client_attach_loop(stage.client, told.loop, on_stop, &told));
	take_attach();
	wire_put_header(&writer, &header);
	clerk_put_stop(&writer, &(struct clerk_msg_stop){ .reason = GUARD_STOP_KICKED, .now = 1 });
	cr_assert(wire_send(stage.clerk_fd, bytes, writer.length, -1));
	loop_timer_set(timer, clock_mono_ms() + 2000);
	cr_assert_eq(loop_run(told.loop), 1);
	cr_assert_eq(told.reason, GUARD_STOP_KICKED);
	cr_assert(told.now);
	close_stage();
	loop_free(&told.loop);
}

Test(clerk_client, comes_back_by_itself_in_a_loop)
{
	struct told told = { .loop = loop_new() };
	struct loop_timer *timer = loop_timer_new(told.loop, too_late, NULL);

	open_stage();
	cr_assert(clerk_client_attach_loop(stage.client, told.loop, on_stop, &told));
	take_attach();
	io_close(&stage.clerk_fd);
	loop_timer_set(timer, clock_mono_ms() + 150);
	cr_assert_eq(loop_run(told.loop), 0);
	take_attach();
	close_stage();
	loop_free(&told.loop);
}

Test(clerk_client, a_clerk_that_talks_nonsense_is_left)
{
	open_stage();
	take_attach();
	cr_assert(wire_send(stage.clerk_fd, "nonsense", 8, -1));
	log_one();
	clerk_client_flush(stage.client, 150);
	cr_assert_eq(take_event(), 1);
	io_close(&stage.clerk_fd);
	take_attach();
	cr_assert_eq(take_event(), 1);
	close_stage();
}

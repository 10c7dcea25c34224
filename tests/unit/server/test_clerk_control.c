#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/clerk_control.h"
#include "server/control_messages.h"

TestSuite(clerk_control, .timeout = 60);

#define ANSWER_BYTES (4u << 20)

/* A control socket served by this process, and what it tells. */
struct fixture {
	char dir[64];
	char path[96];
	struct loop *loop;
	struct loop_timer *turn;
	struct clerk_control *control;
	struct metrics metrics;
	char *answer; /* of the last client */
	size_t answer_length;
};

static const struct metrics *facts(void *context)
{
	return &((struct fixture *)context)->metrics;
}

static void on_turn(struct loop *loop, void *context)
{
	(void)context;
	loop_stop(loop, 0);
}

/* Let the control socket work for a moment. */
static void turn(struct fixture *f)
{
	loop_timer_set(f->turn, clock_mono_ms() + 10);
	loop_run(f->loop);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fd, 32), 0);
	return fd;
}

static void set_up(struct fixture *f)
{
	*f = (struct fixture){ .answer = malloc(ANSWER_BYTES) };
	snprintf(f->dir, sizeof(f->dir), "/tmp/transom-control-XXXXXX");
	cr_assert_not_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/control", f->dir);
	f->loop = loop_new();
	f->turn = loop_timer_new(f->loop, on_turn, f);
	f->control = clerk_control_new(f->loop, facts, f);
	cr_assert_not_null(f->control);
	clerk_control_listen(f->control, listen_at(f->path), geteuid());
}

static void tear_down(struct fixture *f)
{
	clerk_control_free(&f->control);
	cr_assert_null(f->control);
	loop_free(&f->loop);
	metrics_clear(&f->metrics);
	unlink(f->path);
	rmdir(f->dir);
	free(f->answer);
}

static int try_to_connect(const struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		io_close(&fd);
	return fd;
}

static int client(const struct fixture *f, const void *bytes, size_t n)
{
	int fd = try_to_connect(f);

	cr_assert_geq(fd, 0);
	if (n > 0)
		cr_assert_eq(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
	return fd;
}

/* Read what is there; true when the end was seen. */
static bool take(struct fixture *f, int fd)
{
	ssize_t got;

	while ((got = recv(fd, f->answer + f->answer_length,
	            ANSWER_BYTES - 1 - f->answer_length, MSG_DONTWAIT)) > 0)
		f->answer_length += (size_t)got;
	f->answer[f->answer_length] = '\0';
	return got == 0 || errno == ECONNRESET;
}

/* The whole answer, in f->answer; the connection is closed. */
static const char *answer_to(struct fixture *f, int fd)
{
	f->answer_length = 0;
	while (!take(f, fd))
		turn(f);
	close(fd);
	return f->answer;
}

static const char *ask(struct fixture *f, const char *text)
{
	return answer_to(f, client(f, text, strlen(text)));
}

static void add_certificates(struct metrics *metrics, size_t count)
{
	char names[1000];

	memset(names, 'n', sizeof(names) - 1);
	names[sizeof(names) - 1] = '\0';
	cr_assert(metrics_certificates_begin(metrics, count));
	for (size_t i = 0; i < count; i++)
		cr_assert(metrics_certificates_add(metrics, CLERK_CERTIFICATE_OF_SERVER, "/cert.pem", names, 4102444800));
}

Test(clerk_control, answers_each_request_and_closes)
{
	struct fixture f;

	set_up(&f);
	f.metrics.users = 3;
	f.metrics.sessions[CONF_PROTOCOL_SFTP] = 4;
	f.metrics.master_pid = 77;
	f.metrics.start_time = 1700000000;
	cr_assert_eq(strncmp(ask(&f, "metrics\n"), "ok\n# TYPE ", 10), 0, "%s", f.answer);
	cr_assert_not_null(strstr(f.answer, "\ntransom_users 3\n"));
	cr_assert_str_eq(f.answer + f.answer_length - 6, "# EOF\n");
	add_certificates(&f.metrics, 1);
	ask(&f, "status\n");
	cr_assert_eq(strncmp(f.answer, "ok\ntransom ", 11), 0, "%s", f.answer);
	cr_assert_not_null(strstr(f.answer, ", process 77, since 2023-11-14T22:13:20.000Z\n"));
	cr_assert_not_null(strstr(f.answer, "\nstate: running\n"));
	cr_assert_not_null(strstr(f.answer, "\nsessions: 4 (ftp 0, ftps 0, sftp 4), users: 3\n"));
	cr_assert_not_null(strstr(f.answer, "\ncertificate /cert.pem: ends 2100-01-01, "));
	f.metrics.draining = true;
	cr_assert_not_null(strstr(ask(&f, "status\n"), "\nstate: stopping"));
	tear_down(&f);
}

Test(clerk_control, a_line_may_come_in_pieces)
{
	struct fixture f;
	int fd;

	set_up(&f);
	fd = client(&f, "met", 3);
	turn(&f);
	cr_assert_eq(send(fd, "rics\n", 5, MSG_NOSIGNAL), 5);
	cr_assert_eq(strncmp(answer_to(&f, fd), "ok\n", 3), 0);
	tear_down(&f);
}

Test(clerk_control, what_is_no_request_costs_its_connection_and_no_more)
{
	static const char *const cases[] = { "\n", "nonsense\n", "metrics x\n", "metrics \n", "metrics\r\n",
		"metrics\nstatus\n", "metrics\n\n", "\xff\xfe\n" };
	struct fixture f;
	int fd;

	set_up(&f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(strncmp(ask(&f, cases[i]), "error ", 6), 0, "%s: %s", cases[i], f.answer);
		cr_assert_eq(strchr(f.answer, '\n'), f.answer + f.answer_length - 1, "%s", f.answer);
	}
	fd = client(&f, "metrics", 7);
	shutdown(fd, SHUT_WR);
	cr_assert_str_eq(answer_to(&f, fd), "error the request has no end\n");
	fd = client(&f, NULL, 0);
	shutdown(fd, SHUT_WR);
	cr_assert_str_eq(answer_to(&f, fd), "");
	cr_assert_eq(strncmp(ask(&f, "metrics\n"), "ok\n", 3), 0);
	tear_down(&f);
}

Test(clerk_control, a_line_has_a_greatest_length)
{
	char line[3 * CONTROL_LINE_MAX_BYTES];
	struct fixture f;

	set_up(&f);
	memset(line, 'x', sizeof(line));
	line[CONTROL_LINE_MAX_BYTES - 1] = '\n';
	cr_assert_str_eq(answer_to(&f, client(&f, line, CONTROL_LINE_MAX_BYTES)), "error no such request\n");
	line[CONTROL_LINE_MAX_BYTES - 1] = 'x';
	cr_assert_str_eq(
	    answer_to(&f, client(&f, line, CONTROL_LINE_MAX_BYTES)), "error the request is too long\n");
	cr_assert_str_eq(answer_to(&f, client(&f, line, sizeof(line))), "error the request is too long\n");
	tear_down(&f);
}

Test(clerk_control, more_clients_than_there_is_room_for_wait)
{
	int silent[CONTROL_CONNECTIONS_MAX];
	struct fixture f;
	int fd;

	set_up(&f);
	for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++)
		silent[i] = client(&f, NULL, 0);
	turn(&f);
	fd = client(&f, "metrics\n", 8);
	turn(&f);
	f.answer_length = 0;
	cr_assert(!take(&f, fd));
	cr_assert_eq(f.answer_length, 0);
	close(silent[3]);
	cr_assert_eq(strncmp(answer_to(&f, fd), "ok\n", 3), 0);
	for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++)
		if (i != 3)
			close(silent[i]);
	cr_assert_eq(strncmp(ask(&f, "metrics\n"), "ok\n", 3), 0);
	tear_down(&f);
}

Test(clerk_control, who_sends_nothing_or_reads_nothing_disturbs_nobody_and_is_given_up)
{
	struct fixture f;
	int silent, deaf;
	char first;

	set_up(&f);
	/* More than a socket takes. */
	add_certificates(&f.metrics, 1000);
	silent = client(&f, "stat", 4);
	deaf = client(&f, "metrics\n", 8);
	turn(&f);
	cr_assert_eq(strncmp(ask(&f, "metrics\n"), "ok\n", 3), 0);
	cr_assert_gt(f.answer_length, 1000000);
	cr_assert_str_eq(f.answer + f.answer_length - 6, "# EOF\n");
	while (recv(silent, &first, 1, MSG_DONTWAIT) < 0)
		turn(&f);
	/* It may be a little younger. */
	for (int64_t end = clock_mono_ms() + 1000; clock_mono_ms() < end;)
		turn(&f);
	f.answer_length = 0;
	cr_assert(take(&f, deaf));
	cr_assert_lt(f.answer_length, 1000000);
	close(silent);
	close(deaf);
	tear_down(&f);
}

Test(clerk_control, an_answer_beyond_its_bound_is_an_error)
{
	struct fixture f;

	set_up(&f);
	add_certificates(&f.metrics, 5000);
	cr_assert_str_eq(ask(&f, "metrics\n"), "error the answer is too long\n");
	tear_down(&f);
}

Test(clerk_control, nobody_is_served_after_the_socket_was_taken_away)
{
	struct fixture f;

	set_up(&f);
	clerk_control_listen(f.control, -1, 0);
	cr_assert_lt(try_to_connect(&f), 0);
	unlink(f.path);
	clerk_control_listen(f.control, listen_at(f.path), geteuid());
	cr_assert_eq(strncmp(ask(&f, "metrics\n"), "ok\n", 3), 0);
	tear_down(&f);
}

/* Root is always served: only an ordinary user can try this here. */
Test(clerk_control, another_account_is_refused)
{
	struct fixture f;

	if (geteuid() == 0)
		cr_skip_test("root is always served");
	set_up(&f);
	clerk_control_listen(f.control, -1, 0);
	unlink(f.path);
	clerk_control_listen(f.control, listen_at(f.path), geteuid() + 1);
	cr_assert_eq(strncmp(answer_to(&f, client(&f, NULL, 0)), "error only root and ", 20), 0);
	tear_down(&f);
}

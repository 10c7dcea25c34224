/*
 * transomctl: the administrator's tool.
 *
 * A program of its own, not part of the daemon.  This file finds out which command is meant; the
 * commands are in ctl_users.c, ctl_users_keys.c, ctl_check.c and ctl_control.c.
 *
 * Exit status: 0 done, 1 refused or failed, 2 not used as it should be; of check: 0 ok, 1 warnings, 2 errors.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/conf.h"
#include "server/ctl_check.h"
#include "server/ctl_control.h"
#include "server/ctl_users.h"

#define DEFAULT_FILE TRANSOM_SYSCONFDIR "/transom.conf"

enum exit_status { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* Which options a command takes. */
enum command_option {
	TAKES_STDIN = 1 << 0,
	TAKES_PASSWORD_STDIN = 1 << 1,
	TAKES_NO_PASSWORD = 1 << 2,
	TAKES_METHOD = 1 << 3,
	TAKES_JSON = 1 << 4,
};

#define ANY_NUMBER 1000000

/* The command line. */
struct line {
	const char *file;
	unsigned given; /* TAKES_* */
	const char *method;
	bool help;
	bool version;
};

/* A command that goes on where others stop, at a configuration that is wrong; its exit status. */
typedef int alone_fn(const struct line *line);

static int run_check(const struct line *line)
{
	return (int)ctl_check_run(line->file, (line->given & TAKES_JSON) != 0);
}

/* THE list of commands, in the order in which --help shows them. */
static const struct command {
	const char *word;
	const char *second; /* "" when the command is one word */
	int least;          /* arguments, the user's name included */
	int most;
	unsigned takes;
	const char *usage;
	const char *doc;
	ctl_command_fn *run;
	alone_fn *run_alone; /* instead of run */
} commands[] = {
	{ .word = "user",
	    .second = "add",
	    .least = 1,
	    .most = ANY_NUMBER,
	    .takes = TAKES_PASSWORD_STDIN | TAKES_NO_PASSWORD | TAKES_METHOD,
	    .usage = "NAME [OPTION=VALUE ...]",
	    .doc = "make a user, and ask for its password",
	    .run = ctl_users_add },
	{ .word = "user",
	    .second = "set",
	    .least = 2,
	    .most = ANY_NUMBER,
	    .usage = "NAME OPTION=VALUE ...",
	    .doc = "change options; OPTION= brings the default back",
	    .run = ctl_users_set },
	{ .word = "user",
	    .second = "del",
	    .least = 1,
	    .most = 1,
	    .usage = "NAME",
	    .doc = "remove a user; its files stay",
	    .run = ctl_users_del },
	{ .word = "user",
	    .second = "list",
	    .usage = "",
	    .doc = "print the names of all users",
	    .run = ctl_users_list },
	{ .word = "user",
	    .second = "show",
	    .least = 1,
	    .most = 1,
	    .usage = "NAME",
	    .doc = "print what holds for a user, without the password hash",
	    .run = ctl_users_show },
	{ .word = "passwd",
	    .second = "",
	    .least = 1,
	    .most = 1,
	    .takes = TAKES_STDIN | TAKES_NO_PASSWORD | TAKES_METHOD,
	    .usage = "NAME",
	    .doc = "change a user's password",
	    .run = ctl_users_passwd },
	{ .word = "key",
	    .second = "add",
	    .least = 2,
	    .most = ANY_NUMBER,
	    .usage = "NAME KEY",
	    .doc = "add an SSH public key: a .pub file, a line of one, or - to read it",
	    .run = ctl_users_key_add },
	{ .word = "key",
	    .second = "list",
	    .least = 1,
	    .most = 1,
	    .usage = "NAME",
	    .doc = "print number, fingerprint, type and comment of each key",
	    .run = ctl_users_key_list },
	{ .word = "key",
	    .second = "del",
	    .least = 2,
	    .most = 2,
	    .usage = "NAME KEY",
	    .doc = "remove a key, named by number, fingerprint or comment",
	    .run = ctl_users_key_del },
	{ .word = "check",
	    .second = "",
	    .takes = TAKES_JSON,
	    .usage = "",
	    .doc = "tell what will not work, before a client does",
	    .run_alone = run_check },
	{ .word = "status",
	    .second = "",
	    .usage = "",
	    .doc = "ask the running server: sessions, users, certificates",
	    .run = ctl_control_status },
	{ .word = "metrics",
	    .second = "",
	    .usage = "",
	    .doc = "print the running server's metrics, as OpenMetrics",
	    .run = ctl_control_metrics },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fputs("usage: transomctl [-c FILE] COMMAND ...\n\nEdits the users of a transom server, which "
	      "takes effect at the next login, checks its configuration, and asks the running one how it is.\n\n",
	    out);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%s%s %s", commands[i].word,
		    commands[i].second[0] == '\0' ? "" : " ", commands[i].second,
		    commands[i].usage);
		fprintf(out, "  %-33s  %s\n", left, commands[i].doc);
	}
	fputs(
	    "\n"
	    "  -c, --config FILE   the server's configuration (" DEFAULT_FILE ")\n"
	    "      --stdin         passwd: take the password from standard input, as it also does\n"
	    "                      when that is no terminal\n"
	    "      --password-stdin  user add: the same\n"
	    "      --no-password   user add, passwd: no password logs in\n"
	    "      --method NAME   how to hash: yescrypt, bcrypt, sha512crypt, sha256crypt\n"
	    "      --json          check: a JSON object for each line\n"
	    "  -h, --help          this text\n"
	    "  -V, --version       the version\n"
	    "\n"
	    "OPTION=VALUE is an option of a user, as transom.conf(5) describes it: "
	    "root=/srv/alice, access=read-only,\nenabled=no, deny_names=*.exe,*.com. "
	    "Passwords are never taken from the command line.\n",
	    out);
}

static int usage(const char *what)
{
	fprintf(stderr, "transomctl: %s; transomctl --help tells how\n", what);
	return EXIT_USAGE;
}

/* Options may stand anywhere; false when one is not known, which getopt has said. */
static bool read_options(int argc, char **argv, struct line *line)
{
	enum { LONG_STDIN = 256, LONG_PASSWORD_STDIN, LONG_NO_PASSWORD, LONG_METHOD, LONG_JSON };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "stdin", no_argument, NULL, LONG_STDIN },
		{ "password-stdin", no_argument, NULL, LONG_PASSWORD_STDIN },
		{ "no-password", no_argument, NULL, LONG_NO_PASSWORD },
		{ "method", required_argument, NULL, LONG_METHOD },
		{ "json", no_argument, NULL, LONG_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			line->file = optarg;
			break;
		case LONG_STDIN:
			line->given |= TAKES_STDIN;
			break;
		case LONG_PASSWORD_STDIN:
			line->given |= TAKES_PASSWORD_STDIN;
			break;
		case LONG_NO_PASSWORD:
			line->given |= TAKES_NO_PASSWORD;
			break;
		case LONG_METHOD:
			line->given |= TAKES_METHOD;
			line->method = optarg;
			break;
		case LONG_JSON:
			line->given |= TAKES_JSON;
			break;
		case 'h':
			line->help = true;
			break;
		case 'V':
			line->version = true;
			break;
		default:
			return false;
		}
	}
	return true;
}

/* The command that the words mean, and how many words it is; NULL when there is none. */
static const struct command *find_command(char **words, int count, int *taken)
{
	for (size_t i = 0; count > 0 && i < COMMAND_COUNT; i++) {
		const struct command *command = &commands[i];

		*taken = command->second[0] == '\0' ? 1 : 2;
		if (count >= *taken && strcmp(words[0], command->word) == 0 &&
		    (*taken == 1 || strcmp(words[1], command->second) == 0))
			return command;
	}
	return NULL;
}

static int run(const struct command *command, const struct line *line, char **words, int count)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf *conf = NULL;
	struct ctl_command given = {
		.name = count > 0 ? words[0] : NULL,
		.arguments = count > 0 ? words + 1 : words,
		.count = count > 0 ? (size_t)count - 1 : 0,
		.from_stdin = (line->given & (TAKES_STDIN | TAKES_PASSWORD_STDIN)) != 0,
		.no_password = (line->given & TAKES_NO_PASSWORD) != 0,
		.method = line->method,
	};
	bool done;

	if (conf_load(&conf, line->file, NULL, message) != CONF_OK) {
		fprintf(stderr, "transomctl: %s\n", message);
		return EXIT_REFUSED;
	}
	given.conf = conf;
	umask(077);
	done = command->run(&given);
	conf_free(&conf);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "transomctl: standard output: %s\n", strerror(errno));
		done = false;
	}
	return done ? EXIT_DONE : EXIT_REFUSED;
}

int main(int argc, char **argv)
{
	struct line line = { .file = DEFAULT_FILE };
	const struct command *command;
	int taken = 0;
	int count;

	if (!read_options(argc, argv, &line))
		return usage("not an option");
	if (line.help) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if (line.version) {
		puts("transomctl " TRANSOM_VERSION);
		return EXIT_DONE;
	}
	command = find_command(argv + optind, argc - optind, &taken);
	if (command == NULL)
		return usage(optind == argc ? "no command" : "not a command");
	count = argc - optind - taken;
	if (count < command->least)
		return usage("something is missing behind the command");
	if (count > command->most)
		return usage("something too much behind the command");
	if ((line.given & ~command->takes) != 0)
		return usage("an option that this command does not take");
	if ((line.given & TAKES_NO_PASSWORD) != 0 && line.given != TAKES_NO_PASSWORD)
		return usage("--no-password and another option about passwords");
	if (command->run_alone != NULL)
		return command->run_alone(&line);
	return run(command, &line, argv + optind + taken, count);
}

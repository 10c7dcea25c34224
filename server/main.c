/*
 * transomd: arguments, then the role's run().
 *
 * The same binary is every role: the master starts the others by exec of itself (roles.c).
 */
#include <confuse.h>
#include <crypt.h>
#include <errno.h>
#include <jansson.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/base/os_linux.h"
#include "server/base/proctitle.h"
#include "server/clerk.h"
#include "server/crypto/aead.h"
#include "server/keeper.h"
#include "server/master.h"
#include "server/nursery.h"
#include "server/roles.h"
#include "server/start_check.h"

#define DEFAULT_FILE TRANSOM_SYSCONFDIR "/transom.conf"
#define EXIT_USAGE   2

static void usage(FILE *out)
{
	fprintf(out,
	    "usage: transomd [-c FILE]      run in the foreground\n"
	    "       transomd [-c FILE] -t   check the configuration and exit\n"
	    "       transomd [-c FILE] -T   print the effective configuration and exit\n"
	    "       transomd -V             print the version and what it was built with\n"
	    "       transomd -h             print this\n"
	    "The configuration is %s unless -c names another.\n",
	    DEFAULT_FILE);
}

static int print_version(void)
{
	const struct scmp_version *seccomp = seccomp_version();

	printf("transomd %s\n", TRANSOM_VERSION);
	printf("compiler    %s\n", __VERSION__);
	printf("libconfuse  %s\n", confuse_version);
	printf("libcrypt    %s (libxcrypt)\n", XCRYPT_VERSION_STR);
	printf("libseccomp  %u.%u.%u, built with %d.%d.%d\n", seccomp->major, seccomp->minor,
	    seccomp->micro, SCMP_VER_MAJOR, SCMP_VER_MINOR, SCMP_VER_MICRO);
	printf("jansson     %s, built with %s\n", jansson_version_str(), JANSSON_VERSION);
	printf("AES-GCM     by %s\n", aead_name_of_gcm());
	printf("sanitizers  %s\n", sandbox_is_sanitized() ? "yes" : "no");
	printf("kernel      Landlock ABI %d\n", os_landlock_abi());
	return EXIT_SUCCESS;
}

static int complain(const char *message)
{
	fprintf(stderr, "transomd: %s\n", message);
	return EXIT_FAILURE;
}

static int finish_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_SUCCESS;
	return complain(strerror(errno));
}

/* -t: everything that the start would check before it opens anything, and what its keeper and nursery would. */
static int check(const char *file)
{
	char message[CONF_MESSAGE_BYTES];
	bool as_root = geteuid() == 0;
	struct conf *conf = NULL;
	int status = EXIT_FAILURE;

	if (conf_load(&conf, file, NULL, message) != CONF_OK ||
	    conf_check(conf, as_root, message) != CONF_OK ||
	    !master_system_fits(conf, as_root, message) || !start_check(conf, message)) {
		complain(message);
	} else {
		printf("%s: the configuration is good\n", file);
		status = finish_output();
	}
	conf_free(&conf);
	return status;
}

/* -T. */
static int dump(const char *file)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf *conf = NULL;

	if (conf_load(&conf, file, NULL, message) != CONF_OK)
		return complain(message);
	conf_dump(conf, stdout);
	conf_free(&conf);
	return finish_output();
}

static int run_program(int argc, char **argv)
{
	const char *file = DEFAULT_FILE;
	int (*run)(const char *) = master_run;
	int option;

	while ((option = getopt(argc, argv, "c:tTVh")) != -1) {
		switch (option) {
		case 'c':
			file = optarg;
			break;
		case 't':
			run = check;
			break;
		case 'T':
			run = dump;
			break;
		case 'V':
			return print_version();
		case 'h':
			usage(stdout);
			return finish_output();
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "transomd: unexpected argument: %s\n", argv[optind]);
		usage(stderr);
		return EXIT_USAGE;
	}
	return run(file);
}

int main(int argc, char **argv)
{
	enum role_id role = roles_take_from_environment();

	proctitle_init(argc, argv);
	/* A peer that vanishes is an error of write(2), not a death. */
	signal(SIGPIPE, SIG_IGN);
	if (role == ROLE_CLERK)
		return clerk_run();
	if (role == ROLE_KEEPER)
		return keeper_run();
	if (role == ROLE_NURSERY)
		return nursery_run();
	return run_program(argc, argv);
}

#include "server/ctl_check.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/base/text.h"
#include "server/ctl_check_private.h"
#include "server/start_check.h"

static const char *const level_names[] = {
	[CTL_CHECK_OK] = "ok",
	[CTL_CHECK_WARNING] = "warning",
	[CTL_CHECK_ERROR] = "error",
};

/*
 * Whatever was not found with a cause and a cure of its own: would a start take it?  Only then, or the same would be told
 * twice.
 */
static void check_start(struct ctl_check *check)
{
	char message[CONF_MESSAGE_BYTES];

	if (!start_check(check->conf, message))
		ctl_check_say_wrong(check, "start", message);
}

static void check_keys_and_certificates(struct ctl_check *check)
{
	const unsigned before = check->errors;

	ctl_check_certificates(check);
	ctl_check_client_authorities(check);
	ctl_check_host_keys(check);
	if (check->errors == before)
		check_start(check);
}

/* THE list of checks, in the order in which they are told. */
static ctl_check_fn *const checks[] = {
	ctl_check_rules,
	ctl_check_directories,
	ctl_check_listeners,
	ctl_check_passive_ports,
	ctl_check_public_address,
	check_keys_and_certificates,
	ctl_check_users,
};

static void say_json(const char *level, const char *what, const char *cause, const char *cure)
{
	json_t *line = json_pack("{s:s, s:s, s:s}", "level", level, "what", what, "cause", cause);

	if (line == NULL)
		return;
	if (cure != NULL)
		json_object_set_new(line, "cure", json_string(cure));
	json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(line);
}

void ctl_check_say(struct ctl_check *check, enum ctl_check_status level, const char *what, const char *cure,
    const char *cause, ...)
{
	char text[CTL_CHECK_TEXT_BYTES];
	char shown[2 * CTL_CHECK_TEXT_BYTES];
	va_list args;
	int length;

	va_start(args, cause);
	length = vsnprintf(text, sizeof(text), cause, args);
	va_end(args);
	/* Paths and names may hold anything; a finding is one line, whatever they hold. */
	text_escape(shown, sizeof(shown), text,
	    length < 0 ? 0 : (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
	if (level > check->worst)
		check->worst = level;
	check->errors += level == CTL_CHECK_ERROR;
	if (check->json)
		say_json(level_names[level], what, shown, cure);
	else
		printf("%s: %s: %s%s%s\n", level_names[level], what, shown, cure == NULL ? "" : "; ",
		    cure == NULL ? "" : cure);
}

void ctl_check_say_wrong(struct ctl_check *check, const char *what, const char *message)
{
	const char *end = strstr(message, "; ");

	ctl_check_say(check, CTL_CHECK_ERROR, what,
	    end != NULL ? end + strlen("; ") : "the server does not start with it", "%.*s",
	    end != NULL ? (int)(end - message) : (int)strlen(message), message);
}

bool ctl_check_has_protocol(const struct conf *conf, int protocol)
{
	for (size_t i = 0; i < conf->listener_count; i++)
		if (conf->listeners[i].protocol == protocol)
			return true;
	return false;
}

/* What the server itself refuses to start with; among it, accounts that do not exist. */
void ctl_check_rules(struct ctl_check *check)
{
	char message[CONF_MESSAGE_BYTES];

	if (conf_check(check->conf, check->as_root, message) == CONF_OK)
		ctl_check_say(check, CTL_CHECK_OK, "configuration", NULL, "%s%s", check->conf->file,
		    check->as_root ? ", and the accounts it names exist" : "");
	else
		ctl_check_say(check, CTL_CHECK_ERROR, "configuration",
		    "the server does not start with it", "%s", message);
}

enum ctl_check_status ctl_check_run(const char *file, bool json)
{
	struct ctl_check check = { .json = json, .as_root = geteuid() == 0 };
	char message[CONF_MESSAGE_BYTES];
	struct conf *conf = NULL;

	if (conf_load(&conf, file, NULL, message) != CONF_OK) {
		ctl_check_say(&check, CTL_CHECK_ERROR, "configuration",
		    "the server does not start with it", "%s", message);
		return check.worst;
	}
	check.conf = conf;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](&check);
	conf_free(&conf);
	return check.worst;
}

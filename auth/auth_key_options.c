#include "auth/auth_key_options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "server/base/clock.h"
#include "server/base/text.h"

#define NAME_BYTES  32u /* longer than any option's name */
#define SHOWN_BYTES 64u

/* --- expiry-time= ------------------------------------------------------------------------------
 */

/* Two or four digits as a number. */
static int digits(const char *text, size_t count)
{
	int value = 0;

	for (size_t i = 0; i < count; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

/* Is the calendar the one that the fields say?  mktime(3) makes a 1st of March of 31st of February.
 */
static bool same_day(const struct tm *asked, int64_t when, bool utc)
{
	const time_t seconds = (time_t)when;
	struct tm got = { 0 };

	if (utc)
		clock_utc(when, &got);
	else if (localtime_r(&seconds, &got) == NULL)
		return false;
	return got.tm_year == asked->tm_year && got.tm_mon == asked->tm_mon &&
	       got.tm_mday == asked->tm_mday;
}

bool auth_key_options_time(const char *text, int64_t *out)
{
	const size_t length = strspn(text, "0123456789");
	const bool utc =
	    strcasecmp(text + length, "Z") == 0 || strcasecmp(text + length, "UTC") == 0;
	struct tm fields = { .tm_isdst = -1 };

	if ((length != 8 && length != 12 && length != 14) || (text[length] != '\0' && !utc))
		return false;
	fields.tm_year = digits(text, 4) - 1900;
	fields.tm_mon = digits(text + 4, 2) - 1;
	fields.tm_mday = digits(text + 6, 2);
	if (length >= 12) {
		fields.tm_hour = digits(text + 8, 2);
		fields.tm_min = digits(text + 10, 2);
	}
	if (length == 14)
		fields.tm_sec = digits(text + 12, 2);
	if (fields.tm_year < 70 || fields.tm_mon < 0 || fields.tm_mon > 11 || fields.tm_mday < 1 ||
	    fields.tm_mday > 31 || fields.tm_hour > 23 || fields.tm_min > 59 || fields.tm_sec > 59)
		return false;
	if (utc) {
		*out = clock_from_utc(&fields);
	} else {
		struct tm local = fields; /* mktime changes it */

		*out = mktime(&local);
	}
	return same_day(&fields, *out, utc);
}

/* --- from= -------------------------------------------------------------------------------------
 */

/* The next of the comma-separated items; false behind the last. */
static bool next_item(const char **list, char item[AUTH_KEY_FROM_BYTES])
{
	const size_t length = strcspn(*list, ",");

	if (**list == '\0')
		return false;
	memcpy(item, *list, length);
	item[length] = '\0';
	*list += length + ((*list)[length] == ',');
	return true;
}

/* What is wrong with an item, without its `!`; NULL when nothing. */
static const char *wrong_item(const char *item)
{
	struct netaddr_network network;

	switch (netaddr_parse_network(&network, item)) {
	case NETADDR_NETWORK_OK:
		return NULL;
	case NETADDR_NETWORK_HOST_BITS:
		return "has bits set behind its prefix";
	case NETADDR_NETWORK_MALFORMED:
		break;
	}
	if (item[0] == '\0')
		return "is empty";
	/* Names of hosts would have to be asked of a stranger's name server. */
	if (strspn(item, "0123456789abcdef.:*?") != strlen(item))
		return "is neither an address, a network nor a pattern of addresses";
	return NULL;
}

static bool take_from(struct auth_key_options *out, const char *value, char *wrong)
{
	char item[AUTH_KEY_FROM_BYTES];
	char shown[SHOWN_BYTES];
	const char *list = out->from;
	const char *reason;

	if (out->from[0] != '\0' || value[0] == '\0' ||
	    !text_copy(out->from, sizeof(out->from), value)) {
		text_copy(wrong, AUTH_KEY_OPTIONS_WRONG_BYTES,
		    "from= is there twice, is empty or is too long");
		return false;
	}
	for (char *at = out->from; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	while (next_item(&list, item)) {
		reason = wrong_item(item + (item[0] == '!'));
		if (reason != NULL) {
			text_escape(shown, sizeof(shown), item, strlen(item));
			text_format(
			    wrong, AUTH_KEY_OPTIONS_WRONG_BYTES, "from=: \"%s\" %s", shown, reason);
			return false;
		}
	}
	return true;
}

static bool item_matches(const char *item, const struct netaddr *peer, const char *peer_text)
{
	struct netaddr_network network;

	if (netaddr_parse_network(&network, item) == NETADDR_NETWORK_OK)
		return netaddr_in_network(peer, &network);
	return text_glob(item, peer_text);
}

bool auth_key_options_admit(const struct auth_key_options *options, const struct netaddr *peer)
{
	char item[AUTH_KEY_FROM_BYTES];
	char peer_text[NETADDR_TEXT_BYTES];
	const char *list = options->from;
	bool admitted = options->from[0] == '\0';

	netaddr_format_ip(peer, peer_text);
	while (next_item(&list, item)) {
		const bool negated = item[0] == '!';

		if (!item_matches(item + negated, peer, peer_text))
			continue;
		if (negated)
			return false;
		admitted = true;
	}
	return admitted;
}

/* --- the options -------------------------------------------------------------------------------
 */

static bool take_expiry(struct auth_key_options *out, const char *value, char *wrong)
{
	char shown[SHOWN_BYTES];
	int64_t expiry;

	if (!auth_key_options_time(value, &expiry)) {
		text_escape(shown, sizeof(shown), value, strlen(value));
		text_format(wrong, AUTH_KEY_OPTIONS_WRONG_BYTES,
		    "expiry-time=\"%s\" is not YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with or "
		    "without Z",
		    shown);
		return false;
	}
	/* Of several the earliest. */
	if (!out->expires || expiry < out->expiry)
		out->expiry = expiry;
	out->expires = true;
	return true;
}

static bool take_untouched(struct auth_key_options *out, const char *value, char *wrong)
{
	(void)value, (void)wrong;
	out->untouched = true;
	return true;
}

static bool take_verify(struct auth_key_options *out, const char *value, char *wrong)
{
	(void)value, (void)wrong;
	out->verify_required = true;
	return true;
}

/* It forbids, or allows, what this server has not got anyway. */
static bool take_nothing(struct auth_key_options *out, const char *value, char *wrong)
{
	(void)out, (void)value, (void)wrong;
	return true;
}

/* THE list of options.  Without `take` the option is known and cannot be kept. */
static const struct option_row {
	const char *name;
	bool has_value;
	bool (*take)(struct auth_key_options *out, const char *value, char *wrong);
	const char *why; /* it spoils its line */
} option_rows[] = {
	{ .name = "from", .has_value = true, .take = take_from },
	{ .name = "expiry-time", .has_value = true, .take = take_expiry },
	{ .name = "restrict", .take = take_nothing },
	{ .name = "no-touch-required", .take = take_untouched },
	{ .name = "verify-required", .take = take_verify },
	{ .name = "no-agent-forwarding", .take = take_nothing },
	{ .name = "no-port-forwarding", .take = take_nothing },
	{ .name = "no-pty", .take = take_nothing },
	{ .name = "no-user-rc", .take = take_nothing },
	{ .name = "no-X11-forwarding", .take = take_nothing },
	{ .name = "cert-authority", .why = "OpenSSH certificates are not served" },
	{ .name = "principals", .has_value = true, .why = "OpenSSH certificates are not served" },
	{ .name = "command", .has_value = true, .why = "no commands are run here" },
};

static const struct option_row *find_row(const char *name)
{
	for (size_t i = 0; i < sizeof(option_rows) / sizeof(option_rows[0]); i++)
		if (strcasecmp(option_rows[i].name, name) == 0)
			return &option_rows[i];
	return NULL;
}

/* The quoted text behind name=, \" in it being a quotation mark; false when it is not one. */
static bool take_quoted(struct auth_blob *text, char *out, size_t out_bytes)
{
	size_t used = 0;
	size_t at = 1;

	if (text->length < 2 || text->bytes[0] != '"')
		return false;
	while (at < text->length && text->bytes[at] != '"') {
		if (text->bytes[at] == '\\' && at + 1 < text->length && text->bytes[at + 1] == '"')
			at++;
		if (used + 1 >= out_bytes || text->bytes[at] == '\0')
			return false;
		out[used++] = (char)text->bytes[at++];
	}
	if (at >= text->length)
		return false;
	out[used] = '\0';
	text->bytes += at + 1;
	text->length -= at + 1;
	return true;
}

static bool complain(char *wrong, const char *format, const char *name, const char *why)
{
	char shown[SHOWN_BYTES];
	const int cut = (int)sizeof(shown) - 1;

	text_escape(shown, sizeof(shown), name, strlen(name));
	snprintf(wrong, AUTH_KEY_OPTIONS_WRONG_BYTES, "option %.*s %s%s", cut, shown, format, why);
	return false;
}

/* One option off the front, with the comma behind it. */
static bool take_option(struct auth_key_options *out, struct auth_blob *text, char *wrong)
{
	char name[NAME_BYTES];
	char value[AUTH_KEY_FROM_BYTES] = "";
	const struct option_row *row;
	size_t length = 0;

	while (length < text->length && text->bytes[length] != '=' && text->bytes[length] != ',')
		length++;
	text_format(name, sizeof(name), "%.*s", (int)(length < NAME_BYTES ? length : NAME_BYTES),
	    (const char *)text->bytes);
	row = find_row(name);
	if (row == NULL)
		return complain(wrong, "is not known", name, "");
	if (row->take == NULL)
		return complain(wrong, "cannot be kept: ", name, row->why);
	text->bytes += length;
	text->length -= length;
	if (row->has_value != (text->length > 0 && text->bytes[0] == '='))
		return complain(
		    wrong, row->has_value ? "needs a value" : "takes no value", name, "");
	if (row->has_value) {
		text->bytes++;
		text->length--;
		if (!take_quoted(text, value, sizeof(value)))
			return complain(
			    wrong, "has a value that is not quoted, or too long", name, "");
	}
	if (!row->take(out, value, wrong))
		return false;
	if (text->length == 0)
		return true;
	if (text->bytes[0] != ',' || text->length == 1)
		return complain(wrong, "is not followed by another one", name, "");
	text->bytes++;
	text->length--;
	return true;
}

bool auth_key_options_parse(
    struct auth_key_options *out, struct auth_blob text, char wrong[AUTH_KEY_OPTIONS_WRONG_BYTES])
{
	*out = (struct auth_key_options){ .expires = false };
	while (text.length > 0)
		if (!take_option(out, &text, wrong))
			return false;
	return true;
}

size_t auth_key_options_length(const char *text, size_t n)
{
	bool quoted = false;
	size_t at = 0;

	for (; at < n && (quoted || (text[at] != ' ' && text[at] != '\t')); at++) {
		if (text[at] == '\\' && at + 1 < n && text[at + 1] == '"')
			at++;
		else if (text[at] == '"')
			quoted = !quoted;
	}
	return at < n ? at : n;
}

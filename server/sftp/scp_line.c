#include "server/sftp/scp_line.h"

#include <string.h>

#include "server/base/text.h"

#define MODE_DIGITS_MIN 4u
#define MODE_DIGITS_MAX 7u /* some clients send the type of the file too: 0100644 */

/* What is left of a record. */
struct rest {
	const uint8_t *at;
	size_t left;
};

static void bad(struct scp_line *out, const char *problem)
{
	out->kind = SCP_LINE_BAD;
	out->problem = problem;
}

static bool take_byte(struct rest *rest, uint8_t byte)
{
	if (rest->left == 0 || rest->at[0] != byte)
		return false;
	rest->at++;
	rest->left--;
	return true;
}

/* Decimal digits; false without any, and beyond max. */
static bool take_number(struct rest *rest, uint64_t max, uint64_t *out)
{
	const uint8_t *start = rest->at;

	*out = 0;
	while (rest->left > 0 && rest->at[0] >= '0' && rest->at[0] <= '9') {
		uint64_t digit = (uint64_t)(rest->at[0] - '0');

		if (*out > (max - digit) / 10)
			return false;
		*out = *out * 10 + digit;
		rest->at++;
		rest->left--;
	}
	return rest->at != start;
}

static bool take_mode(struct rest *rest, uint32_t *out)
{
	size_t digits = 0;
	uint32_t mode = 0;

	while (rest->left > 0 && rest->at[0] >= '0' && rest->at[0] <= '7' &&
	       digits++ < MODE_DIGITS_MAX) {
		mode = mode * 8 + (uint32_t)(rest->at[0] - '0');
		rest->at++;
		rest->left--;
	}
	*out = mode & 07777;
	return digits >= MODE_DIGITS_MIN;
}

enum scp_name_verdict scp_line_check_name(const void *name, size_t length)
{
	const char *bytes = name;

	if (length == 0 || memchr(bytes, '/', length) != NULL || (length == 1 && bytes[0] == '.') ||
	    (length == 2 && bytes[0] == '.' && bytes[1] == '.'))
		return SCP_NAME_ATTACK;
	if (length > VFS_NAME_MAX || text_has_control(bytes, length))
		return SCP_NAME_REFUSED;
	return SCP_NAME_OK;
}

/* "0644 299 file" */
static void parse_entry(struct scp_line *out, struct rest rest)
{
	if (!take_mode(&rest, &out->mode) || !take_byte(&rest, ' ')) {
		bad(out, "bad mode");
	} else if (!take_number(&rest, INT64_MAX, &out->size) || !take_byte(&rest, ' ')) {
		bad(out, "bad size");
	} else {
		out->verdict = scp_line_check_name(rest.at, rest.left);
		if (out->verdict == SCP_NAME_OK) {
			memcpy(out->name, rest.at, rest.left);
			out->name[rest.left] = '\0';
		}
	}
}

/* "1183828267 0": seconds and microseconds. */
static bool take_time(struct rest *rest, int64_t *seconds_out, uint32_t *nsec_out)
{
	uint64_t seconds;
	uint64_t microseconds;

	if (!take_number(rest, INT64_MAX, &seconds) || !take_byte(rest, ' ') ||
	    !take_number(rest, 999999, &microseconds))
		return false;
	*seconds_out = (int64_t)seconds;
	*nsec_out = (uint32_t)microseconds * 1000;
	return true;
}

static void parse_times(struct scp_line *out, struct rest rest)
{
	if (!take_time(&rest, &out->mtime, &out->mtime_nsec) || !take_byte(&rest, ' ') ||
	    !take_time(&rest, &out->atime, &out->atime_nsec) || rest.left != 0)
		bad(out, "bad times");
}

void scp_line_parse(struct scp_line *out, const uint8_t *bytes, size_t length)
{
	struct rest rest;

	*out = (struct scp_line){ .kind = SCP_LINE_BAD, .problem = "expected control record" };
	if (length == 0)
		return;
	rest = (struct rest){ .at = bytes + 1, .left = length - 1 };
	switch (bytes[0]) {
	case 'C':
		out->kind = SCP_LINE_FILE;
		parse_entry(out, rest);
		break;
	case 'D':
		out->kind = SCP_LINE_DIR;
		parse_entry(out, rest);
		break;
	case 'T':
		out->kind = SCP_LINE_TIMES;
		parse_times(out, rest);
		break;
	case 'E':
		out->kind = rest.left == 0 ? SCP_LINE_END : SCP_LINE_BAD;
		break;
	case SCP_WARNING:
		out->kind = SCP_LINE_WARNING;
		break;
	case SCP_FATAL:
		out->kind = SCP_LINE_FATAL;
		break;
	default:
		break;
	}
}

#include "server/ftp/ftp_args.h"

#include <string.h>

#include "server/base/netaddr.h"
#include "server/base/text.h"

#define DIGITS          "0123456789"
#define HOST_MAX_BYTES  253u /* RFC 1035 2.3.4, as text */
#define LABEL_MAX_BYTES 63u
#define SUBTAG_MAX      8u

/* --- words ------------------------------------------------------------------------------------ */

static char *skip_blanks(char *text)
{
	return text + strspn(text, " ");
}

/* text is behind the opening quote.  Moves the word together; *end_out is behind the closing one.
 */
static char *unquote(char *text, char **end_out)
{
	char *to = text;
	char *from = text;

	while (*from != '\0') {
		if (*from == '"' && from[1] != '"') {
			*to = '\0';
			*end_out = from + 1;
			return text;
		}
		if (*from == '"')
			from++;
		*to++ = *from++;
	}
	return NULL;
}

char *ftp_args_word(char **text)
{
	char *word = skip_blanks(*text);
	char *end = word;

	if (*word == '"') {
		word = unquote(word + 1, &end);
		if (word == NULL || (*end != '\0' && *end != ' '))
			return NULL;
	} else {
		end += strcspn(word, " ");
		if (end == word)
			return NULL;
	}
	*text = skip_blanks(end);
	/* A quoted word may end before `end`: it has its own NUL already. */
	*end = '\0';
	return word;
}

char *ftp_args_name(char *text)
{
	size_t length = strlen(text);
	size_t inside = 1;
	char *end;

	if (length < 3 || text[0] != '"' || text[length - 1] != '"')
		return text;
	/* One quoted word, or a name that happens to start and end with quotes? */
	while (inside < length - 1 && (text[inside] != '"' || text[inside + 1] == '"'))
		inside += text[inside] == '"' ? 2 : 1;
	return inside == length - 1 ? unquote(text + 1, &end) : text;
}

/* --- ranges ----------------------------------------------------------------------------------- */

/* Two numbers with blanks between them. */
static bool parse_two(const char *text, uint64_t *first, uint64_t *second)
{
	size_t digits = strspn(text, DIGITS);
	size_t blanks = strspn(text + digits, " ");
	char number[24];

	return blanks > 0 && text_format(number, sizeof(number), "%.*s", (int)digits, text) &&
	       text_parse_u64(number, first) && text_parse_u64(text + digits + blanks, second);
}

bool ftp_args_rang(const char *text, struct ftp_args_range *out)
{
	uint64_t first;
	uint64_t last;

	*out = (struct ftp_args_range){ .bytes = FTP_ARGS_ALL };
	if (!parse_two(text, &first, &last))
		return false;
	if (first == 1 && last == 0)
		return true;
	if (first > last || first > INT64_MAX)
		return false;
	/* No file is longer, and so the length cannot overflow. */
	if (last > INT64_MAX)
		last = INT64_MAX;
	*out = (struct ftp_args_range){ .start = first, .bytes = last - first + 1 };
	return true;
}

bool ftp_args_span(const char *text, struct ftp_args_range *out)
{
	uint64_t end;

	*out = (struct ftp_args_range){ .bytes = FTP_ARGS_ALL };
	if (!parse_two(text, &out->start, &end) || out->start >= end || end > INT64_MAX)
		return false;
	out->bytes = end - out->start;
	return true;
}

/* Where the two last words start, if both are numbers and something stands before them. */
static char *find_numbers(char *text)
{
	char *at = text + strlen(text);

	for (int i = 0; i < 2; i++) {
		char *end = at;

		while (at > text && strchr(DIGITS, at[-1]) != NULL)
			at--;
		if (at == end || at == text || at[-1] != ' ')
			return NULL;
		if (i == 0)
			while (at > text && at[-1] == ' ')
				at--;
	}
	return at;
}

bool ftp_args_checksum(char *text, struct ftp_args_checksum *out)
{
	char *rest = text;

	*out = (struct ftp_args_checksum){ .name = text, .quoted = text[0] == '"' };
	if (out->quoted) {
		out->name = ftp_args_word(&rest);
		out->numbers = rest[0] != '\0' ? rest : NULL;
		return out->name != NULL && out->name[0] != '\0';
	}
	out->numbers = find_numbers(text);
	if (out->numbers != NULL)
		out->numbers[-1] = '\0';
	return true;
}

/* --- hosts and languages ---------------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_label(const char *text, size_t n)
{
	if (n == 0 || n > LABEL_MAX_BYTES || text[0] == '-' || text[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_letter(text[i]) && !is_digit(text[i]) && text[i] != '-')
			return false;
	}
	return true;
}

static bool is_bracketed_ipv6(const char *text, size_t n)
{
	char inside[NETADDR_TEXT_BYTES];
	struct netaddr address;

	return n > 2 && text[n - 1] == ']' &&
	       text_format(inside, sizeof(inside), "%.*s", (int)(n - 2), text + 1) &&
	       strchr(inside, '%') == NULL && netaddr_parse_ip(&address, inside) &&
	       address.family == AF_INET6;
}

bool ftp_args_is_host(const char *text)
{
	size_t n = strlen(text);
	struct netaddr address;
	bool numeric = true;

	if (text[0] == '[')
		return is_bracketed_ipv6(text, n);
	if (n == 0 || n > HOST_MAX_BYTES)
		return false;
	for (const char *label = text; *label != '\0';) {
		size_t length = strcspn(label, ".");

		if (!is_label(label, length))
			return false;
		/* What ends in a number is an address, or a mistyped one (RFC 1123 2.1). */
		numeric = strspn(label, DIGITS) == length;
		label += length;
		if (*label == '.' && label[1] == '\0')
			return false;
		if (*label == '.')
			label++;
	}
	return !numeric || (netaddr_parse_ip(&address, text) && address.family == AF_INET);
}

bool ftp_args_is_language(const char *text)
{
	for (size_t part = 0; *text != '\0'; part++) {
		size_t length = strcspn(text, "-");

		if (length == 0 || length > SUBTAG_MAX)
			return false;
		for (size_t i = 0; i < length; i++) {
			if (!is_letter(text[i]) && (part == 0 || !is_digit(text[i])))
				return false;
		}
		text += length;
		if (*text == '\0')
			return true;
		text++;
	}
	return false;
}

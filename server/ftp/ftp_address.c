#include "server/ftp/ftp_address.h"

#include <string.h>

#include "server/base/text.h"

#define PORT_NUMBERS    6u
#define EPRT_FAMILY_MAX 8u /* bytes of the protocol number */

/* Up to five decimal digits at *text; moves behind them.  False when there is none, or above max.
 */
static bool take_number(const char **text, unsigned max, unsigned *out)
{
	unsigned value = 0;
	size_t n = 0;

	while ((*text)[n] >= '0' && (*text)[n] <= '9' && n < 5) {
		value = value * 10 + (unsigned)((*text)[n] - '0');
		n++;
	}
	*text += n;
	*out = value;
	return n > 0 && value <= max;
}

enum ftp_address_result ftp_address_parse_port(const char *text, struct netaddr *out)
{
	unsigned numbers[PORT_NUMBERS];

	for (size_t i = 0; i < PORT_NUMBERS; i++) {
		if (!take_number(&text, 255, &numbers[i]))
			return FTP_ADDRESS_MALFORMED;
		if (*text != (i + 1 < PORT_NUMBERS ? ',' : '\0'))
			return FTP_ADDRESS_MALFORMED;
		if (*text == ',')
			text++;
	}
	*out = (struct netaddr){ .family = AF_INET };
	for (size_t i = 0; i < 4; i++)
		out->bytes[i] = (uint8_t)numbers[i];
	out->port = (uint16_t)(numbers[4] << 8 | numbers[5]);
	return FTP_ADDRESS_OK;
}

/* The text up to the next delimiter; false when there is none or it does not fit. */
static bool take_field(const char **text, char delimiter, char *out, size_t out_bytes)
{
	const char *end = strchr(*text, delimiter);
	size_t length = end != NULL ? (size_t)(end - *text) : 0;

	if (end == NULL || length == 0 || length >= out_bytes)
		return false;
	memcpy(out, *text, length);
	out[length] = '\0';
	*text = end + 1;
	return true;
}

enum ftp_address_result ftp_address_parse_eprt(const char *text, struct netaddr *out)
{
	char delimiter = text[0];
	char family[EPRT_FAMILY_MAX];
	char host[NETADDR_TEXT_BYTES];
	char port[8];
	const char *digits = port;
	unsigned number;
	uint64_t family_number;

	/* RFC 2428 section 2: a character of ASCII 33 to 126; a digit would be ambiguous. */
	if (delimiter < 33 || delimiter > 126 || (delimiter >= '0' && delimiter <= '9'))
		return FTP_ADDRESS_MALFORMED;
	text++;
	if (!take_field(&text, delimiter, family, sizeof(family)) ||
	    !take_field(&text, delimiter, host, sizeof(host)) ||
	    !take_field(&text, delimiter, port, sizeof(port)) || *text != '\0')
		return FTP_ADDRESS_MALFORMED;
	if (!text_parse_u64(family, &family_number) || !take_number(&digits, 65535, &number) ||
	    *digits != '\0')
		return FTP_ADDRESS_MALFORMED;
	if (family_number != 1 && family_number != 2)
		return FTP_ADDRESS_FAMILY;
	if (!netaddr_parse_ip(out, host))
		return FTP_ADDRESS_MALFORMED;
	/* A mapped address, ::ffff:192.0.2.1, is IPv4 to us whichever way it was written. */
	if (out->family != (family_number == 1 ? AF_INET : AF_INET6) &&
	    !(family_number == 2 && out->family == AF_INET && strchr(host, ':') != NULL))
		return FTP_ADDRESS_MALFORMED;
	out->port = (uint16_t)number;
	return FTP_ADDRESS_OK;
}

void ftp_address_format_pasv(char out[FTP_ADDRESS_TEXT_BYTES], const struct netaddr *address)
{
	const uint8_t *b = address->bytes;

	text_format(out, FTP_ADDRESS_TEXT_BYTES, "%u,%u,%u,%u,%u,%u", b[0], b[1], b[2], b[3],
	    address->port >> 8u, address->port & 255u);
}

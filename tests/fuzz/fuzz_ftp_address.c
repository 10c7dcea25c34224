/* PORT and EPRT: what is accepted is well-formed, and PORT's text is the reverse of 227's. */
#include <stdlib.h>
#include <string.h>

#include "server/ftp/ftp_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = strndup((const char *)bytes, length);
	char back[FTP_ADDRESS_TEXT_BYTES];
	struct netaddr address;
	struct netaddr again;

	if (text == NULL)
		return 0;
	if (ftp_address_parse_eprt(text, &address) == FTP_ADDRESS_OK && address.family != AF_INET &&
	    address.family != AF_INET6)
		abort();
	if (ftp_address_parse_port(text, &address) == FTP_ADDRESS_OK) {
		ftp_address_format_pasv(back, &address);
		if (ftp_address_parse_port(back, &again) != FTP_ADDRESS_OK ||
		    !netaddr_same_ip(&address, &again) || address.port != again.port)
			abort();
	}
	free(text);
	return 0;
}

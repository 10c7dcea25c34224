/*
 * Addresses as FTP writes them: PORT, EPRT, the 227 reply.
 *
 * Front only; pure text.  Whether the server may connect there is decided elsewhere (and again in
 * the guard).
 */
#ifndef FTP_ADDRESS_H
#define FTP_ADDRESS_H

#include <stdbool.h>

#include "server/base/netaddr.h"

#define FTP_ADDRESS_TEXT_BYTES 32u

enum ftp_address_result {
	FTP_ADDRESS_OK,
	FTP_ADDRESS_MALFORMED, /* 501 */
	FTP_ADDRESS_FAMILY,    /* EPRT: well-formed, of a family that we do not speak: 522 */
};

/* "h1,h2,h3,h4,p1,p2": six numbers up to 255, nothing else. */
enum ftp_address_result ftp_address_parse_port(const char *text, struct netaddr *out);
/* RFC 2428: "|1|192.0.2.1|1234|" or "|2|2001:db8::1|1234|", any printable delimiter. */
enum ftp_address_result ftp_address_parse_eprt(const char *text, struct netaddr *out);
/* The argument of a 227 reply; IPv4 only. */
void ftp_address_format_pasv(char out[FTP_ADDRESS_TEXT_BYTES], const struct netaddr *address);

#endif

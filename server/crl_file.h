/*
 * A file of revocation lists (PEM), as an administrator asks about it: until when is it good, and whose is it?
 *
 * Master (expiry), transomctl check.  Whom it makes the guards refuse is auth_certificate.c's affair.
 */
#ifndef SERVER_CRL_FILE_H
#define SERVER_CRL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRL_FILE_ISSUER_BYTES 512
#define CRL_FILE_DIGEST_BYTES 32

/* A list; INT64_MAX for one that says nothing about its end. */
struct crl_file_list {
	int64_t begins, expires; /* seconds since the epoch */
	char issuer[CRL_FILE_ISSUER_BYTES]; /* its name, bytes that are no text escaped */
	uint8_t digest[CRL_FILE_DIGEST_BYTES];
};

/* The list in the file that is out of date first.  False when there is none that can be read. */
bool crl_file_first_to_end(const char *path, struct crl_file_list *out);

/* So long before its end there is reason to worry: a fifth of its life, and no more than the administrator's warning. */
int64_t crl_file_warning(const struct crl_file_list *list, int64_t most);

#endif

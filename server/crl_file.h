/*
 * A file of revocation lists (PEM), as an administrator asks about it: until when is it good, and whose is it?
 *
 * Master (expiry), transomctl check.  Whom it makes the guards refuse is auth_certificate.c's affair.
 */
#ifndef SERVER_CRL_FILE_H
#define SERVER_CRL_FILE_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#define CRL_FILE_ISSUER_BYTES 512
#define CRL_FILE_DIGEST_BYTES 32
#define CRL_FILE_MAX_BYTES    (64u << 20)
#define CRL_FILE_ISSUERS_MAX  64

/* A list; INT64_MAX for one that says nothing about its end. */
struct crl_file_list {
	int64_t begins, expires; /* seconds since the epoch */
	char issuer[CRL_FILE_ISSUER_BYTES]; /* its name, bytes that are no text escaped */
	uint8_t digest[CRL_FILE_DIGEST_BYTES];
};

/*
 * The lists in a regular file, of each issuer the one that ends last, in the order of the file.  Empty when there is none
 * that can be read, NULL when memory ran out; free it with crl_file_free.  Never waits: neither for a fifo, nor for a password.
 */
STACK_OF(X509_CRL) *crl_file_load(const char *path);
/* Sets *lists to NULL. */
void crl_file_free(STACK_OF(X509_CRL) **lists);
void crl_file_describe(const X509_CRL *list, struct crl_file_list *out);

/* So long before its end there is reason to worry: a fifth of its life, and no more than the administrator's warning. */
int64_t crl_file_warning(const struct crl_file_list *list, int64_t most);

#endif

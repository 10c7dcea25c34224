/* A private key file in OpenSSH's format; the input is what its base64 holds. */
#include <stdio.h>
#include <stdlib.h>

#include "server/key_openssh.h"

#define BODY_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static char text[4 * BODY_MAX];
	static char base64[2 * BODY_MAX];
	const char *problem = NULL;
	EVP_PKEY *key;

	if (length > BODY_MAX)
		return 0;
	EVP_EncodeBlock((unsigned char *)base64, bytes, (int)length);
	snprintf(text, sizeof(text),
	    "-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n", base64);
	key = key_openssh_read(text, &problem);
	if (key == NULL && problem == NULL)
		abort();
	EVP_PKEY_free(key);
	return 0;
}

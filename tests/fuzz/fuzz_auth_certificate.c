/*
 * What a hijacked front may hand in for a login by certificate: scheme as u32, then "chain, signed
 * data, signature" as SSH strings.  Nobody certifies clients here; a chain that passes must have a
 * certificate.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/auth_certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct auth_blob rest = { .bytes = bytes, .length = length };
	struct auth_certificate_evidence evidence;
	struct auth_certificate certificate;

	if (!auth_blob_take_u32(&rest, &evidence.scheme) ||
	    !auth_blob_take_string(&rest, &evidence.chain) ||
	    !auth_blob_take_string(&rest, &evidence.signed_data) ||
	    !auth_blob_take_string(&rest, &evidence.signature))
		return 0;
	if (auth_certificate_check(NULL, &evidence, &certificate) != (certificate.x509 != NULL) ||
	    certificate.vouched)
		abort();
	auth_certificate_clear(&certificate);
	return 0;
}

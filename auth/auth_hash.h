/*
 * Password hashes, through libcrypt.  Used by the file back end and by transomctl.
 */
#ifndef AUTH_HASH_H
#define AUTH_HASH_H

#include <stdbool.h>

#include "server/base/secret.h"

#define AUTH_HASH_BYTES 384 /* longest hash libcrypt makes (CRYPT_OUTPUT_SIZE), NUL included */

/*
 * Does the password belong to the hash?  Accepts yescrypt ($y$), bcrypt ($2b$ $2a$ $2y$),
 * sha512crypt ($6$) and sha256crypt ($5$).  False for an empty, locked (! *) or foreign hash,
 * without hashing.  A password that libcrypt cannot take (512 bytes or more, or with a NUL inside)
 * belongs to no hash, but costs the same time.
 */
bool auth_hash_check(const char *hash, const struct secret *password);
/* Is it a hash that auth_hash_check would try? */
bool auth_hash_usable(const char *hash);
/* Spend the time of one check of the default kind. */
void auth_hash_dummy(const struct secret *password);
/*
 * Make a new hash.  method: "yescrypt" (the default), "bcrypt", "sha512crypt", "sha256crypt", or
 * NULL. False when the method is unknown, libcrypt cannot take the password (see above) or fails.
 */
bool auth_hash_make(const char *method, const struct secret *password, char out[AUTH_HASH_BYTES]);

#endif

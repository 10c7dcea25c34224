/*
 * Checksums of files: THE list of algorithms, and one computation.
 *
 * Front only, but for ftp_digest_warm_up, which its nursery calls before the walls stand.  It reads
 * nothing by itself.
 */
#ifndef FTP_DIGEST_H
#define FTP_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * D(symbol, name, provider, verbs...)
 *   name      of HASH, OPTS HASH and FEAT: IANA's Hash Function Textual Names, where it has one
 *   provider  what OpenSSL calls it; NULL: CRC-32 as in Ethernet and ZIP, which it does not have
 *   verbs     the verbs that compute it, whatever OPTS HASH says
 * The first one is what HASH computes until OPTS HASH says otherwise.
 */
#define FTP_DIGESTS(D)                               \
	D(SHA256, "SHA-256", "SHA2-256", "XSHA256")  \
	D(SHA512, "SHA-512", "SHA2-512", "XSHA512")  \
	D(SHA1, "SHA-1", "SHA1", "XSHA1", "XSHA")    \
	D(MD5, "MD5", "MD5", "XMD5", "MD5")          \
	D(CRC32, "CRC32", NULL, "XCRC")

#define FTP_DIGEST_ENUM(symbol, name, ...) FTP_DIGEST_##symbol,
enum ftp_digest_index { FTP_DIGESTS(FTP_DIGEST_ENUM) FTP_DIGEST_COUNT };
#undef FTP_DIGEST_ENUM

#define FTP_DIGEST_VERBS_MAX  2u
#define FTP_DIGEST_HEX_BYTES  129u /* room for the longest in hex, and NUL */
#define FTP_DIGEST_LIST_BYTES 64u  /* room for ftp_digest_list */

struct ftp_digest_row {
	const char *name;
	const char *provider;
	const char *verbs[FTP_DIGEST_VERBS_MAX]; /* the rest NULL */
};
extern const struct ftp_digest_row ftp_digest_rows[FTP_DIGEST_COUNT];

/* By name, in any case; by verb, in upper case.  FTP_DIGEST_COUNT when there is none. */
enum ftp_digest_index ftp_digest_find(const char *name);
enum ftp_digest_index ftp_digest_find_verb(const char *verb);
/* "SHA-256*;SHA-512": all of them, an asterisk behind the one that is set (FEAT). */
void ftp_digest_list(char out[FTP_DIGEST_LIST_BYTES], enum ftp_digest_index set);

/* Load every algorithm, so that a sandboxed process need not. */
void ftp_digest_warm_up(void);

struct ftp_digest;
/* Begin; NULL when memory ran out or this build of OpenSSL refuses the algorithm. */
struct ftp_digest *ftp_digest_new(enum ftp_digest_index index);
bool ftp_digest_update(struct ftp_digest *digest, const void *bytes, size_t n);
/* The result in lower-case hex; nothing may be added afterwards. */
bool ftp_digest_finish(struct ftp_digest *digest, char hex_out[FTP_DIGEST_HEX_BYTES]);
/* Also one that is not finished.  Sets *digest to NULL. */
void ftp_digest_free(struct ftp_digest **digest);

#endif

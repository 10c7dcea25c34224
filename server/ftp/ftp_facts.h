/*
 * MLSx facts and the times of MDTM and MFMT (RFC 3659).
 *
 * Front only; pure text.  THE list of facts is FTP_FACTS.
 */
#ifndef FTP_FACTS_H
#define FTP_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfs/vfs_types.h"

/* F(symbol, "name"): in the order in which they are printed. */
#define FTP_FACTS(F)                \
	F(TYPE, "type")             \
	F(SIZE, "size")             \
	F(MODIFY, "modify")         \
	F(PERM, "perm")             \
	F(UNIQUE, "unique")         \
	F(UNIX_MODE, "UNIX.mode")   \
	F(UNIX_OWNER, "UNIX.owner") \
	F(UNIX_GROUP, "UNIX.group")

#define FTP_FACT_INDEX(symbol, name) FTP_FACT_INDEX_##symbol,
enum ftp_fact_index { FTP_FACTS(FTP_FACT_INDEX) FTP_FACT_COUNT };
#undef FTP_FACT_INDEX
#define FTP_FACT_BIT(symbol, name) FTP_FACT_##symbol = 1u << FTP_FACT_INDEX_##symbol,
enum ftp_fact { FTP_FACTS(FTP_FACT_BIT) };
#undef FTP_FACT_BIT
#define FTP_FACTS_ALL ((1u << FTP_FACT_COUNT) - 1u)

#define FTP_FACTS_LIST_BYTES 160u /* room for ftp_facts_list */
#define FTP_FACTS_LINE_BYTES 512u /* room for ftp_facts_format, a short link target included */
#define FTP_TIME_BYTES       32u  /* room for ftp_facts_format_time */

/* OPTS MLST "type;size;": names in any case, unknown ones are passed over (RFC 3659 7.9). */
unsigned ftp_facts_parse(const char *text);
/* "type;size;" of those set; with marks, every fact there is, an asterisk behind those set (FEAT).
 */
void ftp_facts_list(char out[FTP_FACTS_LIST_BYTES], unsigned facts, bool marks);
/*
 * "type=file;size=1;...;" without the space and name that follow.  target: of a link, or "".
 * Returns the length; out holds at least FTP_FACTS_LINE_BYTES.
 */
size_t ftp_facts_format(char *out, const struct vfs_attr *attr, const char *target, unsigned facts);

/* The nearest time within the years 0..9999: what four digits can show. */
int64_t ftp_facts_clamp_time(int64_t seconds);
/* "20261120102631", UTC; clamped. */
void ftp_facts_format_time(char out[FTP_TIME_BYTES], int64_t seconds);
/*
 * "YYYYMMDDHHMMSS[.digits]", exactly n bytes of text, UTC.  False when it is not one, or not a
 * date. *nanoseconds_out may be NULL.
 */
bool ftp_facts_parse_time(
    const char *text, size_t n, int64_t *seconds_out, uint32_t *nanoseconds_out);

#endif

/*
 * Numbers in network order (most significant byte first), as SSH, SFTP and TLS have them, anywhere in memory.
 *
 * Pure; every role.  Bounds are the caller's: fxp_codec.h reads and writes within them.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdint.h>

static inline uint32_t bytes_get_u32(const uint8_t from[4])
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static inline uint64_t bytes_get_u64(const uint8_t from[8])
{
	return (uint64_t)bytes_get_u32(from) << 32 | bytes_get_u32(from + 4);
}

static inline void bytes_put_u32(uint8_t to[4], uint32_t number)
{
	to[0] = (uint8_t)(number >> 24);
	to[1] = (uint8_t)(number >> 16);
	to[2] = (uint8_t)(number >> 8);
	to[3] = (uint8_t)number;
}

static inline void bytes_put_u64(uint8_t to[8], uint64_t number)
{
	bytes_put_u32(to, (uint32_t)(number >> 32));
	bytes_put_u32(to + 4, (uint32_t)number);
}

#endif

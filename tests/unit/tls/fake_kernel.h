/*
 * A kernel that takes keys for TLS, whatever the real one can do: this program's own setsockopt, getsockopt and sendmsg.
 * Off until it is told; each test is a process of its own.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/tls/tls_kernel.h"

struct fake_kernel {
	bool on;
	int ulp_errno; /* 0: it has the layer */
	int keys_errno;
	uint32_t queued, size;	  /* of the socket's buffer; size 0: the real ones */
	uint32_t largest;	  /* that size can be made */
	unsigned asked;		  /* for the layer */
	unsigned taken;		  /* keys */
	union tls_kernel_info info; /* the last */
	unsigned records;	  /* that were not payload */
	uint8_t type;		  /* of the last */
	uint8_t record[64];
	size_t record_bytes;
};

extern struct fake_kernel fake_kernel;

#endif

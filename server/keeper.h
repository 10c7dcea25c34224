/*
 * The keeper: the one process that holds private keys.
 *
 * One a generation, started by the master beside the nursery.  It loads the keys as root, gives up everything, and
 * from then on signs what guards ask for, if it has the shape of a handshake (key_shapes.h).  It opens
 * nothing, logs nothing and knows nothing of users.  When nobody holds its door any more it ends.
 */
#ifndef SERVER_KEEPER_H
#define SERVER_KEEPER_H

#include <stdint.h>

#include "conf/conf.h"

/* To the master, once; then the channel is closed.  Both ends are the same binary: the struct is sent as it is. */
enum keeper_report_kind {
	KEEPER_READY = 1,	/* the keys are loaded, the door is open */
	KEEPER_FAILED,		/* they are not: message tells why */
};
struct keeper_report {
	uint32_t kind;
	char message[CONF_MESSAGE_BYTES];
};

/* Exit status when the keys cannot be loaded (EX_CONFIG): no crash. */
#define KEEPER_EXIT_CONFIG 78

/* Run the role to its end; its exit status. */
int keeper_run(void);

#endif

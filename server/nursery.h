/*
 * The nursery: holds the parsed configuration and everything that sessions need, warmed up, and forks pairs.
 *
 * Started by the master with an address layout of its own for each generation.  It reads no client byte.  When it
 * is retired it lets its idle pairs go and ends after its last session.
 */
#ifndef SERVER_NURSERY_H
#define SERVER_NURSERY_H

/* Run as a nursery, on the descriptors of roles.h; the exit status. */
int nursery_run(void);

#endif

/*
 * The clerk: keeps the books and writes the log.
 *
 * A process of its own, confined before it reads the first message.  Its clients are guards (through the
 * door), nurseries and the master; what they say is validated, and a malformed message costs its sender the
 * connection and nobody anything else.  It never talks to a front, opens nothing, and dies without harm: the
 * master starts another, and everybody reports again.
 */
#ifndef SERVER_CLERK_H
#define SERVER_CLERK_H

/* Run as the clerk, on the descriptors of roles.h, until the master lets go; the exit status. */
int clerk_run(void);

#endif

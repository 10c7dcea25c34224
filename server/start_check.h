/*
 * Keys and certificates, read as a start reads them, by processes that start nothing.
 *
 * `transomd -t` and `transomctl check`.  What a start does in the keeper and in the nursery is done here at once, by the
 * same functions; so private keys are in this process, which is about to end.
 */
#ifndef SERVER_START_CHECK_H
#define SERVER_START_CHECK_H

#include <stdbool.h>

#include "conf/conf.h"

/* Would a start take them?  False with the line that it would end with.  Host keys that a start would make are none
 * that is missing. */
bool start_check(const struct conf *conf, char message[CONF_MESSAGE_BYTES]);

#endif

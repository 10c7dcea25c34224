/*
 * How every complaint about a configuration is worded: "file:line: what is wrong; what is allowed".
 *
 * All of conf/.  Bytes that came from a file are shown escaped and cut, so a message stays one
 * line.
 */
#ifndef CONF_MESSAGE_H
#define CONF_MESSAGE_H

#include <stddef.h>

#include "conf/conf.h"

#define CONF_SHOWN_BYTES 96 /* of a value in a message, NUL included */

/* Write the message; without a line number when line is 0.  What does not fit is cut. */
void conf_say(char message[CONF_MESSAGE_BYTES], const char *file, unsigned line, const char *format,
    ...) __attribute__((format(printf, 4, 5)));
/* n bytes made fit to be shown between quotes; returns shown. */
const char *conf_show(char shown[CONF_SHOWN_BYTES], const char *bytes, size_t n);

#endif

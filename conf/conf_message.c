#include "conf/conf_message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/base/text.h"

void conf_say(
    char message[CONF_MESSAGE_BYTES], const char *file, unsigned line, const char *format, ...)
{
	va_list args;
	size_t used;

	text_escape(message, CONF_MESSAGE_BYTES / 2, file, strlen(file));
	used = strlen(message);
	if (line > 0)
		snprintf(message + used, CONF_MESSAGE_BYTES - used, ":%u: ", line);
	else
		snprintf(message + used, CONF_MESSAGE_BYTES - used, ": ");
	used = strlen(message);
	va_start(args, format);
	vsnprintf(message + used, CONF_MESSAGE_BYTES - used, format, args);
	va_end(args);
}

const char *conf_show(char shown[CONF_SHOWN_BYTES], const char *bytes, size_t n)
{
	text_escape(shown, CONF_SHOWN_BYTES, bytes, n);
	return shown;
}

/*
 * The types an option can have: C type, text to value, value to text.
 *
 * Used by conf.c only, through the rows of conf_options.h.
 */
#ifndef CONF_TYPES_H
#define CONF_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/netaddr.h"

/* A list of strings; owned by the struct conf it lives in. */
struct conf_list {
	char **items;
	size_t count;
};

/* An inclusive port range; first 0 = let the system choose. */
struct conf_ports {
	uint16_t first;
	uint16_t last;
};

/*
 * C type for each option type.
 *   bool      yes no true false on off
 *   uint      whole number, min..max
 *   duration  ms s m h d w; milliseconds in the struct
 *   mode      octal
 *   text      any text without control characters, at most max bytes
 *   path      a path; relative ones are relative to the file they stand in
 *   account   user or group: name or number
 *   choice    one of the words in min ("a|b"); the index of the word
 *   list      { "a", "b" }, at most max entries
 *   ports     "first-last", "port" or "0"
 *   address   ip:port
 *   access    a preset or a list of rights (conf_rights.h); the bits
 */
typedef bool conf_bool;
typedef uint32_t conf_uint;
typedef int64_t conf_duration;
typedef uint32_t conf_mode;
typedef char *conf_text;
typedef char *conf_path;
typedef char *conf_account;
typedef int conf_choice;
typedef struct conf_list conf_list_value;
typedef struct conf_ports conf_ports_value;
typedef struct netaddr conf_address;
typedef uint32_t conf_access;

#endif

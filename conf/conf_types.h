/*
 * The types an option can have: C type, text to value, value to text.
 *
 * The C types are for everybody who reads a struct of conf.h.  The table of types is for conf/ only:
 * it is applied through the rows of conf_options.h, which say the range (conf_rows.h).
 */
#ifndef CONF_TYPES_H
#define CONF_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/buf.h"
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

#define CONF_DIALLED "dialled" /* as the host of a network: the address that its client dialled */

/* Clients of this network are told this host: an address, a host name, or CONF_DIALLED. */
struct conf_network {
	struct netaddr_network network;
	char *host;
};

/* In the order of the file: the first one that holds the client counts. */
struct conf_networks {
	struct conf_network *items;
	size_t count;
};

/*
 * C type for each option type.
 *   bool      yes no true false on off
 *   uint      whole number, min..max
 *   duration  ms s m h d w; milliseconds in the struct
 *   mode      octal
 *   text      any text without control characters, at most max bytes
 *   path      an absolute path in the struct; relative ones are relative to the file they stand in.
 *             With CONF_PATH_PER_USER as min, %u is the user's name and %% a percent sign
 *   target    stderr, syslog or a path as above
 *   account   user or group: name or number, never root; empty only where the default is
 *   choice    one of the words in min ("a|b"); the index of the word
 *   list      { "a", "b" }, at most max entries
 *   words     a list of words out of min ("a|b"), each at most once, at most max of them
 *   certs     a list of what names a certificate (conf_cert_read), at most max of them
 *   ports     "first-last", "port" or "0"
 *   address   ip:port
 *   host      an IPv4 address that clients can connect to, a host name, or empty
 *   networks  { "10.0.0.0/8 10.0.0.5", "192.0.2.0/24 ftp.example.net" }, at most max rules
 *   access    a preset or a list of rights (conf_rights.h), as "list read" or { "list", "read" }; the bits
 */
typedef bool conf_bool;
typedef uint32_t conf_uint;
typedef int64_t conf_duration;
typedef uint32_t conf_mode;
typedef char *conf_text;
typedef char *conf_path;
typedef struct conf_list conf_paths_value;
typedef char *conf_target;
typedef char *conf_account;
typedef int conf_choice;
typedef struct conf_list conf_list_value;
typedef struct conf_list conf_words_value;
typedef struct conf_list conf_certs_value;
typedef struct conf_ports conf_ports_value;
typedef struct netaddr conf_address;
typedef char *conf_host;
typedef struct conf_networks conf_networks_value;
typedef uint32_t conf_access;

/* THE list of types; a row of conf_options.h names one of them. */
#define CONF_TYPES(T)                                                                              \
	T(bool) T(uint) T(duration) T(mode) T(text) T(path) T(paths) T(target) T(account) T(choice)         \
	T(list) T(words) T(certs) T(ports) T(address) T(host) T(networks) T(access)

#define CONF_TYPE_ENUM(name) CONF_TYPE_##name,
enum conf_type_id { CONF_TYPES(CONF_TYPE_ENUM) CONF_TYPE_COUNT };
#undef CONF_TYPE_ENUM

/* min of a path row: */
#define CONF_PATH_PER_USER 1
#define CONF_PATH_OPTIONAL 2
#define CONF_PATH_PER_USER_OPTIONAL (CONF_PATH_PER_USER | CONF_PATH_OPTIONAL)
#define CONF_PATH_BYTES 4096 /* longest path, NUL included: PATH_MAX of Linux */
#define CONF_LIST_ITEM_MAX_BYTES 16384u

struct conf_option; /* conf_rows.h */

/* A value as it stands in a file: one item, or the items of a list. */
struct conf_written {
	const char *const *items;
	size_t count;
	const char *base_dir;	/* absolute; relative paths start here */
	size_t wrong_item;	/* set by parse: the item that is wrong, if it is one of them */
};

struct conf_type {
	const char *name;
	bool takes_list;	/* may be written { "a", "b" } */
	bool bare;		/* dumped without quotes */
	/*
	 * Set the field, whose old value is freed.  NULL, or what is wrong with the text (a static
	 * string; then the field is unchanged), which is conf_type_no_memory when memory ran out.
	 */
	const char *(*parse)(
	    const struct conf_option *row, struct conf_written *written, void *field);
	/* Append the value in the syntax of the file.  expanded: %u has been replaced already. */
	void (*format)(
	    const struct conf_option *row, const void *field, bool expanded, struct buf *out);
	/* What may be written, for messages and the manual. */
	void (*allowed)(const struct conf_option *row, char *out, size_t out_bytes);
	/* Deep copy into a field that holds nothing; false when memory ran out. */
	bool (*copy)(const void *from, void *to);
	/* Free what the field owns and make it zero. */
	void (*clear)(void *field);
};

/* Which of "a|b" the text is, from 0; -1: none. */
int conf_word_find(const char *words, const char *text);

#define CONF_CERT_DIGEST_BYTES 32u /* SHA-256 */
enum conf_cert_kind { CONF_CERT_WRONG, CONF_CERT_SHA256, CONF_CERT_SAN, CONF_CERT_CN };
/*
 * An item of `certs`: "SHA256:" and the fingerprint of the whole certificate, in hex with or without
 * colons or in base64; "SAN:" and a name; "CN:" and a name.  Sets *digest_out or *name_out (within text).
 */
enum conf_cert_kind conf_cert_read(
    const char *text, const char **name_out, uint8_t digest_out[CONF_CERT_DIGEST_BYTES]);

extern const char conf_type_no_memory[];
const struct conf_type *conf_type(enum conf_type_id id);

#endif

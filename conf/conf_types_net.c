/* The types that say where clients shall connect to: host, networks. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/conf_lex.h"
#include "conf/conf_rows.h"
#include "conf/conf_types_private.h"
#include "server/base/text.h"

#define HOST_NAME_MAX_BYTES  253u /* RFC 1035 2.3.4, without the dot of the root */
#define HOST_LABEL_MAX_BYTES 63u

/* --- host ------------------------------------------------------------------------------------- */

/* Letters, digits and hyphens between dots; the last part has a letter, or it would be an address.
 */
static bool is_host_name(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789-.";
	const char *last = strrchr(text, '.');
	size_t length = strlen(text);

	if (length > HOST_NAME_MAX_BYTES || strspn(text, allowed) != length)
		return false;
	for (const char *label = text;; label++) {
		size_t label_length = strcspn(label, ".");

		if (label_length == 0 || label_length > HOST_LABEL_MAX_BYTES || label[0] == '-' ||
		    label[label_length - 1] == '-')
			return false;
		label += label_length;
		if (*label == '\0')
			break;
	}
	last = last == NULL ? text : last + 1;
	return strspn(last, "0123456789") != strlen(last);
}

/* NULL, or what is wrong with the text as something that clients connect to over IPv4. */
static const char *host_wrong(const char *text)
{
	struct netaddr address;

	if (!netaddr_parse_ip(&address, text))
		return is_host_name(text) ? NULL : "it is neither an address nor a host name";
	if (address.family != AF_INET)
		return "it is no IPv4 address, and PASV tells no other";
	/* 0.0.0.0/8 is "this host" (RFC 1122 3.2.1.3); from 224 on there are no hosts. */
	return address.bytes[0] == 0 || address.bytes[0] >= 224 ? "clients cannot connect to that"
	                                                        : NULL;
}

static const char *parse_host(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	const char *wrong = written->items[0][0] == '\0' ? NULL : host_wrong(written->items[0]);

	return wrong != NULL ? wrong : conf_type_text.parse(row, written, field);
}

static void format_host(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	conf_type_text.format(row, field, expanded, out);
}

static void allowed_host(const struct conf_option *row, char *out, size_t out_bytes)
{
	(void)row;
	text_copy(out, out_bytes, "an IPv4 address as 192.0.2.1, a host name, or nothing");
}

static bool copy_host(const void *from, void *to)
{
	return conf_type_text.copy(from, to);
}

static void clear_host(void *field)
{
	conf_type_text.clear(field);
}

const struct conf_type conf_type_host = {
	.name = "host",
	.parse = parse_host,
	.format = format_host,
	.allowed = allowed_host,
	.copy = copy_host,
	.clear = clear_host,
};

/* --- networks --------------------------------------------------------------------------------- */

static void clear_networks(void *field)
{
	conf_networks_value *networks = field;

	for (size_t i = 0; i < networks->count; i++)
		free(networks->items[i].host);
	free(networks->items);
	*networks = (conf_networks_value){ 0 };
}

static const char *network_wrong(enum netaddr_network_result result)
{
	switch (result) {
	case NETADDR_NETWORK_OK:
		return NULL;
	case NETADDR_NETWORK_HOST_BITS:
		return "bits are set behind the network's prefix";
	default:
		return "it starts with no network";
	}
}

/* "192.0.2.0/24 ftp.example.net" to a rule, which holds nothing unless NULL is returned. */
static const char *parse_network(const char *text, struct conf_network *out)
{
	const size_t length = strcspn(text, " \t");
	const char *host = text + length + strspn(text + length, " \t");
	char network[NETADDR_TEXT_BYTES];
	const char *wrong;

	if (length >= sizeof(network))
		return network_wrong(NETADDR_NETWORK_MALFORMED);
	memcpy(network, text, length);
	network[length] = '\0';
	wrong = network_wrong(netaddr_parse_network(&out->network, network));
	if (wrong == NULL && out->network.address.family != AF_INET)
		wrong = "IPv6 needs no rule: EPSV tells no address";
	if (wrong == NULL && host[0] == '\0')
		wrong = "nothing stands behind the network";
	if (wrong == NULL && strcmp(host, CONF_DIALLED) != 0)
		wrong = host_wrong(host);
	if (wrong != NULL)
		return wrong;
	out->host = strdup(host);
	return out->host == NULL ? conf_type_no_memory : NULL;
}

static const char *parse_networks(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	conf_networks_value networks = { 0 };
	const char *wrong = NULL;

	if (written->count > (size_t)row->max) {
		written->wrong_item = (size_t)row->max;
		return "it is one too many";
	}
	if (written->count > 0) {
		networks.items = calloc(written->count, sizeof(*networks.items));
		if (networks.items == NULL)
			return conf_type_no_memory;
	}
	for (size_t i = 0; i < written->count && wrong == NULL; i++) {
		written->wrong_item = i;
		wrong = parse_network(written->items[i], &networks.items[i]);
		networks.count += wrong == NULL ? 1 : 0;
	}
	if (wrong != NULL) {
		clear_networks(&networks);
		return wrong;
	}
	clear_networks(field);
	*(conf_networks_value *)field = networks;
	return NULL;
}

static void format_networks(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	const conf_networks_value *networks = field;

	(void)row, (void)expanded;
	buf_append_string(out, "{");
	for (size_t i = 0; i < networks->count; i++) {
		char network[NETADDR_TEXT_BYTES];
		char rule[NETADDR_TEXT_BYTES + HOST_NAME_MAX_BYTES + 2];

		netaddr_format_network(&networks->items[i].network, network);
		text_format(rule, sizeof(rule), "%s %s", network, networks->items[i].host);
		buf_append_string(out, i == 0 ? " " : ", ");
		conf_lex_quote(out, rule);
	}
	buf_append_string(out, networks->count == 0 ? "}" : " }");
}

static void allowed_networks(const struct conf_option *row, char *out, size_t out_bytes)
{
	text_format(out, out_bytes,
	    "at most %lld texts in braces, each an IPv4 network and what its clients are told: an "
	    "address, a host name or the word " CONF_DIALLED
	    ", as \"10.0.0.0/8 10.0.0.5\" or \"192.0.2.0/24 ftp.example.net\"",
	    (long long)row->max);
}

static bool copy_networks(const void *from, void *to)
{
	const conf_networks_value *source = from;
	conf_networks_value copy = { 0 };

	if (source->count > 0) {
		copy.items = calloc(source->count, sizeof(*copy.items));
		if (copy.items == NULL)
			return false;
	}
	for (; copy.count < source->count; copy.count++) {
		struct conf_network *item = &copy.items[copy.count];

		item->network = source->items[copy.count].network;
		item->host = strdup(source->items[copy.count].host);
		if (item->host == NULL) {
			clear_networks(&copy);
			return false;
		}
	}
	*(conf_networks_value *)to = copy;
	return true;
}

const struct conf_type conf_type_networks = {
	.name = "networks",
	.takes_list = true,
	.parse = parse_networks,
	.format = format_networks,
	.allowed = allowed_networks,
	.copy = copy_networks,
	.clear = clear_networks,
};

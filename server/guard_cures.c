#include "server/guard_cures.h"

#include <string.h>

/* --- cures that depend on the configuration --------------------------------------------------- */

static bool has(const char *list)
{
	return list != NULL && list[0] != '\0';
}

/* The two have nothing in common.  Lists of the administrator's own count before the profile. */
static const char *widen_ssh(const struct guard_cures_facts *facts)
{
	const struct conf_ssh *ssh = &facts->conf->ssh;

	if (has(ssh->kex) || has(ssh->ciphers) || has(ssh->macs))
		return "update the client, or add what it offers to kex, ciphers or macs in ssh { }";
	switch (facts->listener->algorithms) {
	case CONF_ALGORITHMS_MODERN:
		return "update the client, or set algorithms of this listener to compat or legacy";
	case CONF_ALGORITHMS_COMPAT:
		return "update the client, or set algorithms of this listener to legacy";
	default:
		return "update the client";
	}
}

static const char *widen_host_keys(const struct guard_cures_facts *facts)
{
	switch (facts->listener->algorithms) {
	case CONF_ALGORITHMS_MODERN:
		return "update the client, add a host key of a kind that it knows, or set algorithms of this "
		       "listener to compat or legacy";
	case CONF_ALGORITHMS_COMPAT:
		return "update the client, add a host key of a kind that it knows, or set algorithms of this "
		       "listener to legacy";
	default:
		return "update the client, or add a host key of a kind that it knows";
	}
}

static const char *widen_tls(const struct guard_cures_facts *facts)
{
	const struct conf_tls *tls = &facts->conf->tls;

	if (has(tls->ciphers) || has(tls->ciphersuites))
		return "update the client, or add what it offers to ciphers or ciphersuites in tls { }";
	switch (facts->listener->algorithms) {
	case CONF_ALGORITHMS_MODERN:
		return "update the client, or set algorithms of this listener to compat or legacy, unless "
		       "it offers nothing with ECDHE, or only a kind of key that no certificate here has";
	case CONF_ALGORITHMS_COMPAT:
		return "update the client, or set algorithms of this listener to legacy, unless it offers "
		       "nothing with ECDHE, or only a kind of key that no certificate here has";
	default:
		return "update the client, or add a certificate with a key of a kind that it knows";
	}
}

static const char *widen_groups(const struct guard_cures_facts *facts)
{
	if (has(facts->conf->tls.groups))
		return "update the client, or add a group that it offers to groups in tls { }";
	if (facts->listener->algorithms == CONF_ALGORITHMS_MODERN)
		return "update the client, or set algorithms of this listener to compat, which adds P-521 "
		       "and X448";
	return "update the client";
}

static const char *lower_version(const struct guard_cures_facts *facts)
{
	if (facts->conf->tls.min_version == CONF_TLS_1_3)
		return "update the client, or set min_version = 1.2 in tls { }";
	return "update the client: TLS before 1.2 is never served (min_version in tls { } may be 1.2 "
	       "or 1.3)";
}

static const char *speak_tls(const struct guard_cures_facts *facts)
{
	if (facts->data)
		return "the client asked for protected data connections (PROT P) and sent something "
		       "else: update it, or look for a firewall that changes FTP";
	if (facts->listener->protocol == CONF_PROTOCOL_FTPS)
		return "set the client to implicit TLS (ftps://); clients of plain FTP and of AUTH TLS "
		       "need a listener with protocol = ftp";
	return "the client sent something else behind AUTH TLS: update it, or look for a firewall "
	       "that changes FTP";
}

/* Who waits for a greeting says nothing. */
static const char *begin_tls(const struct guard_cures_facts *facts)
{
	return facts->listener->protocol == CONF_PROTOCOL_FTPS && !facts->data
	           ? "if the client waits for a greeting: set it to implicit TLS (ftps://); clients of "
		     "plain FTP and of AUTH TLS need a listener with protocol = ftp"
	           : NULL;
}

/* --- THE table ---------------------------------------------------------------------------------- */

#define UNTRUSTED                                                                                  \
	"the client does not trust this server's certificate: use one, with its intermediate "    \
	"certificates, of an authority that it knows, or install the authority's at the client"
#define REFUSED                                                                                    \
	"the client refuses this server's certificate: it may not know the authority, or call the " \
	"server by a name that is not in it; see transomctl check"

const struct guard_cures_row guard_cures[] = {
	/* No common ground: TLS, then SSH. */
	{ .cause = "no shared cipher", .choose = widen_tls },
	{ .cause = "no shared signature algorithms", .choose = widen_tls },
	{ .cause = "no suitable signature algorithm", .choose = widen_tls },
	{ .cause = "no shared groups", .choose = widen_groups },
	{ .cause = "no suitable groups", .choose = widen_groups },
	{ .cause = "no suitable key share", .choose = widen_groups },
	{ .cause = "no common host key algorithm", .choose = widen_host_keys },
	{ .cause = "no common ", .choose = widen_ssh },

	{ .cause = "unsupported protocol", .choose = lower_version },
	{ .cause = "version too low", .choose = lower_version },
	{ .cause = "alert protocol version", .choose = lower_version },
	{ .cause = "inappropriate fallback", .choose = lower_version },

	/* Not TLS at all. */
	{ .cause = "http request",
	    .cure = "HTTP was spoken: a browser or a scanner, unless the address that somebody gave a "
		    "client is wrong" },
	{ .cause = "https proxy request",
	    .cure = "HTTP was spoken: whoever takes this for a proxy has a wrong address" },
	{ .cause = "wrong version number", .choose = speak_tls },
	{ .cause = "packet length too long", .choose = speak_tls },
	{ .cause = "unknown protocol", .choose = speak_tls },
	{ .cause = "the handshake took too long", .choose = begin_tls },
	{ .cause = "no application protocol",
	    .cure = "the client names another protocol than FTP (ALPN): it is a client of something "
		    "else, or has a wrong address" },

	/* Our certificate. */
	{ .cause = "alert unknown ca", .cure = UNTRUSTED },
	{ .cause = "alert bad certificate", .cure = REFUSED },
	{ .cause = "alert certificate unknown", .cure = REFUSED },
	{ .cause = "alert certificate expired",
	    .cure = "renew this server's certificate, or set the client's clock; see transomctl check" },
	{ .cause = "alert certificate revoked", .cure = "get a new certificate for this server" },
	{ .cause = "alert unsupported certificate",
	    .cure = "use a certificate with an RSA key or ECDSA P-256, which every client takes" },

	/* The client's. */
	{ .cause = "peer did not return a certificate",
	    .cure = "give the client a certificate, or set client_certs of this listener to optional" },
	{ .cause = "bad signature",
	    .cure = "the client has a key that is not its certificate's: give it both from one pair" },
	{ .cause = "EVP lib",
	    .cure = "the lines of this session before this one tell what the keeper of private keys "
		    "said" },
};

const size_t guard_cures_count = sizeof(guard_cures) / sizeof(guard_cures[0]);

const char *guard_cures_find(const char *failure, const struct guard_cures_facts *facts)
{
	for (size_t i = 0; i < guard_cures_count; i++)
		if (strstr(failure, guard_cures[i].cause) != NULL)
			return guard_cures[i].choose != NULL ? guard_cures[i].choose(facts)
			                                     : guard_cures[i].cure;
	return NULL;
}

#include "server/client_ca.h"

#include "conf/conf_message.h"

bool client_ca_is_wanted(const struct conf *conf)
{
	bool asked = false;

	for (size_t i = 0; i < conf->listener_count; i++)
		asked |= conf->listeners[i].client_certs != CONF_CLIENT_CERTS_OFF;
	return asked && conf->tls.client_ca[0] != '\0';
}

struct auth_certificate_ca *client_ca_load(const struct conf *conf, char message[CONF_MESSAGE_BYTES])
{
	char wrong[CONF_MESSAGE_BYTES];
	struct auth_certificate_ca *ca =
	    auth_certificate_ca_load(conf->tls.client_ca, conf->tls.client_crl, wrong);

	message[0] = '\0';
	if (ca == NULL)
		conf_say(message, conf->file, 0, "%s", wrong);
	return ca;
}

#include "server/tls/tls_secrets.h"

#include <string.h>

/* NSS key log format: label, client random and secret, the latter two in hexadecimal. */
#define CLIENT_LABEL "CLIENT_TRAFFIC_SECRET_0 "
#define SERVER_LABEL "SERVER_TRAFFIC_SECRET_0 "

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Bytes, or 0 when it is not what is expected. */
static size_t unhex(const char *text, uint8_t out[TLS_SECRETS_BYTES])
{
	size_t n = strlen(text) / 2;

	if (n > TLS_SECRETS_BYTES || text[2 * n] != '\0')
		return 0;
	for (size_t i = 0; i < n; i++) {
		int high = digit(text[2 * i]);
		int low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return 0;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return n;
}

static void on_line(const SSL *ssl, const char *line)
{
	struct tls_secrets *secrets = SSL_get_app_data(ssl);
	const char *secret = strrchr(line, ' ');

	if (secrets == NULL || secret == NULL)
		return;
	if (strncmp(line, CLIENT_LABEL, sizeof(CLIENT_LABEL) - 1) == 0)
		secrets->client_bytes = unhex(secret + 1, secrets->client);
	else if (strncmp(line, SERVER_LABEL, sizeof(SERVER_LABEL) - 1) == 0)
		secrets->server_bytes = unhex(secret + 1, secrets->server);
}

void tls_secrets_prepare(SSL_CTX *ctx)
{
	SSL_CTX_set_keylog_callback(ctx, on_line);
}

void tls_secrets_collect(SSL *ssl, struct tls_secrets *secrets)
{
	SSL_set_app_data(ssl, secrets);
}

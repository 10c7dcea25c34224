#include "auth/auth_factors.h"

#include <stdio.h>
#include <string.h>

unsigned auth_factors_required(const struct conf_user *user)
{
	unsigned required = 0;

	for (size_t i = 0; i < user->require.count; i++) {
		int index = conf_word_find(CONF_FACTOR_WORDS, user->require.items[i]);

		if (index >= 0)
			required |= 1u << index;
	}
	return required;
}

enum auth_factors_verdict auth_factors_judge(
    const struct conf_user *user, unsigned passed, unsigned possible, unsigned *missing)
{
	const unsigned required = auth_factors_required(user);

	*missing = required & ~passed;
	if (required == 0)
		return passed != 0 ? AUTH_FACTORS_ENOUGH : AUTH_FACTORS_USELESS;
	if ((passed & required) == 0)
		return AUTH_FACTORS_USELESS;
	if (*missing == 0)
		return AUTH_FACTORS_ENOUGH;
	return (*missing & ~possible) == 0 ? AUTH_FACTORS_MORE : AUTH_FACTORS_IMPOSSIBLE;
}

void auth_factors_text(unsigned factors, char out[AUTH_FACTORS_TEXT_BYTES])
{
	const char *words = CONF_FACTOR_WORDS;
	size_t used = 0;

	out[0] = '\0';
	for (unsigned bit = 1; *words != '\0'; bit <<= 1) {
		size_t length = strcspn(words, "|");

		if ((factors & bit) != 0)
			used += (size_t)snprintf(out + used, AUTH_FACTORS_TEXT_BYTES - used,
			    "%s%.*s", used == 0 ? "" : "+", (int)length, words);
		words += length + (words[length] == '|');
	}
}

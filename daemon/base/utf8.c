// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <stdint.h>

/* Well-formed sequences by first byte; the second has limits of its own. */
static const struct form {
	uint8_t first_min, first_max, second_min, second_max, len;
} forms[] = {
	{ 0x00, 0x7f, 0x00, 0xff, 1 },
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static const struct form *find_form(uint8_t first)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (first >= forms[i].first_min && first <= forms[i].first_max)
			return &forms[i];
	return NULL;
}

size_t utf8_len(const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	const struct form *form = len ? find_form(s[0]) : NULL;

	if (!form || form->len > len)
		return 0;
	if (form->len > 1 &&
	    (s[1] < form->second_min || s[1] > form->second_max))
		return 0;
	for (size_t i = 2; i < form->len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return form->len;
}

bool utf8_valid(const char *text, size_t len)
{
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		n = utf8_len(text + at, len - at);
		if (!n)
			return false;
	}
	return true;
}

size_t utf8_count(const char *text, size_t len)
{
	size_t count = 0, n;

	for (size_t at = 0; at < len; at += n ? n : 1) {
		n = utf8_len(text + at, len - at);
		count++;
	}
	return count;
}

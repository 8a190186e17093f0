/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, surrogates, or beyond 10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* Bytes of the well-formed character that text starts with; 0: none. */
size_t utf8_len(const char *text, size_t len);
bool utf8_valid(const char *text, size_t len);
/* Characters in text, each malformed byte counting as one. */
size_t utf8_count(const char *text, size_t len);

#endif

// SPDX-License-Identifier: Apache-2.0
#include "proto/multipart.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/*
 * data = [preamble] MARK CRLF head CRLF CRLF body { CRLF MARK CRLF ... }
 *	  CRLF MARK "--" [epilogue], where MARK is "--" boundary.
 */

/* Copies a parameter's value, quoted or not, up to `size`. */
static void take_value(const char *at, const char *end, char *ret, size_t size)
{
	bool quoted = at < end && *at == '"';
	size_t n = 0;

	for (at += quoted; at < end && n + 1 < size; at++) {
		if (quoted ? *at == '"' : *at == ';' || *at == ' ')
			break;
		if (quoted && *at == '\\' && at + 1 < end)
			at++;
		ret[n++] = *at;
	}
	ret[n] = 0;
}

/* Finds `; key=` in a header line; keys stand outside of quotes. */
static const char *find_parameter(const char *at, const char *end,
				  const char *key)
{
	size_t len = strlen(key);
	bool quoted = false;

	for (; at < end; at++) {
		if (quoted && *at == '\\')
			at++;
		else if (*at == '"')
			quoted = !quoted;
		if (quoted || *at != ';')
			continue;
		do
			at++;
		while (at < end && *at == ' ');
		if ((size_t)(end - at) > len && !strncasecmp(at, key, len) &&
		    at[len] == '=')
			return at + len + 1;
		at--;
	}
	return NULL;
}

static void parameter(const char *line, const char *end, const char *key,
		      char *ret, size_t size)
{
	const char *value = find_parameter(line, end, key);

	ret[0] = 0;
	if (value)
		take_value(value, end, ret, size);
}

bool multipart_boundary(const char *content_type,
			char ret_boundary[MULTIPART_BOUNDARY_MAX])
{
	static const char type[] = "multipart/form-data";

	ret_boundary[0] = 0;
	if (strncasecmp(content_type, type, strlen(type)))
		return false;
	parameter(content_type, content_type + strlen(content_type),
		  "boundary", ret_boundary, MULTIPART_BOUNDARY_MAX);
	return ret_boundary[0];
}

void multipart_init(struct multipart *m, const char *boundary,
		    const char *data, size_t size)
{
	m->mark_len = (size_t)snprintf(m->mark, sizeof(m->mark), "\r\n--%s",
				       boundary);
	m->at = data;
	m->end = data + size;
	/* The first mark need have no line break before it. */
	if (size >= m->mark_len - 2 &&
	    !memcmp(data, m->mark + 2, m->mark_len - 2))
		m->at += m->mark_len - 2;
	else if ((m->at = memmem(data, size, m->mark, m->mark_len)))
		m->at += m->mark_len;
}

static void read_line(const char *line, const char *end,
		      struct multipart_part *part)
{
	static const char name[] = "content-disposition:";

	if ((size_t)(end - line) < strlen(name) ||
	    strncasecmp(line, name, strlen(name)))
		return;
	parameter(line, end, "name", part->name, sizeof(part->name));
	parameter(line, end, "filename", part->filename,
		  sizeof(part->filename));
}

/* Returns where the body begins; NULL: the head does not end. */
static const char *read_part_head(const char *at, const char *end,
				  struct multipart_part *part)
{
	const char *eol;

	while ((eol = memmem(at, (size_t)(end - at), "\r\n", 2))) {
		if (eol == at)
			return at + 2;
		read_line(at, eol, part);
		at = eol + 2;
	}
	return NULL;
}

int multipart_next(struct multipart *m, struct multipart_part *part)
{
	const char *body, *next;

	if (!m->at || m->end - m->at < 2)
		return -EINVAL;
	if (!memcmp(m->at, "--", 2))
		return 0;
	if (memcmp(m->at, "\r\n", 2))
		return -EINVAL;
	part->name[0] = part->filename[0] = 0;
	body = read_part_head(m->at + 2, m->end, part);
	if (!body)
		return -EINVAL;
	/* An empty body's mark begins with the head's last line break. */
	next = memmem(body - 2, (size_t)(m->end - body) + 2, m->mark,
		      m->mark_len);
	if (!next)
		return -EINVAL;
	part->data = body;
	part->size = next < body ? 0 : (size_t)(next - body);
	m->at = next + m->mark_len;
	return 1;
}

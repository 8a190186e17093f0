// SPDX-License-Identifier: Apache-2.0
#include "proto/files.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/blob.h"
#include "base/mem.h"

#define PREFIX "/attachments/"

static void put_fini(struct actor_msg *msg)
{
	mem_free(((struct files_put_msg *)msg)->upload);
}

static void data_fini(struct actor_msg *msg)
{
	blob_put(((struct files_data_msg *)msg)->data);
}

#define TYPE(id, name, type, fini) \
	[(id) - PROTO_FILES] = { name, sizeof(type), fini }

int files_types_register(void)
{
	static const struct actor_type types[] = {
		TYPE(FILES_PUT, "files.put", struct files_put_msg, put_fini),
		TYPE(FILES_WRITTEN, "files.written", struct files_written_msg,
		     NULL),
		TYPE(FILES_GET, "files.get", struct files_get_msg, NULL),
		TYPE(FILES_DATA, "files.data", struct files_data_msg,
		     data_fini),
		TYPE(FILES_DROP, "files.drop", struct files_drop_msg, NULL),
		TYPE(FILES_CLEAR, "files.clear", struct files_clear_msg, NULL),
		TYPE(FILES_CLEARED, "files.cleared", struct files_cleared_msg,
		     NULL),
	};

	return actor_types_register(PROTO_FILES, types,
				    sizeof(types) / sizeof(types[0]));
}

actor_ref files_route(struct actor_system *sys)
{
	return actor_lookup(sys, FILES_NAME);
}

struct files_drop_msg *files_drop_new(uint32_t count)
{
	struct files_drop_msg *m;

	m = actor_msg_new(FILES_DROP,
			  sizeof(*m) + count * sizeof(m->id[0]));
	if (m)
		m->count = count;
	return m;
}

void files_path(char path[FILE_PATH_MAX], uint64_t channel_id, uint64_t id,
		const char *name, const char *mark)
{
	snprintf(path, FILE_PATH_MAX, PREFIX "%" PRIu64 "/%" PRIu64 "/%s?hm=%s",
		 channel_id, id, name, mark);
}

static const char *number(const char *at, uint64_t *ret_n)
{
	char *end;

	if (!isdigit((unsigned char)*at))
		return NULL;
	*ret_n = strtoull(at, &end, 10);
	return *end == '/' ? end + 1 : NULL;
}

bool files_path_parse(const char *path, uint64_t *ret_channel_id,
		      uint64_t *ret_id, const char **ret_name)
{
	const char *at;

	if (strncmp(path, PREFIX, strlen(PREFIX)))
		return false;
	at = number(path + strlen(PREFIX), ret_channel_id);
	at = at ? number(at, ret_id) : NULL;
	if (!at || !*at || strchr(at, '/'))
		return false;
	*ret_name = at;
	return true;
}

/* What a URL may hold as it is; the rest goes, blanks become '_'. */
void files_name_clean(char name[FILE_NAME_MAX], const char *from)
{
	size_t n = 0;

	for (; *from && n + 1 < FILE_NAME_MAX; from++) {
		if (isalnum((unsigned char)*from) || strchr("._-", *from))
			name[n++] = *from;
		else if (*from == ' ')
			name[n++] = '_';
	}
	name[n] = 0;
	if (!n || strspn(name, ".") == n)
		strcpy(name, "file");
}

/* None that a browser would run. */
static const struct {
	const char *end, *type;
} types[] = {
	{ ".png", "image/png" }, { ".jpg", "image/jpeg" },
	{ ".jpeg", "image/jpeg" }, { ".gif", "image/gif" },
	{ ".webp", "image/webp" }, { ".avif", "image/avif" },
	{ ".mp4", "video/mp4" }, { ".webm", "video/webm" },
	{ ".mov", "video/quicktime" }, { ".mp3", "audio/mpeg" },
	{ ".ogg", "audio/ogg" }, { ".oga", "audio/ogg" },
	{ ".wav", "audio/x-wav" }, { ".flac", "audio/flac" },
	{ ".txt", "text/plain; charset=utf-8" },
	{ ".log", "text/plain; charset=utf-8" },
	{ ".csv", "text/csv; charset=utf-8" },
	{ ".md", "text/markdown; charset=utf-8" },
	{ ".json", "application/json; charset=utf-8" },
	{ ".pdf", "application/pdf" }, { ".zip", "application/zip" },
	{ ".gz", "application/gzip" },
};

const char *files_type_of(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t n = strlen(types[i].end);

		if (len > n && !strcasecmp(name + len - n, types[i].end))
			return types[i].type;
	}
	return "application/octet-stream";
}

/* SPDX-License-Identifier: Apache-2.0 */
/* multipart/form-data (RFC 7578), as clients send messages with files. */
#ifndef PROTO_MULTIPART_H
#define PROTO_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#define MULTIPART_BOUNDARY_MAX 71	/* with its NUL */
#define MULTIPART_NAME_MAX 64
#define MULTIPART_FILENAME_MAX 1024

/* The boundary that a Content-Type names; false: it is another type. */
bool multipart_boundary(const char *content_type,
			char ret_boundary[MULTIPART_BOUNDARY_MAX]);

struct multipart {
	const char *at, *end;		/* borrowed */
	char mark[MULTIPART_BOUNDARY_MAX + 4];
	size_t mark_len;
};

struct multipart_part {
	char name[MULTIPART_NAME_MAX];
	char filename[MULTIPART_FILENAME_MAX];	/* "": it is no file */
	const char *data;			/* borrowed */
	size_t size;
};

void multipart_init(struct multipart *m, const char *boundary,
		    const char *data, size_t size);
/* The next part: 1, 0 at the end, -EINVAL. */
int multipart_next(struct multipart *m, struct multipart_part *part);

#endif

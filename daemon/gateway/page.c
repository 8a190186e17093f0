// SPDX-License-Identifier: Apache-2.0
#include "gateway/page.h"

#include <string.h>

#include "base/blob.h"
#include "gateway/call.h"

/* The bytes of a file between two symbols; paths are from the top folder. */
#define EMBED(name, file)						\
	__asm__(".pushsection .rodata\n"				\
		".global page_" #name "\n"				\
		"page_" #name ": .incbin \"" file "\"\n"		\
		".global page_" #name "_end\n"				\
		"page_" #name "_end: .byte 0\n"				\
		".popsection\n");					\
	extern const char page_##name[], page_##name##_end[]

EMBED(html, "daemon/web/index.html");
EMBED(css, "daemon/web/app.css");
EMBED(js, "daemon/web/app.js");

static const struct page {
	const char *path;
	const char *type;
	const char *start;
	const char *end;
} pages[] = {
	{ "/", "text/html; charset=utf-8", page_html, page_html_end },
	{ "/app.css", "text/css; charset=utf-8", page_css, page_css_end },
	{ "/app.js", "text/javascript; charset=utf-8", page_js, page_js_end },
};

/* Nothing from elsewhere, nothing inline, in no frame. */
static const char headers[] =
	"Content-Security-Policy: default-src 'self'; img-src 'self' data:; "
	"connect-src 'self' ws: wss:; frame-ancestors 'none'; "
	"base-uri 'none'; form-action 'none'\r\n"
	"X-Content-Type-Options: nosniff\r\n"
	"Referrer-Policy: no-referrer\r\n"
	"Cache-Control: no-cache\r\n";

bool page_answer(const char *path, struct call_answer *answer)
{
	size_t i;

	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (strcmp(path, pages[i].path))
			continue;
		answer->status = 200;
		answer->content_type = pages[i].type;
		answer->body = blob_new(pages[i].start,
					pages[i].end - pages[i].start);
		buf_puts(&answer->headers, headers);
		return true;
	}
	return false;
}

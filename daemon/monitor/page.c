// SPDX-License-Identifier: Apache-2.0
#include "monitor/page.h"

/* The build runs at the top of the tree; bpf.mk knows the dependency. */
__asm__(".section .rodata\n"
	".global page_html\n"
	"page_html:\n"
	".incbin \"daemon/monitor/status.html\"\n"
	"page_html_end:\n"
	".byte 0\n"
	".balign 8\n"
	".global page_html_size\n"
	"page_html_size:\n"
	".quad page_html_end - page_html\n"
	".previous\n");

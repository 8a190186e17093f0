/* SPDX-License-Identifier: Apache-2.0 */
/* The status page, status.html, as it is at build time. */
#ifndef MONITOR_PAGE_H
#define MONITOR_PAGE_H

#include <stddef.h>

extern const char page_html[];
extern const size_t page_html_size;

#endif

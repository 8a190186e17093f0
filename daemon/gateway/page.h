/* SPDX-License-Identifier: Apache-2.0 */
/* The web page: the files of daemon/web, part of the program. */
#ifndef GATEWAY_PAGE_H
#define GATEWAY_PAGE_H

#include <stdbool.h>

struct call_answer;

/* Fills in the answer to GET `path`; false: there is no such file. */
bool page_answer(const char *path, struct call_answer *answer);

#endif

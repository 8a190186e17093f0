/* SPDX-License-Identifier: Apache-2.0 */
/* What superdiskd answers, on its control socket and over HTTP. */
#ifndef MONITOR_ANSWERS_H
#define MONITOR_ANSWERS_H

#include "monitor/care.h"
#include "monitor/control.h"
#include "monitor/figures.h"
#include "monitor/history.h"
#include "monitor/http.h"

/* The ctx of both tables; *borrows* all. */
struct answers {
	struct figures *figures;
	struct history *history;
	struct care *care;
};

extern const struct control_command answers_commands[];
extern const struct http_page answers_pages[];

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal of a live view: alternate screen, keys without return, restored
 * however the view ends.  One per process; one thread.
 */
#ifndef MONITOR_TERMINAL_H
#define MONITOR_TERMINAL_H

#include <stdbool.h>

#include "base/buf.h"

int terminal_open(void);
void terminal_close(void);

void terminal_size(unsigned int *ret_rows, unsigned int *ret_columns);

/* Draws a whole screen at once, without flicker. */
void terminal_show(const struct buf *screen);

/*
 * Waits @timeout_ms.  0 when they have passed, the key when one was pressed,
 * -EINTR when SIGINT or SIGTERM came: both are caught since interrupts_catch().
 */
int terminal_wait(int timeout_ms);

/* For commands without a screen: SIGINT and SIGTERM end a wait. */
void interrupts_catch(void);
/* Waits @timeout_ms, -1 for ever: 0 when they have passed, else -EINTR. */
int interrupts_wait(int timeout_ms);

/*
 * Waits for @fd, @timeout_ms at most, -1 for ever: 0 when it is readable or
 * the time has passed, -EINTR when interrupted.
 */
int interrupts_or(int fd, int timeout_ms);

/* Whether to colour: a terminal, and the user has not set NO_COLOR. */
bool terminal_colour(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superdiskd's UNIX socket on the caller's sd-event loop: control.h says what
 * is spoken.  One thread, never blocks.  There are 32 places: a client that
 * asks nothing, does not read or talks without end for some time, or sends a
 * line too long, is hung up on.
 */
#ifndef MONITOR_CONTROL_SERVER_H
#define MONITOR_CONTROL_SERVER_H

#include <systemd/sd-event.h>

#include "monitor/control.h"

struct control_server;

#define CONTROL_PATIENCE_MS 60000

/*
 * Listens at @path, whose folder is made, for the owner and the group.
 * -EADDRINUSE while another superdiskd answers there; what a dead one left
 * behind is replaced.  A client has @patience_ms from its last answer to its
 * next one.  *borrows* @commands.
 */
int control_server_open(sd_event *event, const char *path,
			const struct control_command *commands, void *ctx,
			uint32_t patience_ms,
			struct control_server **ret_server);
void control_server_close(struct control_server *server);

#endif

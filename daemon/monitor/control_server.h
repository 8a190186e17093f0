/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superdiskd's UNIX socket on the caller's sd-event loop: control.h says what
 * is spoken.  One thread, never blocks; a client that does not read, talks
 * without end or sends a line too long is cut.
 */
#ifndef MONITOR_CONTROL_SERVER_H
#define MONITOR_CONTROL_SERVER_H

#include <systemd/sd-event.h>

#include "monitor/control.h"

struct control_server;

/*
 * Listens at @path, whose folder is made, for the owner and the group.
 * -EADDRINUSE while another superdiskd answers there; what a dead one left
 * behind is replaced.  *borrows* @commands.
 */
int control_server_open(sd_event *event, const char *path,
			const struct control_command *commands, void *ctx,
			struct control_server **ret_server);
void control_server_close(struct control_server *server);

#endif

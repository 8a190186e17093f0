/* SPDX-License-Identifier: Apache-2.0 */
/* A data service in which there are no messages. */
#ifndef TESTS_NO_MESSAGES_H
#define TESTS_NO_MESSAGES_H

#include <stdio.h>

#include "actor/actor.h"
#include "proto/data.h"
#include "proto/store.h"

static int no_messages_start(struct actor *self, void *state, const void *arg)
{
	char name[24];

	(void)state;
	snprintf(name, sizeof(name), "data.%d", *(const int *)arg);
	return actor_register(self, name);
}

static int no_messages_handle(struct actor *self, void *state,
			      struct actor_msg *msg)
{
	struct store_rows_msg *reply;

	(void)state;
	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	reply = ACTOR_MSG_NEW(struct store_rows_msg, DATA_ROWS);
	reply->rows = rows_new(0, 0);
	actor_reply(self, msg, &reply->head);
	return 0;
}

static const struct actor_class no_messages_class = {
	.name = "data", .state_size = 1, .start = no_messages_start,
	.handle = no_messages_handle,
};

#endif

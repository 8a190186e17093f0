// SPDX-License-Identifier: Apache-2.0
#include "actor/msg.h"

#include <errno.h>

#include "actor/io.h"
#include "actor/pool.h"

#define TYPES_MAX 4096u

static const struct actor_type *types[TYPES_MAX];

static const struct actor_type builtin[] = {
	[ACTOR_MSG_TIMER] = { .name = "timer",
			      .size = sizeof(struct actor_timer_msg) },
	[ACTOR_MSG_DOWN] = { .name = "down",
			     .size = sizeof(struct actor_down_msg) },
	[ACTOR_MSG_EXIT] = { .name = "exit",
			     .size = sizeof(struct actor_down_msg) },
	[ACTOR_MSG_STOP] = { .name = "stop",
			     .size = sizeof(struct actor_msg) },
	[ACTOR_MSG_IO] = { .name = "io", .size = sizeof(struct actor_io_msg),
			   .fini = io_fini },
	[ACTOR_MSG_LINK] = { .name = "link",
			     .size = sizeof(struct actor_down_msg) },
};

int actor_types_register(uint32_t first, const struct actor_type *table,
			 size_t count)
{
	if (first < ACTOR_MSG_USER || first >= TYPES_MAX ||
	    count > TYPES_MAX - first)
		return -ERANGE;
	for (size_t i = 0; i < count; i++)
		if (types[first + i] && types[first + i] != &table[i])
			return -EEXIST;
	for (size_t i = 0; i < count; i++)
		types[first + i] = &table[i];
	return 0;
}

const struct actor_type *msg_type(uint32_t type)
{
	if (type < sizeof(builtin) / sizeof(builtin[0]))
		return builtin[type].name ? &builtin[type] : NULL;
	return type < TYPES_MAX ? types[type] : NULL;
}

void *actor_msg_new(uint32_t type, size_t size)
{
	size_t whole = offsetof(struct envelope, msg) + size;
	unsigned int class = pool_class(whole);
	struct envelope *env;

	check(size >= sizeof(struct actor_msg));
	env = pool_zalloc(class, whole);
	if (!env)
		return NULL;
	env->pool = (uint16_t)class;
	env->msg.type = type;
	env->msg.size = (uint32_t)size;
	return &env->msg;
}

void actor_msg_free(struct actor_msg *msg)
{
	const struct actor_type *type;
	struct envelope *env;

	if (!msg)
		return;
	type = msg_type(msg->type);
	if (type && type->fini)
		type->fini(msg);
	env = envelope_of(msg);
	pool_free(env, env->pool);
}

void msg_free_all(struct actor_msg *msg)
{
	while (msg) {
		struct actor_msg *next = msg->next;

		actor_msg_free(msg);
		msg = next;
	}
}

struct actor_msg *msg_new_ctrl(enum ctrl_type type, actor_ref from)
{
	struct actor_msg *msg = actor_msg_new(type, sizeof(*msg));

	if (msg)
		msg->from = from;
	return msg;
}

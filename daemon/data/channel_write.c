// SPDX-License-Identifier: Apache-2.0
/* Writes: passed on to the shard in order, and acknowledged when it has. */
#include <errno.h>

#include "base/mem.h"
#include "data/channel_impl.h"

static void tell_written(struct channel *ch, const struct write *write,
			 int status, uint32_t count)
{
	struct store_written_msg *reply =
		ACTOR_MSG_NEW(struct store_written_msg, DATA_WRITTEN);

	if (!reply)
		return;
	reply->status = status;
	reply->count = count;
	reply->head.tag = write->tag;
	actor_send(ch->self, write->from, &reply->head);
}

static struct actor_msg *copy_put(struct store_put_msg *msg)
{
	struct store_put_msg *to = ACTOR_MSG_NEW(struct store_put_msg,
						 msg->head.type == DATA_APPEND ?
						 STORE_APPEND : STORE_EDIT);

	if (!to)
		return NULL;
	to->channel = msg->channel;
	to->id = msg->id;
	to->space = msg->space;
	to->row = msg->row;
	msg->row = NULL;
	return &to->head;
}

static struct actor_msg *copy_delete(const struct store_delete_msg *msg)
{
	struct store_delete_msg *to = store_delete_new(STORE_DELETE,
						       msg->count);

	if (!to)
		return NULL;
	to->channel = msg->channel;
	to->space = msg->space;
	for (uint32_t i = 0; i < msg->count; i++)
		to->id[i] = msg->id[i];
	return &to->head;
}

static struct actor_msg *copy_write(struct actor_msg *msg)
{
	if (msg->type == DATA_DELETE)
		return copy_delete(container_of(msg, struct store_delete_msg,
						head));
	return copy_put(container_of(msg, struct store_put_msg, head));
}

static void refuse_write(struct channel *ch, const struct actor_msg *msg,
			 int status)
{
	struct write write = { .from = msg->from, .tag = msg->tag };

	data_count(&ch->data->stats.shed, 1);
	tell_written(ch, &write, status, 0);
}

void channel_write(struct channel *ch, struct actor_msg *msg)
{
	struct actor_msg *to = NULL;
	struct write *write = NULL;

	data_count(&ch->data->stats.writes, 1);
	if (ch->write_count >= ch->data->opts.max_writes ||
	    !channel_find_shard(ch)) {
		refuse_write(ch, msg, -EOVERFLOW);
		return;
	}
	write = mem_alloc(sizeof(*write));
	if (write)
		to = copy_write(msg);
	if (!to) {
		mem_free(write);
		refuse_write(ch, msg, -ENOMEM);
		return;
	}
	*write = (struct write){
		.from = msg->from,
		.tag = msg->tag,
		.store_tag = ++ch->next_tag,
	};
	to->tag = write->store_tag;
	list_push(&ch->writes, &write->node);
	ch->write_count++;
	/* A shard that has just gone answers through its DOWN. */
	actor_send(ch->self, ch->shard, to);
}

static void settle_write(struct channel *ch, struct write *write, int status,
			 uint32_t count)
{
	/* Before the writer knows: no read of his may join an older run. */
	if ((!status || status == -ETIMEDOUT) &&
	    !is_unsafe(ch, DATA_UNSAFE_NO_EPOCH))
		ch->epoch++;
	tell_written(ch, write, status, count);
	list_del(&write->node);
	ch->write_count--;
	mem_free(write);
}

void channel_written(struct channel *ch, const struct store_written_msg *msg)
{
	list_for_each(node, &ch->writes) {
		struct write *write = list_entry(node, struct write, node);

		if (write->store_tag != msg->head.tag)
			continue;
		settle_write(ch, write, msg->status, msg->count);
		return;
	}
}

void channel_writes_lost(struct channel *ch)
{
	while (!list_empty(&ch->writes))
		settle_write(ch, list_entry(ch->writes.next, struct write,
					    node), -ETIMEDOUT, 0);
}

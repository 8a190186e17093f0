// SPDX-License-Identifier: Apache-2.0
/* The messages that stay within guild/. */
#include "base/blob.h"
#include "guild/catalog_actor.h"
#include "guild/directory_impl.h"
#include "guild/guild.h"
#include "guild/relay.h"
#include "guild/sweeper.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void add_fini(struct actor_msg *msg)
{
	blob_put(((struct relay_add_msg *)msg)->first);
}

static void event_fini(struct actor_msg *msg)
{
	blob_put(((struct relay_event_msg *)msg)->payload);
	blob_put(((struct relay_event_msg *)msg)->stripped);
}

static void views_fini(struct actor_msg *msg)
{
	struct relay_views_msg *m = (struct relay_views_msg *)msg;

	blob_put(m->views);
	for (uint32_t i = 0; i < m->slot_count; i++) {
		blob_put(m->slot[i].appears);
		blob_put(m->slot[i].vanishes);
	}
}

static void direct_fini(struct actor_msg *msg)
{
	blob_put(((struct relay_direct_msg *)msg)->payload);
}

static void job_fini(struct actor_msg *msg)
{
	struct catalog_job_msg *job = (struct catalog_job_msg *)msg;

	if (job->drop)
		job->drop(job->arg);
}

static void user_fini(struct actor_msg *msg)
{
	model_user_fini(&((struct dir_user_msg *)msg)->user);
}

static void direct_msg_fini(struct actor_msg *msg)
{
	blob_put(((struct dir_direct_msg *)msg)->payload);
}

#define TYPE(first, id, name, type, fini) \
	[(id) - (first)] = { name, sizeof(type), fini }

static const struct actor_type relay_types[] = {
	TYPE(PROTO_RELAY, RELAY_ADD, "relay.add", struct relay_add_msg,
	     add_fini),
	TYPE(PROTO_RELAY, RELAY_REMOVE, "relay.remove",
	     struct relay_session_msg, NULL),
	TYPE(PROTO_RELAY, RELAY_VIEWS, "relay.views",
	     struct relay_views_msg, views_fini),
	TYPE(PROTO_RELAY, RELAY_EVENT, "relay.event", struct relay_event_msg,
	     event_fini),
	TYPE(PROTO_RELAY, RELAY_DIRECT, "relay.direct",
	     struct relay_direct_msg, direct_fini),
	TYPE(PROTO_RELAY, RELAY_FLUSH, "relay.flush", struct actor_msg, NULL),
	TYPE(PROTO_RELAY, RELAY_GONE, "relay.gone", struct relay_session_msg,
	     NULL),
	TYPE(PROTO_RELAY, RELAY_ATTEND, "relay.attend",
	     struct relay_attend_msg, NULL),
};

static const struct actor_type catalog_types[] = {
	TYPE(PROTO_CATALOG, CATALOG_RUN, "catalog.run",
	     struct catalog_job_msg, job_fini),
	TYPE(PROTO_CATALOG, CATALOG_DONE, "catalog.done",
	     struct catalog_job_msg, job_fini),
};

static const struct actor_type dir_types[] = {
	TYPE(DIR_INTERNAL, DIR_INDEX, "dir.index", struct dir_index_msg, NULL),
	TYPE(DIR_INTERNAL, DIR_USER_CHANGED, "dir.user_changed",
	     struct dir_user_msg, user_fini),
	TYPE(DIR_INTERNAL, DIR_MEMBER_NEW, "dir.member_new",
	     struct dir_user_msg, user_fini),
	TYPE(DIR_INTERNAL, DIR_STARTED, "dir.started", struct dir_index_msg,
	     NULL),
	TYPE(DIR_INTERNAL, DIR_ADMIN, "dir.admin", struct dir_admin_msg, NULL),
	TYPE(DIR_INTERNAL, DIR_ADMIN_REPLY, "dir.admin_reply",
	     struct dir_admin_reply_msg, NULL),
	TYPE(DIR_INTERNAL, DIR_DIRECT_NEWEST, "dir.direct_newest",
	     struct dir_direct_msg, direct_msg_fini),
	TYPE(DIR_INTERNAL, DIR_DIRECT_EVENT, "dir.direct_event",
	     struct dir_direct_msg, direct_msg_fini),
	TYPE(DIR_INTERNAL, DIR_DIRECT_IDLE, "dir.direct_idle",
	     struct dir_direct_msg, direct_msg_fini),
	TYPE(DIR_INTERNAL, DIR_DIRECT_CHANGED, "dir.direct_changed",
	     struct dir_direct_changed_msg, NULL),
};

static const struct actor_type sweep_types[] = {
	TYPE(PROTO_SWEEP, SWEEP_CHANNEL, "sweep.channel",
	     struct sweep_channel_msg, NULL),
};

int guild_types_register(void)
{
	int err;

	err = actor_types_register(PROTO_RELAY, relay_types,
				   COUNT(relay_types));
	if (!err)
		err = actor_types_register(PROTO_CATALOG, catalog_types,
					   COUNT(catalog_types));
	if (!err)
		err = actor_types_register(PROTO_SWEEP, sweep_types,
					   COUNT(sweep_types));
	if (!err)
		err = actor_types_register(DIR_INTERNAL, dir_types,
					   COUNT(dir_types));
	return err;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * What the real guild notes for the search (proto/search.h): an old message is
 * named by a note that is written before it is edited or deleted; a young one is
 * not; outdated notes go.  The data service is a plain array that keeps a list
 * of the writes it was asked for.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "guild/catalog_actor.h"
#include "guild/directory.h"
#include "guild/guild.h"
#include "os/sim.h"
#include "proto/data.h"
#include "proto/directory.h"
#include "proto/rest.h"
#include "proto/search.h"

#include "../unit/one_guild.h"
#include "guild_start.h"
#include "seeds.h"

#define ROWS_MAX 1024
#define SECOND_NS 1000000000ull
#define HOUR_MS 3600000ll

struct kept {
	uint32_t space;
	uint64_t id;
	struct blob *row;	/* NULL: deleted */
};

struct request {
	enum rest_kind kind;
	uint64_t message;
	const char *body;
};

static struct {
	struct kept kept[ROWS_MAX];
	uint32_t count;
	char writes[4096];	/* "note edit " and so on, since the last call */
	uint64_t named[8];	/* by the last note */
	uint32_t named_count;
	unsigned int status;	/* of the last answer */
	uint64_t id;		/* of the message in it */
} world;

/* --- the data service --- */

static struct kept *find(uint32_t space, uint64_t id)
{
	for (uint32_t i = 0; i < world.count; i++)
		if (world.kept[i].space == space && world.kept[i].id == id &&
		    world.kept[i].row)
			return &world.kept[i];
	return NULL;
}

static void note_write(uint32_t space, const char *verb)
{
	static const char *const spaces[STORE_SPACE_COUNT] = {
		[STORE_SPACE_MESSAGE] = "", [STORE_SPACE_PIN] = "pin-",
		[STORE_SPACE_REACTION] = "reaction-",
		[STORE_SPACE_NOTE] = "note-",
	};
	size_t len = strlen(world.writes);

	snprintf(world.writes + len, sizeof(world.writes) - len, "%s%s ",
		 spaces[space], verb);
}

static int put(const struct store_put_msg *m)
{
	struct kept *k = find(m->space, m->id);
	bool edit = m->head.type == DATA_EDIT;

	note_write(m->space, edit ? "edit" : "append");
	if (edit && !k)
		return -ENOENT;
	if (!k)
		k = &world.kept[world.count++];
	check(world.count < ROWS_MAX);
	blob_put(k->row);
	*k = (struct kept){ m->space, m->id, blob_get(m->row) };
	if (m->space == STORE_SPACE_NOTE) {
		world.named_count = (uint32_t)m->row->len / 8;
		check(world.named_count <= 8);
		memcpy(world.named, m->row->data, m->row->len);
	}
	return 0;
}

static int delete(const struct store_delete_msg *m)
{
	note_write(m->space, "delete");
	for (uint32_t i = 0; i < m->count; i++) {
		struct kept *k = find(m->space, m->id[i]);

		if (!k)
			continue;
		blob_put(k->row);
		k->row = NULL;
	}
	return 0;
}

static void answer_write(struct actor *self, const struct actor_msg *msg)
{
	struct store_written_msg *reply =
		ACTOR_MSG_NEW(struct store_written_msg, DATA_WRITTEN);

	reply->status = msg->type == DATA_DELETE ?
			delete((const struct store_delete_msg *)msg) :
			put((const struct store_put_msg *)msg);
	actor_reply(self, msg, &reply->head);
}

/* A page has the oldest rows above the id, newest first; nothing else is
 * asked for here. */
static void answer_read(struct actor *self, const struct store_read_msg *m)
{
	struct store_rows_msg *reply = ACTOR_MSG_NEW(struct store_rows_msg,
						     DATA_ROWS);
	struct rows *rows = rows_new(m->limit ? m->limit : 1,
				     m->limit ? m->limit : 1);

	for (uint32_t i = world.count; i--;) {
		const struct kept *k = &world.kept[i];
		bool wanted = m->head.type == DATA_GET ? k->id == m->id :
							 k->id > m->id;

		if (!k->row || k->space != m->space || !wanted ||
		    rows->count == (m->limit ? m->limit : 1))
			continue;
		rows->row[rows->count++] = (struct row){
			k->id, k->row->data, k->row->len };
		rows_own(rows, k->row);
	}
	reply->rows = rows;
	actor_reply(self, &m->head, &reply->head);
}

static int data_start_model(struct actor *self, void *state, const void *arg)
{
	(void)state;
	(void)arg;
	return actor_register(self, "data.0");
}

static int data_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	(void)state;
	switch (msg->type) {
	case DATA_APPEND:
	case DATA_EDIT:
	case DATA_DELETE:
		answer_write(self, msg);
		break;
	case DATA_GET:
	case DATA_PAGE:
		answer_read(self, (struct store_read_msg *)msg);
		break;
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	}
	return 0;
}

static const struct actor_class data_class = {
	.name = "data", .state_size = 1, .start = data_start_model,
	.handle = data_handle,
};

/* --- a caller of one call --- */

static int caller_start(struct actor *self, void *state, const void *arg)
{
	const struct request *r = arg;
	struct rest_msg *m = rest_msg_new(r->kind);

	(void)state;
	m->id[REST_ID_CHANNEL] = CHANNEL;
	m->id[REST_ID_MESSAGE] = r->message;
	strcpy(m->token, TOKEN);
	send_call(self, m, r->body);
	return 0;
}

static int caller_handle(struct actor *self, void *state,
			 struct actor_msg *msg)
{
	const struct rest_reply_msg *m = (struct rest_reply_msg *)msg;
	json_t *body;

	(void)self;
	(void)state;
	if (msg->type != REST_REPLY)
		return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
	world.status = m->status;
	body = m->body ? json_loadb((char *)m->body->data, m->body->len, 0,
				    NULL) : NULL;
	world.id = json_is_object(body) && json_object_get(body, "id") ?
		   strtoull(json_string_value(json_object_get(body, "id")),
			    NULL, 10) : 0;
	json_decref(body);
	return ACTOR_STOP;
}

static const struct actor_class caller_class = {
	.name = "caller", .state_size = 1, .start = caller_start,
	.handle = caller_handle,
};

/* --- a system --- */

static struct actor_system *sys;
static struct os_env *env;

/* Returns the id in the answer. */
static uint64_t call(enum rest_kind kind, uint64_t message, const char *body)
{
	const struct request r = { kind, message, body };

	world.writes[0] = 0;
	world.status = 0;
	spawn(sys, &caller_class, &r, sizeof(r), 0);
	settle(sys, env, SECOND_NS);
	check(world.status == 200 || world.status == 204);
	return world.id;
}

static uint64_t say(void)
{
	return call(REST_MESSAGE_CREATE, 0, "{\"content\":\"text\"}");
}

static void edit(uint64_t id)
{
	static int n;
	char body[64];

	snprintf(body, sizeof(body), "{\"content\":\"text %d\"}", ++n);
	call(REST_MESSAGE_EDIT, id, body);
}

static void pass(int64_t ms)
{
	os_sim_step_wall(env, ms);
}

/* --- the cases --- */

static void report(bool ok, const char *name)
{
	tap(ok, name);
	if (!ok)
		printf("# writes: %s\n", world.writes);
}

static uint32_t notes(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < world.count; i++)
		n += world.kept[i].space == STORE_SPACE_NOTE &&
		     world.kept[i].row;
	return n;
}

static void run_cases(void)
{
	uint64_t a = say(), b, c;
	char body[96];

	edit(a);
	report(!strcmp(world.writes, "edit "), "a_young_message_needs_no_note");
	pass(2 * HOUR_MS);
	edit(a);
	report(!strcmp(world.writes, "note-append edit ") &&
	       world.named_count == 1 && world.named[0] == a,
	       "an_old_one_is_noted_before_it_is_edited");
	b = say();
	pass(2 * HOUR_MS);
	c = say();
	snprintf(body, sizeof(body), "{\"messages\":[\"%" PRIu64 "\",\"%"
		 PRIu64 "\"]}", b, c);
	call(REST_MESSAGE_BULK_DELETE, 0, body);
	report(!strcmp(world.writes, "note-append delete ") &&
	       world.named_count == 1 && world.named[0] == b,
	       "of_many_deleted_the_old_ones_are");
	call(REST_MESSAGE_DELETE, a, "");
	report(!strcmp(world.writes, "note-append delete ") &&
	       world.named_count == 1 && world.named[0] == a,
	       "an_old_one_is_noted_before_it_is_deleted");
	a = say();
	pass((SEARCH_NOTE_DAYS + 1) * 24 * HOUR_MS);
	for (int i = 0; i < 70; i++)
		edit(a);
	report(notes() == 70, "outdated_notes_go_and_others_stay");
}

int main(int argc, char **argv)
{
	struct seeds seeds = seeds_begin(argc, argv, 1, 5);
	struct actor_system_opts opts = { .cores = 1 };
	struct idgen *ids;

	log_set_fd(-1);
	check(!proto_types_register() && !guild_types_register() &&
	      !data_types_register() && !search_types_register());
	check(!os_sim_new(seeds.first, &env));
	opts.env = env;
	check(!actor_system_new(&opts, &sys) && !actor_system_start(sys));
	check(!idgen_new(1, 0, &ids));
	start_guilds(sys, env, 1, ids, &data_class, one_guild());
	run_cases();
	check(!actor_system_shutdown(sys, 60000));
	actor_system_free(sys);
	idgen_free(ids);
	os_env_free(env);
	for (uint32_t i = 0; i < world.count; i++)
		blob_put(world.kept[i].row);
	return tap_failures != 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world of search_index_sim.c: a store that is a plain array, whose reads
 * fail, come late or never; and guilds, whose hints get lost.
 */
#ifndef TESTS_SEARCH_MODEL_H
#define TESTS_SEARCH_MODEL_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/check.h"
#include "base/rng.h"
#include "base/snowflake.h"
#include "proto/data.h"
#include "proto/record.h"
#include "proto/search.h"
#include "proto/wire.h"

#define CORES 2
#define GUILDS 3
#define CHANNELS 4		/* of each */
#define MESSAGES 4096
#define WORDS 12
#define OP_NS 3000000ull
#define NOTES 8192
/* What needs a note after so long, and how long a hint may take. */
#define YOUNG_MS 60
#define SLACK_MS 20

struct message_model {
	uint64_t id, channel;
	uint32_t words;		/* bit i: holds "word<i>" */
	bool gone;
};

struct note_model {
	uint64_t id, channel, about;
};

struct model {
	struct rng rng;
	struct note_model note[NOTES];
	uint32_t note_count;
	bool no_notes;		/* the canary */
	uint32_t gone;		/* channels: bit i that of 100 + i */
	uint64_t forget;	/* one of them, not forgotten yet; 0: none */
	uint64_t forgotten;
	uint64_t last_id;
	int64_t elapsed_ms;	/* in the lives before */
	struct message_model message[MESSAGES];
	uint32_t count;
	uint64_t seq[GUILDS];
	actor_ref driver;
	char top[64];
	char dir[160];
	bool busy;		/* the driver still changes things */
	bool faults;
	uint64_t ops, lost, errors, crashes, reindexed;
};

static struct model *model;

static uint64_t guild_of(uint64_t channel)
{
	return 1 + (channel - 100) / CHANNELS;
}

/* --- the store --- */

static struct blob *record_of(const struct message_model *m)
{
	static struct message record;
	char content[WORDS * 10] = "";
	struct blob *blob;

	for (int i = 0; i < WORDS; i++)
		if (m->words & 1u << i)
			sprintf(content + strlen(content), "word%d ", i);
	memset(&record, 0, sizeof(record));
	record.author.id = 7;
	record.author.name = "a";
	record.content = content;
	record.content_len = strlen(content);
	blob = record_encode(&record);
	check(blob);
	return blob;
}

static void add_row(struct rows *rows, const struct message_model *m)
{
	struct blob *blob = record_of(m);

	rows->row[rows->count++] = (struct row){ m->id, blob->data, blob->len };
	rows->owner[rows->owner_count++] = blob;
}

/* Newest first, the oldest `limit` above `from`. */
static struct rows *page(uint64_t channel, uint64_t from, uint32_t limit)
{
	struct rows *rows = rows_new(limit, limit);
	const struct message_model *found[DATA_PAGE_MAX];
	uint32_t n = 0;

	check(rows && limit <= DATA_PAGE_MAX);
	for (uint32_t i = 0; i < model->count && n < limit; i++)
		if (!model->message[i].gone && model->message[i].id > from &&
		    model->message[i].channel == channel)
			found[n++] = &model->message[i];
	while (n)
		add_row(rows, found[--n]);
	return rows;
}

/* The same of notes. */
static struct rows *note_page(uint64_t channel, uint64_t from, uint32_t limit)
{
	struct rows *rows = rows_new(limit, limit);
	const struct note_model *found[DATA_PAGE_MAX];
	uint32_t n = 0;

	check(rows && limit <= DATA_PAGE_MAX);
	for (uint32_t i = 0; i < model->note_count && n < limit; i++)
		if (model->note[i].id > from &&
		    model->note[i].channel == channel)
			found[n++] = &model->note[i];
	while (n--) {
		struct blob *blob = blob_new(&found[n]->about, 8);

		rows->row[rows->count++] = (struct row){
			found[n]->id, blob->data, blob->len };
		rows->owner[rows->owner_count++] = blob;
	}
	return rows;
}

static void answer(struct actor *self, const struct store_read_msg *m)
{
	struct store_rows_msg *reply;

	if (model->faults && !rng_below(&model->rng, 500))
		return;
	reply = ACTOR_MSG_NEW(struct store_rows_msg, DATA_ROWS);
	if (model->faults && !rng_below(&model->rng, 20)) {
		model->errors++;
		reply->status = -EOVERFLOW;
	} else if (m->space == STORE_SPACE_NOTE) {
		reply->rows = note_page(m->channel, m->id, m->limit);
	} else if (m->head.type == DATA_PAGE) {
		reply->rows = page(m->channel, m->id, m->limit);
	} else {
		reply->rows = page(m->channel, m->id - 1, 1);
		if (!reply->rows->count || reply->rows->row[0].id != m->id) {
			rows_put(reply->rows);
			reply->rows = NULL;
			reply->status = -ENOENT;
		}
	}
	actor_reply(self, &m->head, &reply->head);
}

#define HELD_MAX 64

/* Reads that are answered later, and freed if the store ends before. */
struct held {
	struct actor_msg *msg[HELD_MAX];
};

/* False: no room. */
static bool hold(struct actor *self, struct held *held, struct actor_msg *msg)
{
	for (uint32_t i = 0; i < HELD_MAX; i++) {
		if (held->msg[i])
			continue;
		actor_msg_take(self, msg);
		held->msg[i] = msg;
		actor_timer_start(self, rng_below(&model->rng, 5000000), i);
		return true;
	}
	return false;
}

/* Answers at once or, as it stands then, later. */
static int store_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct held *held = state;
	uint64_t i;

	switch (msg->type) {
	case DATA_GET:
	case DATA_PAGE:
		if (rng_below(&model->rng, 2) || !hold(self, held, msg))
			answer(self, (struct store_read_msg *)msg);
		break;
	case ACTOR_MSG_TIMER:
		i = ((struct actor_timer_msg *)msg)->cookie;
		answer(self, (struct store_read_msg *)held->msg[i]);
		actor_msg_free(held->msg[i]);
		held->msg[i] = NULL;
		break;
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	}
	return 0;
}

static void store_stop(struct actor *self, void *state, int reason)
{
	struct held *held = state;

	(void)self;
	(void)reason;
	for (uint32_t i = 0; i < HELD_MAX; i++)
		if (held->msg[i])
			actor_msg_free(held->msg[i]);
}

static int store_start(struct actor *self, void *state, const void *arg)
{
	char name[DATA_NAME_MAX];

	(void)state;
	snprintf(name, sizeof(name), DATA_NAME_FORMAT, *(const int *)arg);
	return actor_register(self, name);
}

static const struct actor_class store_class = {
	.name = "store", .state_size = sizeof(struct held),
	.start = store_start, .handle = store_handle, .stop = store_stop,
};

/* --- the guilds --- */

static void hello(struct actor *self, uint64_t guild)
{
	struct search_hello_msg *m = search_hello_new(CHANNELS);

	m->guild_id = guild;
	m->seq = model->seq[guild - 1];
	for (uint32_t c = 0; c < CHANNELS; c++) {
		m->channel[c].channel_id = 100 + (guild - 1) * CHANNELS + c;
		for (uint32_t i = 0; i < model->count; i++)
			if (model->message[i].channel ==
			    m->channel[c].channel_id)
				m->channel[c].newest = model->message[i].id;
	}
	actor_send(self, search_route(actor_system_of(self)), &m->head);
}

static void hint(struct actor *self, uint64_t channel, const uint64_t *id,
		 uint32_t count)
{
	uint64_t guild = guild_of(channel);
	struct search_changed_msg *m;

	model->seq[guild - 1]++;
	if (model->faults && !rng_below(&model->rng, 50)) {
		model->lost++;
		return;
	}
	m = search_changed_new(count);
	m->guild_id = guild;
	m->channel_id = channel;
	m->seq = model->seq[guild - 1];
	memcpy(m->id, id, count * sizeof(*id));
	actor_send(self, search_route(actor_system_of(self)), &m->head);
}

static uint32_t some_words(void)
{
	return (uint32_t)(rng_next(&model->rng) & rng_next(&model->rng)) &
	       ((1u << WORDS) - 1);
}

static uint64_t next_id(struct actor *self)
{
	uint64_t floor = snowflake_floor(actor_wall_ms(self));

	model->last_id = floor > model->last_id ? floor : model->last_id + 1;
	return model->last_id;
}

/* As guild/search_note.c does it. */
static void note_old(struct actor *self, const struct message_model *m)
{
	if (snowflake_unix_ms(m->id) + YOUNG_MS > actor_wall_ms(self) ||
	    model->no_notes)
		return;
	check(model->note_count < NOTES);
	model->note[model->note_count++] = (struct note_model){
		next_id(self), m->channel, m->id };
}

static void create(struct actor *self)
{
	struct message_model *m = &model->message[model->count];
	uint64_t channel = 100 + rng_below(&model->rng, GUILDS * CHANNELS);

	if (model->count == MESSAGES || model->gone >> (channel - 100) & 1)
		return;
	model->count++;
	m->id = next_id(self);
	m->channel = channel;
	m->words = some_words();
	hint(self, m->channel, &m->id, 1);
}

static void change(struct actor *self)
{
	struct message_model *m;

	if (!model->count)
		return;
	m = &model->message[rng_below(&model->rng, model->count)];
	if (m->gone)
		return;
	note_old(self, m);
	if (rng_below(&model->rng, 3))
		m->words = some_words();
	else
		m->gone = true;
	hint(self, m->channel, &m->id, 1);
}

static void bulk_delete(struct actor *self)
{
	uint64_t id[100], channel = 100 + rng_below(&model->rng,
						    GUILDS * CHANNELS);
	uint32_t n = 0;

	for (uint32_t i = model->count; i-- && n < 100;) {
		struct message_model *m = &model->message[i];

		if (m->channel != channel || m->gone)
			continue;
		note_old(self, m);
		m->gone = true;
		id[n++] = m->id;
		if (!rng_below(&model->rng, 30))
			break;
	}
	if (n)
		hint(self, channel, id, n);
}

/* As guild/sweeper.c does it: again and again until it is done. */
static void ask_to_forget(struct actor *self)
{
	struct search_forget_msg *m;

	if (!model->forget)
		return;
	m = ACTOR_MSG_NEW(struct search_forget_msg, SEARCH_FORGET);
	m->guild_id = guild_of(model->forget);
	m->channel_id = model->forget;
	m->head.tag = model->forget;
	actor_send(self, search_route(actor_system_of(self)), &m->head);
}

/* A channel goes with all that is in it, and no hint tells. */
static void drop_channel(struct actor *self)
{
	uint32_t i;

	if (model->forget || !model->count)
		return;
	/* One that is just being read; half of them stay. */
	i = (uint32_t)(model->message[model->count - 1].channel - 100);
	if (i % 2 || model->gone >> i & 1)
		return;
	model->gone |= 1u << i;
	model->forget = 100 + i;
	for (i = 0; i < model->count; i++)
		if (model->message[i].channel == model->forget)
			model->message[i].gone = true;
	ask_to_forget(self);
}

static void forgotten(struct actor *self, const struct actor_msg *msg)
{
	(void)self;
	if (((const struct search_forgotten_msg *)msg)->status ||
	    msg->tag != model->forget)
		return;
	model->forget = 0;
	model->forgotten++;
}

static struct search_reindex_msg *new_reindex(uint64_t guild)
{
	struct search_reindex_msg *m;

	m = ACTOR_MSG_NEW(struct search_reindex_msg, SEARCH_REINDEX);
	m->guild_id = guild;
	return m;
}

static void reindex(struct actor *self)
{
	actor_send(self, search_route(actor_system_of(self)),
		   &new_reindex(1 + rng_below(&model->rng, GUILDS))->head);
	model->reindexed++;
}

static void act(struct actor *self)
{
	uint64_t dice = rng_below(&model->rng, 200);

	model->ops++;
	/* At the end no lost hint heals what a reindex in the midst of reading
	 * new messages might lose. */
	if (dice == 1 && (!model->faults || !rng_below(&model->rng, 20)))
		reindex(self);
	else if (dice == 2 && !rng_below(&model->rng, 3))
		drop_channel(self);
	else if (dice < 120 || !model->faults)
		create(self);
	else if (dice == 199)
		bulk_delete(self);
	else
		change(self);
}

static int driver_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	(void)state;
	switch (msg->type) {
	case ACTOR_MSG_TIMER:
		for (uint64_t n = rng_below(&model->rng, 20); model->busy && n;
		     n--)
			act(self);
		if (!rng_below(&model->rng, 8))
			ask_to_forget(self);
		actor_timer_start(self, OP_NS, 0);
		break;
	case SEARCH_FORGOTTEN:
		forgotten(self, msg);
		break;
	case SEARCH_WHO:
		for (uint64_t g = 1; g <= GUILDS; g++)
			hello(self, g);
		break;
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	}
	return 0;
}

static int driver_start(struct actor *self, void *state, const void *arg)
{
	(void)state;
	(void)arg;
	for (uint64_t g = 1; g <= GUILDS; g++)
		hello(self, g);
	ask_to_forget(self);
	actor_timer_start(self, OP_NS, 0);
	return 0;
}

static const struct actor_class driver_class = {
	.name = "driver", .state_size = 1, .start = driver_start,
	.handle = driver_handle,
};

#endif

// SPDX-License-Identifier: Apache-2.0
/*
 * Who may read a channel is decided before a read joins that of others: the
 * real directory, catalog, guild and data service over a simulated environment,
 * and a store that is a model and answers late.
 *
 * Members read while others' reads of the same rows are under way, and an owner
 * gives and takes their permissions, also of those who wait.  For every seed:
 *	- who may not is told so at once, while the store has not answered yet;
 *	- nothing of his reaches the data service, so that no number of such
 *	  reads keeps others from waiting for the one that is under way;
 *	- who lost his permission while he waits joins nothing any more;
 *	- who may is answered, with the rows;
 *	- equal reads under way are one;
 *	- so many as wait for one at most are answered, the others told at once to
 *	  come again later.
 *
 *	guild_read_sim [FIRST [COUNT]]		environment: SEEDS
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/check.h"
#include "base/log.h"
#include "base/rng.h"
#include "data/data.h"
#include "guild/catalog_actor.h"
#include "guild/directory.h"
#include "guild/guild.h"
#include "os/sim.h"
#include "proto/data.h"
#include "proto/directory.h"
#include "proto/rest.h"

#include "../unit/one_guild.h"
#include "guild_start.h"
#include "late.h"
#include "seeds.h"

#define DEFAULT_SEEDS 40u
#define MS 1000000ull
#define MEMBERS 6u
#define MESSAGES 20u
#define STEPS 12u
#define READS_MAX 3u		/* of each who may, in a step */
#define REFUSED_MAX 30u		/* of each who may not */
#define CALLS_MAX (MEMBERS * REFUSED_MAX)
/* Room for all who may, and not for the others. */
#define WAITERS_MAX (MEMBERS * READS_MAX)
#define CROWD_SHED 7u
#define STORE_NS (500 * MS)	/* until it answers; shorter than a change */

/* --- the store ------------------------------------------------------------- */

struct kept {
	uint64_t id;
	struct blob *row;
};

static struct model {
	struct kept kept[MESSAGES];
	uint32_t count, reads;
} model;

static void keep(struct actor *self, const struct store_put_msg *m)
{
	struct store_written_msg *reply = ACTOR_MSG_NEW(struct store_written_msg,
							STORE_WRITTEN);

	check(reply && model.count < MESSAGES);
	model.kept[model.count++] = (struct kept){ m->id, blob_get(m->row) };
	reply->count = 1;
	actor_reply(self, &m->head, &reply->head);
}

static struct rows *rows_for(const struct store_read_msg *m)
{
	struct rows *rows = rows_new(MESSAGES, MESSAGES);
	bool one = m->head.type == STORE_GET;

	check(rows);
	for (uint32_t i = model.count; i-- && m->space == STORE_SPACE_MESSAGE;) {
		const struct kept *k = &model.kept[i];

		if (one && k->id != m->id)
			continue;
		rows->row[rows->count++] = (struct row){
			k->id, k->row->data, k->row->len };
		rows_own(rows, k->row);
	}
	return rows;
}

static void read_late(struct actor *self, const struct store_read_msg *m)
{
	struct store_rows_msg *reply = ACTOR_MSG_NEW(struct store_rows_msg,
						     STORE_ROWS);

	check(reply);
	model.reads++;
	reply->rows = rows_for(m);
	late_answer(self, &m->head, &reply->head,
		    STORE_NS + actor_random(self) % (10 * MS));
}

static int store_start_model(struct actor *self, void *state, const void *arg)
{
	(void)state;
	(void)arg;
	return actor_register(self, "store.0");
}

static int store_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	(void)state;
	if (msg->type == STORE_APPEND) {
		keep(self, (struct store_put_msg *)msg);
	} else if (msg->type == STORE_PAGE || msg->type == STORE_GET) {
		read_late(self, (struct store_read_msg *)msg);
	} else if (msg->type == ACTOR_MSG_TIMER) {
		late_send(self, msg);
	}
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class store_class = {
	.name = "store", .state_size = 1, .start = store_start_model,
	.handle = store_handle, .mailbox_limit = 65536,
};

/* --- a caller of one call --------------------------------------------------- */

struct call {
	enum rest_kind kind;
	uint64_t user, message;
	const char *body;	/* of a change */
	bool may;
	/* outcome */
	unsigned int answers, status, retry_after_s;
	bool empty;		/* nothing is in it */
};

static void token_of(uint64_t user, char token[32])
{
	if (user == USER)
		snprintf(token, 32, "%s", TOKEN);
	else
		snprintf(token, 32, "token-%u", (unsigned int)(user - USER));
}

static int caller_start(struct actor *self, void *state, const void *arg)
{
	struct call *call = *(struct call *const *)arg;
	struct rest_msg *m = rest_msg_new(call->kind);

	*(struct call **)state = call;
	m->id[REST_ID_CHANNEL] = CHANNEL;
	m->id[REST_ID_MESSAGE] = call->message;
	m->id[REST_ID_OVERWRITE] = call->message;
	token_of(call->user, m->token);
	send_call(self, m, call->body ? call->body : "");
	return 0;
}

static int caller_handle(struct actor *self, void *state,
			 struct actor_msg *msg)
{
	const struct rest_reply_msg *m = (struct rest_reply_msg *)msg;
	struct call *call = *(struct call **)state;

	(void)self;
	if (msg->type != REST_REPLY)
		return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
	call->answers++;
	call->status = m->status;
	call->retry_after_s = m->retry_after_s;
	call->empty = !m->body || m->body->len <= strlen("[]");
	return ACTOR_STOP;
}

static const struct actor_class caller_class = {
	.name = "caller", .state_size = sizeof(struct call *),
	.start = caller_start, .handle = caller_handle,
};

/* --- a system --------------------------------------------------------------- */

static struct {
	struct rng rng;
	struct os_env *env;
	struct actor_system *sys;
	struct data *data;
	struct idgen *ids;
	uint64_t now_ns;
	bool may[MEMBERS];
	uint32_t answered, refused;
	const char *wrong;	/* the first thing that did not hold */
} world;

static void expect(bool holds, const char *what)
{
	if (!holds && !world.wrong)
		world.wrong = what;
}

static void run_for(uint64_t ns)
{
	world.now_ns += ns;
	actor_system_run(world.sys, world.now_ns, UINT64_MAX);
	os_sim_advance(world.env, world.now_ns);
}

static void send(struct call *call)
{
	spawn(world.sys, &caller_class, &call, sizeof(call),
	      (int)rng_below(&world.rng, 2));
}

static void add_member(struct catalog *c, uint64_t id)
{
	const struct member m = { .user = { .id = id, .name = "somebody",
					    .bot = true }, .joined_ms = 1 };
	uint8_t hash[TOKEN_HASH_SIZE];
	char token[32];

	token_of(id, token);
	token_hash(catalog_secret(c), token, hash);
	check(!catalog_add_user(c, &m.user, NULL));
	check(!catalog_add_token(c, hash, id, 1));
	check(!catalog_put_member(c, GUILD, &m));
}

static void begin(uint64_t seed, unsigned int unsafe)
{
	const struct data_opts data = { .shards = 1, .max_waiters = WAITERS_MAX };
	struct actor_system_opts opts = { .cores = 2 };
	struct catalog_actor_arg catalog;
	struct directory_arg dir;

	memset(&world, 0, sizeof(world));
	memset(&model, 0, sizeof(model));
	rng_init(&world.rng, seed);
	check(!os_sim_new(seed, &world.env));
	opts.env = world.env;
	check(!actor_system_new(&opts, &world.sys));
	check(!actor_system_start(world.sys));
	check(!idgen_new(1, 0, &world.ids));
	world.now_ns = os_now_ns(world.env);
	catalog = (struct catalog_actor_arg){ one_guild(), world.ids };
	for (uint32_t i = 0; i < MEMBERS; i++) {
		add_member(catalog.catalog, USER + 1 + i);
		world.may[i] = true;
	}
	spawn(world.sys, &store_class, NULL, 0, 1);
	run_for(MS);
	check(!data_start(world.sys, &data, &world.data));
	dir = (struct directory_arg){
		.ids = world.ids, .secret = *catalog_secret(catalog.catalog),
		.catalog = spawn(world.sys, &catalog_actor_class, &catalog,
				 sizeof(catalog), 0),
		.unsafe = unsafe,
	};
	spawn(world.sys, &directory_actor_class, &dir, sizeof(dir), 0);
	run_for(2000 * MS);
}

static void end(void)
{
	expect(!actor_system_shutdown(world.sys, 60000), "everything stops");
	actor_system_free(world.sys);
	data_free(world.data);
	idgen_free(world.ids);
	os_env_free(world.env);
	for (uint32_t i = 0; i < model.count; i++)
		blob_put(model.kept[i].row);
}

/* --- one run ------------------------------------------------------------------ */

static void say_all(void)
{
	struct call call[MESSAGES];

	for (uint32_t i = 0; i < MESSAGES; i++) {
		call[i] = (struct call){ .kind = REST_MESSAGE_CREATE,
					 .user = USER,
					 .body = "{\"content\":\"text\"}" };
		send(&call[i]);
		run_for(50 * MS);
		expect(call[i].status == 200, "a message can be written");
	}
}

/* Takes a member's permission, or gives it back; the owner is told so. */
static void toggle(uint32_t i)
{
	struct call call = {
		.kind = REST_OVERWRITE_PUT, .user = USER, .message = USER + 1 + i,
		.body = "{\"type\":1,\"allow\":\"0\",\"deny\":\"1024\"}",
	};

	if (!world.may[i])
		call = (struct call){ .kind = REST_OVERWRITE_DELETE,
				      .user = USER, .message = USER + 1 + i };
	send(&call);
	run_for(100 * MS);
	expect(call.status == 204, "a permission can be changed");
	world.may[i] = !world.may[i];
}

static struct call call_of(uint32_t member)
{
	static const enum rest_kind kinds[] = {
		REST_MESSAGE_LIST, REST_MESSAGE_LIST, REST_MESSAGE_LIST,
		REST_MESSAGE_GET, REST_PIN_LIST,
	};

	return (struct call){
		.kind = kinds[rng_below(&world.rng, 5)],
		.user = USER + 1 + member,
		.message = model.kept[rng_below(&world.rng, 3)].id,
		.may = world.may[member],
	};
}

static void shuffle(struct call *calls, uint32_t count)
{
	for (uint32_t i = count; i > 1; i--) {
		uint32_t other = (uint32_t)rng_below(&world.rng, i);
		struct call call = calls[i - 1];

		calls[i - 1] = calls[other];
		calls[other] = call;
	}
}

static uint32_t make_calls(struct call *calls)
{
	uint32_t count = 0;

	for (uint32_t m = 0; m < MEMBERS; m++) {
		uint32_t most = world.may[m] ? READS_MAX : REFUSED_MAX;

		for (uint64_t n = rng_below(&world.rng, most + 1); n; n--)
			calls[count++] = call_of(m);
	}
	shuffle(calls, count);
	return count;
}

/* While the store has answered none of these. */
static void check_refused(const struct call *calls, uint32_t count,
			  uint64_t asked_before)
{
	uint64_t asked = atomic_load(&data_stats(world.data)->reads);
	uint32_t may = 0;

	for (uint32_t i = 0; i < count; i++) {
		may += calls[i].may;
		expect(calls[i].answers == !calls[i].may,
		       "who may not is told so at once, others wait");
		expect(calls[i].may || calls[i].status == 403,
		       "who may not is refused");
	}
	expect(asked - asked_before == may,
	       "only who may reaches the data service");
}

static void check_answered(const struct call *calls, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		world.answered += calls[i].may;
		world.refused += !calls[i].may;
		expect(calls[i].answers == 1, "each is answered once");
		expect(!calls[i].may || (calls[i].status == 200 &&
					 !calls[i].empty),
		       "who may is answered with the rows");
	}
}

/* One of those who wait is shut out, and asks for the same again. */
static void shut_out_one(const struct call *calls, uint32_t count)
{
	uint64_t asked = atomic_load(&data_stats(world.data)->reads);
	struct call again;
	uint32_t i = 0;

	while (i < count && !calls[i].may)
		i++;
	if (i == count)
		return;
	again = calls[i];
	toggle((uint32_t)(again.user - USER - 1));
	again.may = false;
	expect(!calls[i].answers, "the read that he could join is under way");
	send(&again);
	run_for(MS);
	check_refused(&again, 1, asked);
	run_for(2 * STORE_NS);
	check_answered(&again, 1);
}

static void step(void)
{
	uint64_t asked = atomic_load(&data_stats(world.data)->reads);
	uint32_t reads = model.reads, count;
	struct call calls[CALLS_MAX];

	count = make_calls(calls);
	for (uint32_t i = 0; i < count; i++)
		send(&calls[i]);
	run_for(MS);
	check_refused(calls, count, asked);
	/* One list, three messages, the pins. */
	expect(model.reads - reads <= 5, "equal reads are one");
	shut_out_one(calls, count);
	run_for(2 * STORE_NS);
	check_answered(calls, count);
}

/* More than may wait want the same. */
static void crowd(void)
{
	struct call calls[WAITERS_MAX + CROWD_SHED];
	uint32_t reads = model.reads, shed = 0, ok = 0;

	for (uint32_t i = 0; i < WAITERS_MAX + CROWD_SHED; i++) {
		calls[i] = (struct call){ .kind = REST_MESSAGE_LIST,
					  .user = USER, .may = true };
		send(&calls[i]);
	}
	run_for(MS);
	for (uint32_t i = 0; i < WAITERS_MAX + CROWD_SHED; i++)
		shed += calls[i].answers && calls[i].status == 503 &&
			calls[i].retry_after_s;
	expect(shed == CROWD_SHED, "too many are told at once to come later");
	run_for(2 * STORE_NS);
	for (uint32_t i = 0; i < WAITERS_MAX + CROWD_SHED; i++)
		ok += calls[i].answers == 1 && calls[i].status == 200;
	expect(ok == WAITERS_MAX && model.reads == reads + 1,
	       "the others are answered, by one read");
}

/* Returns what did not hold; NULL: all did. */
static const char *run(uint64_t seed, unsigned int unsafe)
{
	begin(seed, unsafe);
	say_all();
	for (uint32_t i = 0; i < STEPS && !world.wrong; i++) {
		toggle((uint32_t)rng_below(&world.rng, MEMBERS));
		step();
	}
	if (!world.wrong)
		crowd();
	end();
	return world.wrong;
}

static bool holds_for(const struct seeds *seeds)
{
	uint64_t answered = 0, refused = 0;
	const char *wrong = NULL;

	for (uint64_t i = 0; i < seeds->count && !wrong; i++) {
		uint64_t seed = seeds->first + i;

		wrong = run(seed, 0);
		answered += world.answered;
		refused += world.refused;
		if (wrong)
			printf("# seed %" PRIu64 ": not so: %s\n", seed, wrong);
	}
	printf("# %" PRIu64 " answered, %" PRIu64 " refused\n", answered,
	       refused);
	return !wrong && answered && refused;
}

static bool is_found_out(uint64_t seed)
{
	const char *wrong = run(seed, GUILD_UNSAFE_CHECK_LATE);

	printf("# not so: %s\n", wrong ? wrong : "nothing");
	return wrong;
}

int main(int argc, char **argv)
{
	struct seeds seeds = seeds_begin(argc, argv, DEFAULT_SEEDS, 2);

	log_set_fd(-1);
	check(!proto_types_register() && !guild_types_register() &&
	      !store_types_register() && !data_types_register());
	tap(holds_for(&seeds),
	    "who_may_not_read_joins_no_read_of_others");
	tap(is_found_out(seeds.first), "a_check_after_the_read_is_found_out");
	return tap_failures != 0;
}

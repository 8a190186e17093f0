// SPDX-License-Identifier: Apache-2.0
/*
 * One guild's fan-out to many sessions over simulated sockets: the runtime on
 * real cores, a relay a core, and sessions that number their events, keep them
 * for RESUME and build their frames in batches.  In place of the kernel each
 * batch is read back: every event once, in order, with the next number.
 *
 * usage: fanout_simulated SESSIONS CORES [ROUNDS]
 */
#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/check.h"
#include "gateway/batch.h"
#include "gateway/journal.h"
#include "guild/guild.h"
#include "guild/relay.h"
#include "os/env.h"
#include "os/sock.h"
#include "proto/intent.h"
#include "proto/session.h"

#define PAYLOAD 350
#define CORES_MAX 8
#define ROUNDS_MAX 99
#define KEPT 64			/* events a client leaves unacknowledged */
#define SHUTDOWN_MS 120000
#define SPAWNS 64		/* sessions that are made in one turn */

enum { MSG_MAKE = ACTOR_MSG_USER };

/* What the actors of one core share, on lines of their own. */
static struct core {
	_Alignas(128) struct batch_pool pool;
	uint64_t left;		/* deliveries of this round */
	uint64_t sends;
	actor_ref relay;
} cores[CORES_MAX];

static sem_t done;

struct session {
	struct journal journal;
	uint64_t heard;		/* by its client */
};

static int session_start(struct actor *self, void *state, const void *arg)
{
	(void)self;
	(void)arg;
	journal_init(&((struct session *)state)->journal);
	return 0;
}

static void session_stop(struct actor *self, void *state, int reason)
{
	(void)self;
	(void)reason;
	journal_fini(&((struct session *)state)->journal);
}

/* The payload's length; a frame's head and "s" lie in one piece. */
static size_t hear_head(struct session *s, const uint8_t *at, size_t len)
{
	check(len > 4 + 5 && at[0] == 0x81 && at[1] == 126 &&
	      !memcmp(at + 4, "{\"s\":", 5));
	check(strtoull((const char *)at + 9, NULL, 10) == s->heard + 1);
	s->heard++;
	return (size_t)at[2] << 8 | at[3];
}

/* The client's end: whole frames, whose numbers have no gap. */
static void hear(struct session *s, const struct iovec *iov, unsigned int n)
{
	size_t left = 0;

	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *at = iov[i].iov_base, *end = at + iov[i].iov_len;

		while (at < end) {
			size_t here = (size_t)(end - at);

			if (!left)
				left = 4 + hear_head(s, at, here);
			here = here < left ? here : left;
			at += here;
			left -= here;
		}
	}
	check(!left);
}

static void send_batch(struct core *core, struct session *s,
		       struct batch *batch)
{
	const struct os_send *send = batch_send(batch);

	hear(s, send->iov, send->iovcnt);
	core->sends++;
	batch_free(&core->pool, batch);
}

static void flush(struct core *core, struct session *s)
{
	struct batch *batch = batch_new(&core->pool);
	struct blob *payload;
	char head[32];
	uint64_t seq;

	check(batch);
	while ((payload = journal_peek(&s->journal, &seq))) {
		int len = snprintf(head, sizeof(head), SESSION_FRAME_HEAD, seq);

		journal_sent(&s->journal);
		check(!batch_put(batch, FRAME_TEXT, head, (size_t)len,
				 payload));
		if (!batch_full(batch))
			continue;
		send_batch(core, s, batch);
		batch = batch_new(&core->pool);
		check(batch);
	}
	send_batch(core, s, batch);
	if (s->heard > KEPT)
		journal_ack(&s->journal, s->heard - KEPT);
}

static int session_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	struct session_events_msg *m = (void *)msg;
	struct core *core = &cores[actor_core(self)];
	struct session *s = state;

	if (msg->type != SESSION_EVENTS)
		return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
	for (uint32_t i = 0; i < m->count; i++) {
		check(!journal_add(&s->journal, m->payload[i]));
		m->payload[i] = NULL;
	}
	flush(core, s);
	check(s->heard == s->journal.last && m->count <= core->left);
	core->left -= m->count;
	if (!core->left)
		check(!sem_post(&done));
	return 0;
}

static const struct actor_class session_class = {
	.name = "session", .state_size = sizeof(struct session),
	.start = session_start, .handle = session_handle,
	.stop = session_stop,
};

static actor_ref spawn(struct actor_system *sys, int core,
		       const struct actor_class *class, const void *arg,
		       size_t size)
{
	const struct actor_spawn_opts opts = { .core = core, .arg_size = size };
	actor_ref ref;

	check(!actor_system_spawn(sys, class, arg, &opts, &ref));
	return ref;
}

/* Makes a core's sessions, SPAWNS a turn, and lets its relay know them. */
struct maker {
	uint64_t left;
};

static void make_one(struct actor *self, uint64_t user_id)
{
	struct relay_add_msg *m = ACTOR_MSG_NEW(struct relay_add_msg,
						RELAY_ADD);

	check(m);
	check(!actor_spawn(self, &session_class, NULL, NULL, &m->session));
	m->user_id = user_id;
	m->intents = INTENT_GUILD_MESSAGES | INTENT_MESSAGE_CONTENT;
	m->view.channel[0] = 1;
	actor_send(self, cores[actor_core(self)].relay, &m->head);
}

static int make_some(struct actor *self, struct maker *maker)
{
	for (int i = 0; i < SPAWNS && maker->left; i++)
		make_one(self, maker->left--);
	if (!maker->left)
		return sem_post(&done);
	return actor_send(self, actor_self(self),
			  actor_msg_new(MSG_MAKE, sizeof(struct actor_msg)));
}

static int maker_start(struct actor *self, void *state, const void *arg)
{
	struct maker *maker = state;

	maker->left = *(const uint64_t *)arg;
	return make_some(self, maker);
}

static int maker_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	if (msg->type == MSG_MAKE)
		return make_some(self, state);
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class maker_class = {
	.name = "maker", .state_size = sizeof(struct maker),
	.start = maker_start, .handle = maker_handle,
};

static void publish(struct actor_system *sys, int core, struct blob *payload)
{
	struct relay_event_msg *m = ACTOR_MSG_NEW(struct relay_event_msg,
						  RELAY_EVENT);

	check(m);
	m->to.intents = INTENT_GUILD_MESSAGES;
	m->payload = blob_get(payload);
	check(!actor_system_send(sys, cores[core].relay, &m->head));
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t resident(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	check(f && fscanf(f, "%*s %lu", &pages) == 1);
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Each round is `pending` events; all sessions have all of them at its end. */
static void measure(struct actor_system *sys, int count, uint64_t sessions,
		    unsigned int pending, unsigned int rounds)
{
	uint64_t wall[ROUNDS_MAX], cpu[ROUNDS_MAX], all = sessions * pending;
	struct blob *payload = blob_new(NULL, PAYLOAD);

	for (unsigned int r = 0; r < rounds; r++) {
		for (int i = 0; i < count; i++)
			cores[i].left = all / (uint64_t)count;
		wall[r] = clock_ns(CLOCK_MONOTONIC);
		cpu[r] = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		for (unsigned int n = 0; n < pending; n++)
			for (int i = 0; i < count; i++)
				publish(sys, i, payload);
		for (int i = 0; i < count; i++)
			while (sem_wait(&done))
				;
		wall[r] = clock_ns(CLOCK_MONOTONIC) - wall[r];
		cpu[r] = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu[r];
	}
	blob_put(payload);
	qsort(wall, rounds, sizeof(wall[0]), by_value);
	qsort(cpu, rounds, sizeof(cpu[0]), by_value);
	printf("%7u pending %10.1f ms until all have it %8.2f M deliveries/s "
	       "%7.1f ns cpu each\n", pending, (double)wall[rounds / 2] / 1e6,
	       1e3 * (double)all / (double)wall[rounds / 2],
	       (double)cpu[rounds / 2] / (double)all);
	fflush(stdout);
}

static void start(struct actor_system *sys, uint64_t sessions, int count)
{
	const actor_ref nobody = ACTOR_NOBODY;
	uint64_t before = resident(), share = sessions / (uint64_t)count;

	for (int i = 0; i < count; i++)
		cores[i].relay = spawn(sys, i, &relay_actor_class, &nobody,
				       sizeof(nobody));
	for (int i = 0; i < count; i++)
		spawn(sys, i, &maker_class, &share, sizeof(share));
	for (int i = 0; i < count; i++)
		while (sem_wait(&done))
			;
	/* Behind all of them, and heard by all. */
	printf("%" PRIu64 " sessions on %d core%s\n", sessions, count,
	       count > 1 ? "s" : "");
	fflush(stdout);
	measure(sys, count, sessions, 1, 1);
	printf("%" PRIu64 " bytes of memory a session, with its actor and its "
	       "place in a relay\n", (resident() - before) / sessions);
}

int main(int argc, char **argv)
{
	static const unsigned int pending[] = { 1, 16 };
	uint64_t sessions = argc > 2 ? strtoull(argv[1], NULL, 10) : 0;
	int count = argc > 2 ? atoi(argv[2]) : 0;
	unsigned int rounds = argc > 3 ? (unsigned int)atoi(argv[3]) : 3;
	struct actor_system_opts opts = { .cores = count };
	struct actor_system *sys;
	struct os_env *env;

	if (count < 1 || count > CORES_MAX || sessions % (uint64_t)count ||
	    !sessions || !rounds || rounds > ROUNDS_MAX)
		return 2;
	check(!sem_init(&done, 0, 0));
	check(!proto_types_register() && !guild_types_register());
	check(!os_env_new(&env));
	opts.env = env;
	check(!actor_system_new(&opts, &sys) && !actor_system_start(sys));
	start(sys, sessions, count);
	for (size_t i = 0; i < sizeof(pending) / sizeof(pending[0]); i++)
		measure(sys, count, sessions, pending[i], rounds);
	fflush(stdout);
	/* The end of a million actors is not measured. */
	check(!actor_system_shutdown(sys, SHUTDOWN_MS));
	actor_system_free(sys);
	for (int i = 0; i < count; i++)
		batch_pool_fini(&cores[i].pool);
	os_env_free(env);
	return 0;
}

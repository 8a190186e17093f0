// SPDX-License-Identifier: Apache-2.0
/*
 * A bit of a store that nobody has open turns over, anywhere in any file.
 * Whatever it is: the check says so, or every row is what it was; and a repair
 * saves every row but those that it names.
 *
 *	store_flip_test		environment: FLIPS, SEED
 */
#include <inttypes.h>

#include "base/log.h"
#include "base/rng.h"
#include "store/store.h"
#include "store/tool.h"
#include "store_engine.h"

#define CHANNELS 6u
#define SPACES 2u
#define IDS 400u
#define LOG_SMALL (1u << 20)
#define DAMAGES_MAX 16u
#define DEFAULT_FLIPS 100u

/* How often a row was changed; its bytes follow from that. */
struct row_model {
	uint32_t version;	/* 0: there is none */
	uint32_t last;		/* the highest there was */
	bool in_log;		/* changed since everything was in blocks */
	bool seen;
};

struct damage {
	unsigned int space;
	uint64_t channel, first, last;
	unsigned int rows;
};

struct world {
	struct fixture f;
	struct rng rng;
	char shard[STORE_PATH_MAX];
	struct row_model row[CHANNELS][SPACES][IDS + 1];
	/* Of one walk: */
	uint32_t foreign, older, gone_back;
	struct damage damage[DAMAGES_MAX];
	uint32_t damages;
};

/* --- the store ------------------------------------------------------------ */

static struct row_model *model_of(struct world *w, const struct store_op *op,
				  uint64_t id)
{
	return &w->row[op->channel - CHANNEL][op->space][id];
}

static void do_op(struct world *w, struct call *call)
{
	call->op.done = call_done;
	engine_submit(w->f.e, &call->op);
	finish(&w->f, call);
	assert_int_equal(call->op.status, 0);
}

static void put_row(struct world *w, uint64_t channel, uint8_t space,
		    uint64_t id)
{
	struct call call = { .op = { .channel = channel, .space = space,
				     .id = id } };
	struct row_model *model = model_of(w, &call.op, id);
	char text[300];

	call.op.kind = model->version ? OP_EDIT : OP_APPEND;
	model->version = ++model->last;
	model->in_log = true;
	fill_row(text, sizeof(text), channel * SPACES + space, id,
		 model->version);
	call.op.row = blob_new(text, sizeof(text));
	do_op(w, &call);
	blob_put(call.op.row);
}

static void delete_row(struct world *w, uint64_t channel, uint8_t space,
		       uint64_t id)
{
	struct call call = { .op = { .kind = OP_DELETE, .channel = channel,
				     .space = space, .ids = &id,
				     .id_count = 1 } };
	struct row_model *model = model_of(w, &call.op, id);

	if (!model->version)
		return;
	model->version = 0;
	model->in_log = true;
	do_op(w, &call);
}

static void change_some(struct world *w, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint64_t channel = CHANNEL + rng_below(&w->rng, CHANNELS);
		uint8_t space = (uint8_t)rng_below(&w->rng, SPACES);
		uint64_t id = 1 + rng_below(&w->rng, IDS);

		if (rng_below(&w->rng, 4))
			put_row(w, channel, space, id);
		else
			delete_row(w, channel, space, id);
	}
}

static void all_in_blocks(struct world *w)
{
	flush(&w->f);
	for (uint32_t c = 0; c < CHANNELS; c++)
		for (uint32_t s = 0; s < SPACES; s++)
			for (uint32_t id = 1; id <= IDS; id++)
				w->row[c][s][id].in_log = false;
}

/* Blocks that count, blocks that do not, and a log that is needed. */
static void make_store(struct world *w)
{
	struct engine_opts opts = { .dir = w->shard, .shards = 1,
				    .log_bytes = LOG_SMALL,
				    .slot_bytes = 256u << 10,
				    .wake = wake, .ctx = &w->f };

	assert_int_equal(store_make(w->f.loop, w->f.dir, 1), 0);
	store_shard_dir(w->f.dir, 0, w->shard);
	assert_int_equal(engine_open(w->f.loop, &opts, &w->f.e, &w->f.report),
			 0);
	for (int round = 0; round < 4; round++) {
		change_some(w, 1000);
		all_in_blocks(w);
	}
	change_some(w, 300);
	engine_close(w->f.e);
	w->f.e = NULL;
}

static int setup_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *seed = getenv("SEED");

	rng_init(&w->rng, seed ? strtoull(seed, NULL, 10) : 1);
	snprintf(w->f.dir, sizeof(w->f.dir), ".build/flip_test.XXXXXX");
	assert_non_null(mkdtemp(w->f.dir));
	assert_int_equal(os_env_new(&w->f.env), 0);
	assert_int_equal(os_loop_new(w->f.env, &w->f.loop), 0);
	make_store(w);
	*state = w;
	return 0;
}

/* --- what a walk meets ---------------------------------------------------- */

/* The version of a row's bytes; 0: they are none's. */
static uint32_t version_of(const struct row_model *model, uint64_t channel,
			   uint8_t space, const struct row *row)
{
	char text[300];

	for (uint32_t v = 1; v <= model->last; v++) {
		fill_row(text, sizeof(text), channel * SPACES + space, row->id,
			 v);
		if (row->size == sizeof(text) &&
		    !memcmp(text, row->data, sizeof(text)))
			return v;
	}
	return 0;
}

static int meet(void *ctx, uint64_t channel, uint8_t space,
		const struct row *row)
{
	struct world *w = ctx;
	struct row_model *model;
	uint32_t version;

	if (channel < CHANNEL || channel >= CHANNEL + CHANNELS ||
	    space >= SPACES || !row->id || row->id > IDS) {
		w->foreign++;
		return 0;
	}
	model = &w->row[channel - CHANNEL][space][row->id];
	version = version_of(model, channel, space, row);
	w->foreign += !version || model->seen;
	w->gone_back += version && !model->version;
	w->older += version && model->version && version != model->version;
	model->seen = true;
	return 0;
}

static void read_damages(struct world *w, const char *text)
{
	const char *line = text;

	w->damages = 0;
	while ((line = strstr(line, "damaged: shard 0, channel "))) {
		struct damage *d = &w->damage[w->damages++];

		assert_true(w->damages <= DAMAGES_MAX);
		assert_int_equal(sscanf(line, "damaged: shard 0, channel %"
					SCNu64 ", space %u, ids %" SCNu64
					" to %" SCNu64 ": %u rows", &d->channel,
					&d->space, &d->first, &d->last,
					&d->rows), 5);
		line++;
	}
}

static bool is_named(const struct world *w, uint32_t c, uint32_t space,
		     uint64_t id)
{
	for (uint32_t i = 0; i < w->damages; i++) {
		const struct damage *d = &w->damage[i];

		if (d->channel == CHANNEL + c && d->space == space &&
		    d->first <= id && id <= d->last)
			return true;
	}
	return false;
}

static int walk(struct world *w, bool salvage, struct tool_sum *sum)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int err;

	w->foreign = w->older = w->gone_back = 0;
	for (uint32_t c = 0; c < CHANNELS; c++)
		for (uint32_t s = 0; s < SPACES; s++)
			for (uint32_t id = 1; id <= IDS; id++)
				w->row[c][s][id].seen = false;
	err = tool_walk(w->f.loop, w->f.dir, salvage, out, meet, w, sum);
	fclose(out);
	read_damages(w, text);
	free(text);
	return err;
}

/* Rows that were not met: all of them, and those that nobody named. */
static uint64_t missing(const struct world *w, bool unnamed, bool in_blocks)
{
	uint64_t n = 0;

	for (uint32_t c = 0; c < CHANNELS; c++)
		for (uint32_t s = 0; s < SPACES; s++)
			for (uint32_t id = 1; id <= IDS; id++) {
				const struct row_model *m = &w->row[c][s][id];

				n += m->version && !m->seen &&
				     !(in_blocks && m->in_log) &&
				     !(unnamed && is_named(w, c, s, id));
			}
	return n;
}

/* --- flips ---------------------------------------------------------------- */

static const char *const files[] = { "data", "log", "index.0", "index.1",
				     "super" };
#define FILES (sizeof(files) / sizeof(files[0]))

static int open_file(const struct world *w, const char *name)
{
	char path[STORE_PATH_MAX + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", w->shard, name);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

/* Behind the last byte that is not 0. */
static uint64_t written_bytes(int fd)
{
	uint64_t end = 0;
	uint8_t buf[4096];
	ssize_t n;

	for (off_t at = 0; (n = pread(fd, buf, sizeof(buf), at)) > 0; at += n)
		for (ssize_t i = 0; i < n; i++)
			if (buf[i])
				end = (uint64_t)(at + i + 1);
	return end;
}

/* Of a byte where there is something: most of a log is what fills up sectors. */
static off_t choose_place(struct world *w, int fd, uint64_t end)
{
	uint8_t byte = 0;
	off_t at = 0;

	for (int tries = 0; !byte && tries < 1000; tries++) {
		at = (off_t)rng_below(&w->rng, end);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
	}
	return at;
}

static void flip(int fd, off_t at, unsigned int bit)
{
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= (uint8_t)(1u << bit);
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

/* Says what did not hold; NULL. */
static const char *judge_check(struct world *w, int err,
			       const struct tool_sum *sum)
{
	if (w->foreign)
		return "a row that was never written";
	if (err == -EBADMSG)
		return NULL;
	if (err)
		return "neither whole nor damaged";
	if (w->older || w->gone_back)
		return "an old row came back";
	if (missing(w, false, false) != sum->damaged_rows)
		return "as many rows are missing as are said to be";
	return missing(w, true, false) ? "a row is missing, unnamed" : NULL;
}

static const char *judge_repair(struct world *w, int err,
				const struct tool_sum *sum)
{
	if (err)
		return "a repair reads what there is";
	if (w->foreign)
		return "a row that was never written";
	if (!sum->lost_frames && !sum->lost_indexes &&
	    (w->older || w->gone_back))
		return "an old row came back";
	/* What a commit that is lost changed nobody knows any more. */
	if (!sum->lost_frames && w->older)
		return "an older row came back";
	if (missing(w, true, sum->lost_frames))
		return "a row is missing, unnamed";
	return NULL;
}

static const char *judge(struct world *w, uint64_t *ret_refused,
			 uint64_t *ret_named)
{
	struct tool_sum sum;
	const char *wrong;
	int err = walk(w, false, &sum);

	wrong = judge_check(w, err, &sum);
	*ret_refused += err == -EBADMSG;
	*ret_named += sum.damaged_blocks;
	if (wrong)
		return wrong;
	err = walk(w, true, &sum);
	return judge_repair(w, err, &sum);
}

static void a_flipped_bit_costs_what_is_said(void **state)
{
	const char *env = getenv("FLIPS");
	uint32_t flips = env ? (uint32_t)strtoul(env, NULL, 10) : DEFAULT_FLIPS;
	uint64_t refused = 0, named = 0;
	struct world *w = *state;

	for (uint32_t i = 0; i < flips; i++) {
		const char *name = files[rng_below(&w->rng, FILES)], *wrong;
		int fd = open_file(w, name);
		uint64_t end = written_bytes(fd);
		off_t at;
		unsigned int bit;

		if (!end) {
			close(fd);
			continue;
		}
		at = choose_place(w, fd, end);
		bit = (unsigned int)rng_below(&w->rng, 8);
		flip(fd, at, bit);
		wrong = judge(w, &refused, &named);
		flip(fd, at, bit);
		close(fd);
		if (wrong)
			fail_msg("%s, byte %lld, bit %u: %s", name,
				 (long long)at, bit, wrong);
	}
	print_message("# %u flips: %" PRIu64 " times refused, %" PRIu64
		      " blocks named\n", flips, refused, named);
	if (flips >= DEFAULT_FLIPS)
		assert_true(refused && named);
}

/* With nothing damaged nothing is said; so the above says something. */
static void what_is_whole_is_called_so(void **state)
{
	struct world *w = *state;
	struct tool_sum sum;

	assert_int_equal(walk(w, false, &sum), 0);
	assert_int_equal(sum.damaged_blocks, 0);
	assert_int_equal(w->foreign + w->older + w->gone_back, 0);
	assert_int_equal(missing(w, false, false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_whole_is_called_so),
		cmocka_unit_test(a_flipped_bit_costs_what_is_said),
	};

	log_set_fd(-1);
	return cmocka_run_group_tests(tests, setup_world, teardown);
}

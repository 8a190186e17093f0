// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's own eviction and admission, over synthetic traces, beside FIFO,
 * LRU and the optimum.
 *
 *	kmod_policy_sim [SEED [READS]]
 *
 * Prints, for each trace, hits of a hundred reads, and how many blocks were
 * written to the SSD for a hundred misses: that is what wears it out.  "alone"
 * is a policy that every miss is given to, "+admission" what the module does: a
 * block is taken in when it is missed again, if it is not part of a long read.
 *
 * `make bench-policy` shows the table; the tests hold it to generous bounds.
 */
#include <stdio.h>

#include "kmod_peers.h"
#include "guard.h"
#include "stream.h"

#define PAGE_BLOCK	SD_PAGE_SECTORS		/* a block of one page */
#define DEFAULT_READS	400000u
#define LONG_READ	16u			/* blocks: 1 MiB of 64 KiB */

struct result {
	u32 hits, fills;
	u32 reads;
};

struct results {
	struct result fifo, lru, optimum;
	struct result alone[2], admitted[2];	/* by policy */
};

enum { S3FIFO, SIEVE };

static const struct sd_policy_ops *const policies[2] = {
	[S3FIFO] = &sd_policy_s3fifo, [SIEVE] = &sd_policy_sieve,
};

static struct sd_guard guard;

static bool wanted(struct sd_table *t, struct sd_streams *st, u32 block)
{
	u64 run = sd_streams_go_on(st, (u64)block * PAGE_BLOCK, PAGE_BLOCK);

	return run <= LONG_READ * PAGE_BLOCK && sd_cache_admits(t->cache, block);
}

/* A miss; what is leaving is stored at once when slots are short. */
static u32 fill(struct sd_table *t, u32 block)
{
	struct sd_op op;
	u32 crc = 0;

	if (!sd_op_begin_fill(&guard, t, &op, block, 1, true))
		return 0;
	sd_op_end(&guard, &op, 1, &crc);
	if (sd_cache_is_short(t->cache)) {
		sd_cache_storing(t->cache);
		sd_table_stored(&guard, t);
	}
	return 1;
}

static bool step(struct sd_table *t, struct sd_streams *st, u32 block,
		 bool admit, u32 *fills)
{
	struct sd_ticket ticket;

	if (block & TRACE_WRITE) {
		sd_cache_wrote(t->cache, block & ~TRACE_WRITE);
		return false;
	}
	if (sd_read_begin(t, &ticket, block, 1))
		return true;
	if (!admit || wanted(t, st, block))
		*fills += fill(t, block);
	return false;
}

static struct result run(const struct trace *tr,
			 const struct sd_policy_ops *policy, bool admit)
{
	struct result r = { .reads = tr->reads };
	struct sd_streams streams;
	struct sd_geom geom;
	struct sd_table t;

	sd_guard_init(&guard);
	sd_streams_init(&streams);
	sd_geom_init(&geom, (u64)tr->nr_blocks * PAGE_BLOCK, PAGE_BLOCK, 1);
	if (sd_table_init(&t, &geom, 0, tr->nr_slots, 64, false) ||
	    sd_table_init_cache(&t, policy))
		exit(1);
	sd_cache_ready(t.cache);
	for (u32 i = 0; i < tr->len; i++)
		r.hits += step(&t, &streams, tr->block[i], admit, &r.fills);
	sd_table_fini(&t);
	return r;
}

static struct result takes_all(u32 hits, u32 reads)
{
	return (struct result) { hits, reads - hits, reads };
}

static struct results run_all(const struct trace *t)
{
	struct results r = {
		.fifo = takes_all(peer_fifo(t), t->reads),
		.lru = takes_all(peer_lru(t), t->reads),
		.optimum = { .reads = t->reads },
	};

	r.optimum.hits = peer_optimum(t, &r.optimum.fills);
	for (u32 p = 0; p < 2; p++) {
		r.alone[p] = run(t, policies[p], false);
		r.admitted[p] = run(t, policies[p], true);
	}
	return r;
}

static double rate(struct result r)
{
	return 100.0 * r.hits / r.reads;
}

static double wear(struct result r)
{
	return 100.0 * r.fills / (r.reads - r.hits);
}

static void show(struct result r)
{
	printf(" %5.1f /%4.0f", rate(r), wear(r));
}

static void show_all(const struct trace *t, const struct results *r)
{
	printf("# %-8s", t->name);
	show(r->fifo);
	show(r->lru);
	for (u32 p = 0; p < 2; p++) {
		show(r->alone[p]);
		show(r->admitted[p]);
	}
	show(r->optimum);
	printf("  %s\n", t->what);
}

static int tests, failed;

static void check(bool good, const char *what, const char *policy,
		  const char *trace)
{
	failed |= !good;
	printf("%sok %d - %s_%s_%s\n", good ? "" : "not ", ++tests, policy,
	       what, trace);
}

#define CHECKS_EACH 6

/* What the module does with its default policy and the other one. */
static void judge(const struct results *all)
{
	const struct results *zipf = &all[0], *scans = &all[1],
			     *wonders = &all[2], *loop = &all[3],
			     *chat = &all[5];

	for (u32 p = 0; p < 2; p++) {
		const char *name = policies[p]->name;
		bool spared = true;

		check(rate(zipf->admitted[p]) > rate(zipf->lru) - 1,
		      "is_not_below_lru_on", name, "zipf");
		check(rate(scans->admitted[p]) > rate(scans->lru) + 4,
		      "is_above_lru_under", name, "scans");
		check(rate(wonders->admitted[p]) > rate(wonders->lru) + 3,
		      "is_above_lru_among", name, "wonders");
		check(rate(loop->admitted[p]) > rate(loop->optimum) - 15,
		      "keeps_most_of_a", name, "loop");
		check(rate(chat->admitted[p]) >
		      rate(chat->lru) - (p == S3FIFO ? 1 : 6),
		      "is_not_far_below_lru_on", name, "chat");
		for (u32 i = 0; i < NR_TRACES; i++)
			spared &= wear(all[i].admitted[p]) <
				  wear(all[i].alone[p]) * 3 / 4;
		check(spared, "spares_the_ssd_on", name, "every_trace");
	}
}

/* Nobody is above the optimum: else this program cannot count. */
static bool is_optimal(const struct results *r)
{
	u32 best = r->optimum.hits;

	for (u32 p = 0; p < 2; p++)
		if (r->alone[p].hits > best || r->admitted[p].hits > best)
			return false;
	return r->lru.hits <= best && r->fifo.hits <= best;
}

int main(int argc, char **argv)
{
	u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	u32 reads = argc > 2 ? (u32)strtoul(argv[2], NULL, 0) : DEFAULT_READS;
	static struct results all[NR_TRACES];
	bool optimal = true;

	printf("# rerun: kmod_policy_sim %llu %u\n1..%d\n",
	       (unsigned long long)seed, reads, 2 * CHECKS_EACH + 1);
	printf("# hits of 100 reads / blocks written for 100 misses\n"
	       "# %-8s %11s %11s %11s %11s %11s %11s %11s\n", "trace", "fifo",
	       "lru", "s3fifo", "+admission", "sieve", "+admission", "optimum");
	for (u32 i = 0; i < NR_TRACES; i++) {
		struct trace t = trace_make(i, seed, reads);

		all[i] = run_all(&t);
		optimal &= is_optimal(&all[i]);
		show_all(&t, &all[i]);
		trace_free(&t);
	}
	judge(all);
	check(optimal, "is_above_all", "the_optimum", "others");
	return failed;
}

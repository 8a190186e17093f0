// SPDX-License-Identifier: Apache-2.0
#include "guild/idgen.h"

#include <errno.h>
#include <pthread.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/snowflake.h"

struct idgen {
	pthread_mutex_t lock;	/* guards all below */
	struct snowflake flake;
	uint64_t last;
};

int idgen_new(uint32_t worker, uint64_t after, struct idgen **ret_gen)
{
	struct idgen *gen = mem_zalloc(sizeof(*gen));
	int err;

	if (!gen)
		return -ENOMEM;
	pthread_mutex_init(&gen->lock, NULL);
	err = snowflake_init(&gen->flake, worker, after);
	if (err)
		idgen_free(gen);
	else
		*ret_gen = gen;
	return err;
}

void idgen_free(struct idgen *gen)
{
	if (!gen)
		return;
	pthread_mutex_destroy(&gen->lock);
	mem_free(gen);
}

int idgen_next(struct idgen *gen, uint64_t wall_ms, uint64_t *ret_id)
{
	uint64_t id;
	int err;

	pthread_mutex_lock(&gen->lock);
	err = snowflake_next(&gen->flake, wall_ms, &id);
	if (!err) {
		check(id > gen->last);
		*ret_id = gen->last = id;
	}
	pthread_mutex_unlock(&gen->lock);
	return err;
}

void idgen_raise(struct idgen *gen, uint64_t after)
{
	pthread_mutex_lock(&gen->lock);
	/* A fresh start behind `after`, unless it is behind already. */
	if (after >= gen->last &&
	    snowflake_unix_ms(after) >= gen->flake.last_ms +
						SNOWFLAKE_EPOCH_MS)
		snowflake_init(&gen->flake, gen->flake.worker, after);
	pthread_mutex_unlock(&gen->lock);
}

uint64_t idgen_last(struct idgen *gen)
{
	uint64_t last;

	pthread_mutex_lock(&gen->lock);
	last = gen->last;
	pthread_mutex_unlock(&gen->lock);
	return last;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded pseudo-random numbers (xoshiro256**).  Not for secrets. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);
/* 0 .. n-1, unbiased; n > 0. */
uint64_t rng_below(struct rng *rng, uint64_t n);
/* True `ppm` times in a million. */
bool rng_chance(struct rng *rng, uint32_t ppm);
void rng_fill(struct rng *rng, void *buf, size_t len);

#endif

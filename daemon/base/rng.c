// SPDX-License-Identifier: Apache-2.0
#include "base/rng.h"

#include <string.h>

#include "base/check.h"

static uint64_t rotl(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

/* splitmix64 spreads the seed, so that near seeds give unlike streams. */
void rng_init(struct rng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		rng->s[i] = z ^ z >> 31;
	}
}

uint64_t rng_next(struct rng *rng)
{
	uint64_t *s = rng->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
	uint64_t x, floor;

	check(n > 0);
	/* Values below 2^64 mod n would favour the small results. */
	floor = -n % n;
	do
		x = rng_next(rng);
	while (x < floor);
	return x % n;
}

bool rng_chance(struct rng *rng, uint32_t ppm)
{
	return rng_below(rng, 1000000) < ppm;
}

void rng_fill(struct rng *rng, void *buf, size_t len)
{
	uint8_t *at = buf;

	while (len) {
		uint64_t x = rng_next(rng);
		size_t n = len < sizeof(x) ? len : sizeof(x);

		memcpy(at, &x, n);
		at += n;
		len -= n;
	}
}

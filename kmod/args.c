// SPDX-License-Identifier: GPL-2.0-only
/* Parsing and printing of the table line.  Pure core. */
#include "args.h"

#ifndef __KERNEL__
#include <stdio.h>
#endif

struct word {
	const char *name;
	u32 value;
};

static const struct word modes[] = {
	{ "auto", SUPERDISK_MODE_AUTO },
	{ "mirror", SUPERDISK_MODE_MIRROR },
	{ "cache", SUPERDISK_MODE_CACHE },
	{ "passthrough", SUPERDISK_MODE_PASSTHROUGH },
	{}
};

static const struct word switches[] = { { "off", 0 }, { "on", 1 }, {} };

static const struct word off[] = { { "off", 0 }, {} };

static const struct word policies[] = {
	{ "s3fifo", SD_POLICY_S3FIFO }, { "sieve", SD_POLICY_SIEVE }, {}
};

static const struct word hedges[] = {
	{ "off", 0 }, { "auto", SD_HEDGE_AUTO }, {}
};

static const struct word attaches[] = {
	{ "trust", SD_ATTACH_TRUST }, { "verify", SD_ATTACH_VERIFY },
	{ "discard", SD_ATTACH_DISCARD }, {}
};

/* An option is a word of a list, or a number within bounds. */
static const struct option {
	const char *key;
	u32 offset;
	const struct word *words;
	u32 low, high, initial;
} options[] = {
#define FIELD(f) offsetof(struct sd_options, f)
	{ "mode", FIELD(mode), modes, 0, 0, SUPERDISK_MODE_AUTO },
	{ "block_sectors", FIELD(block_sectors), NULL, SD_MIN_BLOCK_SECTORS,
	  SD_MAX_BLOCK_SECTORS, SD_DEFAULT_BLOCK_SECTORS },
	{ "verify", FIELD(verify), switches, 0, 0, 1 },
	{ "attach", FIELD(attach), attaches, 0, 0, SD_ATTACH_TRUST },
	{ "hedge_us", FIELD(hedge_us), hedges, 50, 10000000, 0 },
	{ "read_ms", FIELD(read_ms), off, 10, 600000, 500 },
	{ "timeout_ms", FIELD(timeout_ms), NULL, 100, 600000, 10000 },
	{ "checkpoint_ms", FIELD(checkpoint_ms), NULL, 10, 600000, 5000 },
	{ "buffer_kib", FIELD(buffer_kib), NULL, 256, 1u << 20, 16384 },
	{ "warm", FIELD(warm_kib), off, 1, ~0u, 0 },
	{ "read_kib", FIELD(read_kib), NULL, 256, 1u << 20, 4096 },
	{ "heat_s", FIELD(heat_s), off, 16, 31536000, 14400 },
	{ "policy", FIELD(policy), policies, 0, 0, SD_POLICY_S3FIFO },
	{ "sequential_kib", FIELD(sequential_kib), off, 64, 1u << 30, 1024 },
	{ "fill_dwpd", FIELD(fill_dwpd), off, 1, 1000, 3 },
#undef FIELD
};

const struct sd_policy_ops *sd_options_policy(const struct sd_options *o)
{
	return o->policy == SD_POLICY_SIEVE ? &sd_policy_sieve :
					      &sd_policy_s3fifo;
}

static u32 *field(struct sd_options *o, const struct option *d)
{
	return (u32 *)((char *)o + d->offset);
}

void sd_options_default(struct sd_options *o)
{
	u32 i;

	*o = (struct sd_options) {};
	for (i = 0; i < ARRAY_SIZE(options); i++)
		*field(o, &options[i]) = options[i].initial;
}

int sd_number_parse(const char *s, u32 low, u32 high, u32 *ret)
{
	u64 v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		v = v * 10 + (u32)(*s - '0');
		if (v > high)
			return -EINVAL;
	}
	if (v < low)
		return -EINVAL;
	*ret = v;
	return 0;
}

static int parse_word(const struct word *words, const char *s, u32 *ret)
{
	for (; words->name; words++) {
		if (!strcmp(words->name, s)) {
			*ret = words->value;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_value(const struct option *d, const char *s, u32 *ret)
{
	if (d->words && !parse_word(d->words, s, ret))
		return 0;
	return d->high ? sd_number_parse(s, d->low, d->high, ret) : -EINVAL;
}

static int parse_option(struct sd_options *o, const char *key, const char *value)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(options[i].key, key))
			return parse_value(&options[i], value,
					   field(o, &options[i]));
	return -EINVAL;
}

static int parse_options(struct sd_options *o, u32 argc, char **argv,
			 const char **ret_why)
{
	u32 words;

	if (!argc)
		return 0;
	*ret_why = "number of option words is wrong";
	if (sd_number_parse(argv[0], 0, 64, &words) || words != argc - 1 ||
	    words % 2)
		return -EINVAL;
	*ret_why = "option is unknown or its value out of range";
	for (argc--, argv++; argc; argc -= 2, argv += 2)
		if (parse_option(o, argv[0], argv[1]))
			return -EINVAL;
	*ret_why = "block_sectors is not a power of two";
	return is_power_of_2(o->block_sectors) ? 0 : -EINVAL;
}

int sd_args_parse(struct sd_args *a, u32 argc, char **argv,
		  const char **ret_why)
{
	u32 i;

	*a = (struct sd_args) {};
	sd_options_default(&a->opt);
	*ret_why = "expected DISK NR_SSDS SSD...";
	if (argc < 3)
		return -EINVAL;
	a->disk = argv[0];
	*ret_why = "number of SSDs is out of range";
	if (sd_number_parse(argv[1], 1, SD_MAX_LEGS, &a->nr_legs) ||
	    argc < 2 + a->nr_legs)
		return -EINVAL;
	for (i = 0; i < a->nr_legs; i++)
		a->ssd[i] = argv[2 + i];
	return parse_options(&a->opt, argc - 2 - a->nr_legs,
			     argv + 2 + a->nr_legs, ret_why);
}

static int print_value(const struct option *d, u32 v, char *buf, u32 size)
{
	const struct word *w;

	for (w = d->words; w && w->name; w++)
		if (w->value == v)
			return snprintf(buf, size, " %s %s", d->key, w->name);
	return snprintf(buf, size, " %s %u", d->key, v);
}

int sd_options_print(const struct sd_options *o, char *buf, u32 size)
{
	struct sd_options copy = *o;
	u32 i, nr = 0, at;

	for (i = 0; i < ARRAY_SIZE(options); i++)
		nr += *field(&copy, &options[i]) != options[i].initial;
	if (size)
		*buf = '\0';
	if (!nr)
		return 0;
	at = snprintf(buf, size, " %u", nr * 2);
	for (i = 0; i < ARRAY_SIZE(options) && at < size; i++)
		if (*field(&copy, &options[i]) != options[i].initial)
			at += print_value(&options[i], *field(&copy, &options[i]),
					  buf + at, size - at);
	return at;
}

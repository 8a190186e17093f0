// SPDX-License-Identifier: Apache-2.0
/* superdisk warm: copies what the SSDs lack; saves and loads heat. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/mem.h"
#include "monitor/command.h"
#include "monitor/command_args.h"
#include "monitor/heat.h"

#define WARM_KIB_S (64U << 10)

static const char usage[] =
	"usage: superdisk warm [--json] [--rate KIB_PER_S | --stop]\n"
	"                      [--save FILE] [--heat FILE] NAME\n"
	"\nCopies what the SSDs of Super-Disk NAME lack from its disk, the "
	"hottest blocks\nfirst, at that rate (65536).  Foreground I/O goes "
	"first.\n\n"
	"  -r, --rate KIB_PER_S  copy so much; while it copies: from now on\n"
	"      --stop            copy no more\n"
	"      --save FILE       write down how hot the blocks are, copy "
	"nothing\n"
	"      --heat FILE       take that into account, then copy\n"
	"  -j, --json            say it in JSON\n";

struct warm_options {
	const char *name, *save, *heat;
	uint32_t rate;
	bool stop, json;
};

enum { OPTION_STOP = 256, OPTION_SAVE, OPTION_HEAT };

static const struct option long_options[] = {
	{ "rate", required_argument, NULL, 'r' },
	{ "stop", no_argument, NULL, OPTION_STOP },
	{ "save", required_argument, NULL, OPTION_SAVE },
	{ "heat", required_argument, NULL, OPTION_HEAT },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int parse_rate(const char *text, uint32_t *ret_rate)
{
	char *end;
	unsigned long rate = strtoul(text, &end, 10);

	if (*end || *text < '0' || *text > '9' || !rate || rate > UINT32_MAX) {
		fprintf(stderr, "superdisk warm: rate %s: not 1 to %u\n", text,
			UINT32_MAX);
		return -EINVAL;
	}
	*ret_rate = (uint32_t)rate;
	return 0;
}

/* 0, or -EINVAL after words; o->name is NULL after --help. */
static int parse_option(int option, struct warm_options *o)
{
	switch (option) {
	case 'r':
		return parse_rate(optarg, &o->rate);
	case OPTION_STOP:
		o->stop = true;
		return 0;
	case OPTION_SAVE:
		o->save = optarg;
		return 0;
	case OPTION_HEAT:
		o->heat = optarg;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	default:
		fputs(usage, stderr);
		return -EINVAL;
	}
}

static int parse(int argc, char **argv, struct warm_options *o)
{
	int option, err;

	*o = (struct warm_options){ .rate = WARM_KIB_S };
	optind = 0;
	while ((option = getopt_long(argc, argv, "r:jh", long_options, NULL)) !=
	       -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		err = parse_option(option, o);
		if (err)
			return err;
	}
	if (optind + 1 != argc || (o->stop && (o->heat || o->save)) ||
	    (o->save && o->heat)) {
		fputs(usage, stderr);
		return -EINVAL;
	}
	o->name = argv[optind];
	return 0;
}

static int exit_status(int err)
{
	return err == -EPERM ? EX_NOPERM : err == -ENOENT ? EX_NOINPUT :
	       EX_IOERR;
}

/* An exit status, after words if it is not EX_OK. */
static int act(struct module *module, const struct module_device *device,
	       const struct warm_options *o)
{
	int err = 0;

	if (o->save)
		err = heat_save(module, device->dev, o->save);
	else if (o->heat)
		err = heat_load(module, device->dev, device->block_size,
				o->heat);
	if (err)
		return command_fail("warm", o->save ? o->save : o->heat, err,
				    exit_status(err));
	if (o->save)
		return EX_OK;
	err = module_command(module, SUPERDISK_CMD_WARM, device->dev, 0, NULL,
			     o->stop ? 0 : o->rate);
	return err ? command_fail("warm", o->name, err, exit_status(err)) :
		     EX_OK;
}

int command_warm(int argc, char **argv)
{
	const struct module_device *device;
	struct module_state *state;
	struct warm_options o;
	struct module *module;
	int status;

	if (parse(argc, argv, &o))
		return EX_USAGE;
	if (!o.name)
		return EX_OK;
	status = command_open_module("warm", &module, &state);
	if (status)
		return status;
	device = command_find(state, "warm", o.name);
	status = device ? act(module, device, &o) : EX_NOINPUT;
	if (!status && o.json)
		command_print_json(json_pack("{ss ss}", "command", "warm",
					     "device", o.name));
	module_close(module);
	mem_free(state);
	return status;
}

// SPDX-License-Identifier: Apache-2.0
/* superdisk warm: copies what the SSDs lack; saves and loads heat. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/mem.h"
#include "monitor/command.h"
#include "monitor/command_args.h"
#include "monitor/heat.h"
#include "monitor/options.h"

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
	bool stop, json, help;
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

static int take(int option, const char *argument, void *into, char *why,
		size_t why_size)
{
	struct warm_options *o = into;
	uint64_t rate;

	switch (option) {
	case 'r':
		if (options_number(argument, 1, UINT32_MAX, &rate)) {
			snprintf(why, why_size, "rate %s: not 1 to %u",
				 argument, UINT32_MAX);
			return -EINVAL;
		}
		o->rate = (uint32_t)rate;
		return 0;
	case OPTION_STOP:
		o->stop = true;
		return 0;
	case OPTION_SAVE:
		o->save = argument;
		return 0;
	case OPTION_HEAT:
		o->heat = argument;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	default:
		o->help = true;
		return 0;
	}
}

static int parse(int argc, char **argv, struct warm_options *o)
{
	static const struct options options = { ":r:jh", long_options, take };
	char why[256] = "wrong number of arguments";
	int at;

	*o = (struct warm_options){ .rate = WARM_KIB_S };
	at = options_parse(&options, argc, argv, o, why, sizeof(why));
	if (at >= 0 && o->help)
		return 0;
	if (at >= 0 && o->stop + !!o->heat + !!o->save > 1) {
		snprintf(why, sizeof(why),
			 "one of --stop, --save and --heat only");
		at = -EINVAL;
	}
	if (at < 0 || at + 1 != argc) {
		fprintf(stderr, "superdisk warm: %s\n%s", why, usage);
		return -EINVAL;
	}
	o->name = argv[at];
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
	if (o.help) {
		fputs(usage, stdout);
		return EX_OK;
	}
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

// SPDX-License-Identifier: Apache-2.0
/* Commands about one SSD: each is one netlink request. */
#include <errno.h>
#include <stdio.h>
#include <sysexits.h>

#include "base/mem.h"
#include "monitor/command.h"
#include "monitor/command_args.h"

struct verb {
	const char *name, *usage;
	uint8_t command;
	int operands;
};

static const struct verb add = {
	"add-ssd",
	"usage: superdisk add-ssd [--json] NAME POSITION DEVICE\n"
	"\nFills the vacant POSITION (from 0) of Super-Disk NAME with the SSD "
	"DEVICE.\n",
	SUPERDISK_CMD_LEG_ADD, 3,
};

static const struct verb replace = {
	"replace-ssd",
	"usage: superdisk replace-ssd [--json] NAME POSITION DEVICE\n"
	"\nTakes the SSD at POSITION of Super-Disk NAME out and DEVICE in.\n",
	SUPERDISK_CMD_LEG_REPLACE, 3,
};

static const struct verb take_out = {
	"remove-ssd",
	"usage: superdisk remove-ssd [--json] NAME POSITION\n"
	"\nCloses the SSD at POSITION and leaves the position vacant.\n",
	SUPERDISK_CMD_LEG_REMOVE, 2,
};

static const struct verb bypass = {
	"bypass",
	"usage: superdisk bypass [--json] NAME POSITION\n"
	"\nRoutes reads around the SSD at POSITION; it stays coherent.\n",
	SUPERDISK_CMD_LEG_BYPASS, 2,
};

static const struct verb restore = {
	"restore",
	"usage: superdisk restore [--json] NAME POSITION\n"
	"\nUses the SSD at POSITION again, with what it holds.\n",
	SUPERDISK_CMD_LEG_RESTORE, 2,
};

static int answered(const struct command_args *args, const struct verb *verb,
		    int err)
{
	if (err)
		return command_fail(verb->name, args->operand[0], err,
				    err == -EPERM ? EX_NOPERM : EX_IOERR);
	if (args->json)
		command_print_json(json_pack("{ss ss}", "command", verb->name,
					     "device", args->operand[0]));
	return EX_OK;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	const struct module_device *device;
	struct module_state *state;
	struct command_args args;
	struct module *module;
	int position, status;

	status = command_args_parse(argc, argv, verb->usage, verb->operands,
				    verb->operands, &args);
	if (status)
		return status - 1;
	position = command_position(verb->name, args.operand[1]);
	if (position < 0)
		return EX_USAGE;
	status = command_open_module(verb->name, &module, &state);
	if (status)
		return status;
	device = command_find(state, verb->name, args.operand[0]);
	status = EX_NOINPUT;
	if (device)
		status = answered(&args, verb,
				  module_command(module, verb->command, device->dev,
				       (uint32_t)position,
				       args.count > 2 ? args.operand[2] : NULL,
				       0));
	module_close(module);
	mem_free(state);
	return status;
}

int command_add_ssd(int argc, char **argv)
{
	return run(&add, argc, argv);
}

int command_replace_ssd(int argc, char **argv)
{
	return run(&replace, argc, argv);
}

int command_remove_ssd(int argc, char **argv)
{
	return run(&take_out, argc, argv);
}

int command_bypass(int argc, char **argv)
{
	return run(&bypass, argc, argv);
}

int command_restore(int argc, char **argv)
{
	return run(&restore, argc, argv);
}

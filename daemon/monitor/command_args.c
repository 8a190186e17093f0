// SPDX-License-Identifier: Apache-2.0
#include "monitor/command_args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"
#include "monitor/control.h"
#include "monitor/json_get.h"
#include "monitor/options.h"

#define ANSWER_TIMEOUT_MS 5000

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int take(int option, const char *argument, void *into, char *why,
		size_t why_size)
{
	bool *flag = into;

	(void)argument;
	(void)why;
	(void)why_size;
	flag[option == 'h'] = true;
	return 0;
}

int command_args_parse(int argc, char **argv, const char *usage, int min,
		       int max, struct command_args *ret_args)
{
	static const struct options options = { ":jh", long_options, take };
	bool flag[2] = { false, false };	/* --json, --help */
	char why[256] = "wrong number of arguments";
	int at = options_parse(&options, argc, argv, flag, why, sizeof(why));

	if (at >= 0 && flag[1]) {
		fputs(usage, stdout);
		return EX_OK + 1;
	}
	if (at < 0 || argc - at < min || argc - at > max) {
		fprintf(stderr, "superdisk %s: %s\n%s", argv[0], why, usage);
		return EX_USAGE + 1;
	}
	ret_args->json = flag[0];
	ret_args->count = argc - at;
	ret_args->operand = argv + at;
	return 0;
}

int command_fail(const char *name, const char *words, int err, int status)
{
	fprintf(stderr, "superdisk %s: %s: %s\n", name, words, strerror(-err));
	return status;
}

void command_print_json(json_t *document)
{
	json_dumpf(document, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(document);
}

json_t *command_ask(const char *what, char *why, size_t why_size)
{
	json_t *document = NULL;
	int err, fd = control_connect(control_path());

	why[0] = 0;
	if (fd < 0)
		return NULL;
	err = control_ask(fd, what, ANSWER_TIMEOUT_MS, &document);
	close(fd);
	if (!err)
		return document;
	snprintf(why, why_size, "%s", err == -EREMOTEIO ?
		 json_get_text(document, "error") : strerror(-err));
	json_decref(document);
	return NULL;
}

int command_open_module(const char *name, struct module **ret_module,
			struct module_state **ret_state)
{
	struct module_state *state = mem_alloc(sizeof(*state));
	struct module *module;
	int err = state ? module_open(&module) : -ENOMEM;

	if (err == -ENOENT) {
		mem_free(state);
		fprintf(stderr,
			"superdisk %s: the module dm-superdisk is not loaded\n",
			name);
		return EX_UNAVAILABLE;
	}
	if (!err) {
		err = module_read(module, state);
		if (err)
			module_close(module);
	}
	if (err) {
		mem_free(state);
		return command_fail(name, err == -EPROTO ?
				    "what the module says cannot be read" :
				    "module", err, EX_OSERR);
	}
	*ret_module = module;
	*ret_state = state;
	return EX_OK;
}

const struct module_device *command_find(const struct module_state *state,
					 const char *command, const char *name)
{
	const char *base = strrchr(name, '/');

	base = base ? base + 1 : name;
	for (size_t i = 0; i < state->devices; i++)
		if (!strcmp(state->device[i].name, base))
			return &state->device[i];
	fprintf(stderr, "superdisk %s: no Super-Disk is called %s\n", command,
		name);
	return NULL;
}

int command_position(const char *command, const char *text)
{
	uint64_t position;

	if (options_number(text, 0, SUPERDISK_MAX_LEGS - 1, &position)) {
		fprintf(stderr,
			"superdisk %s: position %s: not 0 to %d\n", command,
			text, SUPERDISK_MAX_LEGS - 1);
		return -EINVAL;
	}
	return (int)position;
}

// SPDX-License-Identifier: Apache-2.0
/* `superdisk list`, `superdisk status` and `superdisk events`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/mem.h"
#include "monitor/command.h"
#include "monitor/command_args.h"
#include "monitor/hist.h"
#include "monitor/module_json.h"
#include "monitor/terminal.h"
#include "monitor/text.h"

/* Share of @part in @part + @rest, in percent. */
static double percent(uint64_t part, uint64_t rest)
{
	return part + rest ? 100.0 * (double)part / (double)(part + rest) : 0;
}

static void print_path(const struct hist_slots *hist, const char *name)
{
	char count[TEXT_SIZE], p50[TEXT_SIZE], p99[TEXT_SIZE];

	if (!hist_count(hist))
		return;
	printf("    %-13s %9s  p50 %-8s p99 %s\n", name,
	       text_count(hist_count(hist), count),
	       text_time(hist_quantile(hist, 0.5), p50),
	       text_time(hist_quantile(hist, 0.99), p99));
}

#define PAGE_BYTES 4096	/* the module's unit of validity */

static void print_leg(const struct module_leg *leg, struct devices *devices)
{
	const uint64_t *c = leg->stats.counter;

	printf("  ssd %-2u %-14s %-7s %5.1f %% valid", leg->leg,
	       leg->leg_dev ? devices_name(devices, leg->leg_dev) : "-",
	       module_state_name(leg->state),
	       percent(leg->pages_valid, leg->pages_total - leg->pages_valid));
	if (c[SUPERDISK_C_READ_ERRORS] || c[SUPERDISK_C_WRITE_ERRORS] ||
	    c[SUPERDISK_C_CSUM_ERRORS])
		printf("  errors: %llu reads %llu writes %llu checksums",
		       (unsigned long long)c[SUPERDISK_C_READ_ERRORS],
		       (unsigned long long)c[SUPERDISK_C_WRITE_ERRORS],
		       (unsigned long long)c[SUPERDISK_C_CSUM_ERRORS]);
	if (leg->slots_total)
		printf("  %llu of %llu blocks taken",
		       (unsigned long long)leg->slots_used,
		       (unsigned long long)leg->slots_total);
	if (leg->pages_unverified)
		printf("  %llu pages to be verified",
		       (unsigned long long)leg->pages_unverified);
	if (leg->hedge_us)
		printf("  hedged after %u us", leg->hedge_us);
	putchar('\n');
	for (uint32_t path = 0; path < SUPERDISK_PATH_NR; path++)
		print_path(&leg->stats.path[path], module_path_name(path));
}

/* What the SSDs of a device did together: reads are counted where they go. */
static uint64_t legs_sum(const struct module_state *state, uint32_t dev,
			 enum superdisk_counter counter)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < state->legs; i++)
		if (state->leg[i].dev == dev)
			sum += state->leg[i].stats.counter[counter];
	return sum;
}

static void print_device(const struct module_state *state,
			 const struct module_device *device,
			 struct devices *devices)
{
	const uint64_t *c = device->stats.counter;
	uint64_t hits = legs_sum(state, device->dev, SUPERDISK_C_HITS) +
			c[SUPERDISK_C_HITS];
	uint64_t misses = legs_sum(state, device->dev, SUPERDISK_C_MISSES) +
			  c[SUPERDISK_C_MISSES];
	char text[TEXT_SIZE];

	printf("%s  %s%s%s over %s, blocks of %s, %.1f %% of reads from the SSDs\n",
	       device->name, module_mode_name(device->mode),
	       *device->policy ? " by " : "", device->policy,
	       devices_name(devices, device->disk_dev),
	       text_bytes(device->block_size, text), percent(hits, misses));
	if (device->warm != SUPERDISK_WARM_OFF)
		printf("  warming %s, %s copied, %u KiB/s\n",
		       module_warm_name(device->warm),
		       text_bytes(device->warm_copied * PAGE_BYTES, text),
		       device->warm_kib_s);
	for (uint32_t path = 0; path < SUPERDISK_PATH_NR; path++)
		print_path(&device->stats.path[path], module_path_name(path));
	for (size_t i = 0; i < state->legs; i++)
		if (state->leg[i].dev == device->dev)
			print_leg(&state->leg[i], devices);
}

static void print_states(const struct module_state *state, uint32_t dev)
{
	unsigned int in[SUPERDISK_STATE_FAILED + 1] = { 0 };

	for (size_t i = 0; i < state->legs; i++)
		if (state->leg[i].dev == dev &&
		    state->leg[i].state <= SUPERDISK_STATE_FAILED)
			in[state->leg[i].state]++;
	for (uint32_t s = 0; s <= SUPERDISK_STATE_FAILED; s++)
		if (in[s])
			printf("  %u %s", in[s], module_state_name(s));
	putchar('\n');
}

/* Keeps only @device in @state. */
static void keep_one(struct module_state *state,
		     const struct module_device *device)
{
	state->device[0] = *device;
	state->devices = 1;
}

static int show(const char *name, const char *usage, int max, bool brief,
		int argc, char **argv)
{
	const struct module_device *one = NULL;
	struct module_state *state;
	struct command_args args;
	struct devices *devices;
	struct module *module;
	int status = command_args_parse(argc, argv, usage, 0, max, &args);

	if (status)
		return status - 1;
	status = command_open_module(name, &module, &state);
	if (status)
		return status;
	module_close(module);
	if (args.count)
		one = command_find(state, name, args.operand[0]);
	status = args.count && !one ? EX_NOINPUT : EX_OK;
	if (one)
		keep_one(state, one);
	if (!status && devices_new("/sys", &devices))
		status = EX_OSERR;
	if (status) {
		mem_free(state);
		return status;
	}
	if (args.json)
		command_print_json(module_to_json(state, devices));
	for (size_t i = 0; !args.json && i < state->devices; i++) {
		const struct module_device *device = &state->device[i];

		if (brief) {
			printf("%-16s %-11s %-12s", device->name,
			       module_mode_name(device->mode),
			       devices_name(devices, device->disk_dev));
			print_states(state, device->dev);
		} else {
			print_device(state, device, devices);
		}
	}
	devices_free(devices);
	mem_free(state);
	return EX_OK;
}

int command_list(int argc, char **argv)
{
	return show("list", "usage: superdisk list [--json]\n"
		    "\nAll Super-Disks: name, mode, disk, state of the SSDs.\n",
		    0, true, argc, argv);
}

int command_status(int argc, char **argv)
{
	return show("status", "usage: superdisk status [--json] [NAME]\n"
		    "\nCounters and latencies of Super-Disks and their SSDs.\n",
		    1, false, argc, argv);
}

static void print_event(const struct module_event *event, void *ctx)
{
	const struct command_args *args = ctx;
	time_t now = time(NULL);
	char clock[32];
	struct tm local;

	if (args->json) {
		command_print_json(module_event_to_json(event));
		return;
	}
	localtime_r(&now, &local);
	strftime(clock, sizeof(clock), "%F %T", &local);
	printf("%s  %s  %s", clock, event->name,
	       module_event_name(event->event));
	if (event->leg >= 0)
		printf("  ssd %d", event->leg);
	if (event->event == SUPERDISK_EVENT_LEG_STATE)
		printf(" is %s", module_state_name(event->state));
	if (event->error)
		printf(" (%s)", strerror(-event->error));
	putchar('\n');
	fflush(stdout);
}

int command_events(int argc, char **argv)
{
	struct module_state *state;
	struct command_args args;
	struct module *module;
	int status = command_args_parse(argc, argv,
		"usage: superdisk events [--json]\n"
		"\nSays what happens to Super-Disks, until Ctrl-C.\n", 0, 0,
		&args);

	if (status)
		return status - 1;
	status = command_open_module("events", &module, &state);
	if (status)
		return status;
	mem_free(state);
	interrupts_catch();
	while (!interrupts_or(module_events_fd(module), -1))
		if (module_take_events(module, print_event, &args) == -ENOBUFS)
			fprintf(stderr, "superdisk events: some were lost\n");
	module_close(module);
	return EX_OK;
}

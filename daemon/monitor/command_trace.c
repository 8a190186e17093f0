// SPDX-License-Identifier: Apache-2.0
/* `superdisk trace`: each request to a Super-Disk, as it completes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "monitor/bpf_load.h"
#include "monitor/capabilities.h"
#include "monitor/clock.h"
#include "monitor/command.h"
#include "monitor/command_args.h"
#include "monitor/options.h"
#include "monitor/steps.h"
#include "monitor/terminal.h"
#include "monitor/text.h"
#include "path.skel.h"
#include "path_api.bpf.h"

#define TICK_MS 100
#define STEPS_SHOWN 3

static const char usage[] =
"usage: superdisk trace [options] [NAME]\n"
"\n"
"Each request to Super-Disk NAME (or to any) as it completes: what became of\n"
"it, how long it took, and each step of it: to which device, for how long, how\n"
"much of that it waited for the driver, and when after the request it began.\n"
"Fills and repairs that follow from requests, too.  Until Ctrl-C.\n"
"\n"
"  -s, --slower MS   only what took at least MS milliseconds, or failed\n"
"  -j, --json        one line a request\n"
"  -h, --help\n";

static const struct option long_options[] = {
	{ "slower", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct trace {
	const char *name;	/* borrowed from argv, or NULL */
	double slower_ms;
	bool json, help;
	struct devices *devices;
	struct path_bpf *skeleton;
	struct ring_buffer *ring;
	struct steps *steps;
};

static const char *op_name(uint8_t op)
{
	static const char *const names[] = {
		[SUPERDISK_OP_READ] = "read",
		[SUPERDISK_OP_WRITE] = "write",
		[SUPERDISK_OP_FLUSH] = "flush",
		[SUPERDISK_OP_DISCARD] = "discard",
		[SUPERDISK_OP_WRITE_ZEROES] = "zeroes",
	};

	return op < sizeof(names) / sizeof(names[0]) ? names[op] : "?";
}

static json_t *step_to_json(const struct trace *trace,
			    const struct path_record *r,
			    const struct path_step *step)
{
	return json_pack("{ss ss ss sI sI sI si}",
			 "device", devices_name(trace->devices, step->to),
			 "role", step->to == r->leg_dev ? "ssd" : "disk",
			 "direction", step->write ? "write" : "read",
			 "after_ns", (json_int_t)(step->start_ns - r->start_ns),
			 "queue_ns", (json_int_t)step->queue_ns,
			 "device_ns", (json_int_t)step->device_ns,
			 "status", (int)step->status);
}

static json_t *to_json(const struct trace *trace,
		       const struct steps_request *request)
{
	const struct path_record *r = &request->of;
	json_t *steps = json_array();

	for (size_t i = 0; i < request->count; i++)
		json_array_append_new(steps, step_to_json(trace, r,
							  &request->step[i]));
	return json_pack("{ss sI sI si ss ss si ss sI sI si so sb}",
			 "device", devices_name(trace->devices, r->dev),
			 "start_ns", (json_int_t)r->start_ns,
			 "sector", (json_int_t)r->sector,
			 "bytes", (int)r->bytes, "operation", op_name(r->op),
			 "path", module_path_name(r->path),
			 "position", (int)r->leg,
			 "ssd", r->leg_dev ?
				devices_name(trace->devices, r->leg_dev) : "",
			 "total_ns", (json_int_t)r->total_ns,
			 "ssd_ns", (json_int_t)r->ssd_ns,
			 "error", (int)r->error, "steps", steps,
			 "complete", request->complete);
}

/* "ssd 1 nvme1n1 read 85 us" and what of that it waited in the queue */
static void print_step(const struct trace *trace, const struct path_record *r,
		       const struct path_step *step)
{
	char text[TEXT_SIZE];

	if (step->to == r->leg_dev)
		printf("  ssd %d", r->leg);
	else
		printf("  disk");
	printf(" %s %s", devices_name(trace->devices, step->to),
	       step->write ? "write" : "read");
	if (step->status)
		printf(" failed");
	printf(" %s", text_time(step->queue_ns + step->device_ns, text));
	if (step->queue_ns)
		printf(" (queued %s)", text_time(step->queue_ns, text));
	printf(" at +%s", text_time(step->start_ns - r->start_ns, text));
}

/* Reading a repair back takes a step a page: the first ones will do. */
static void print_steps(const struct trace *trace,
			const struct steps_request *request)
{
	const struct path_record *r = &request->of;
	size_t shown = request->count < STEPS_SHOWN ? request->count :
						       STEPS_SHOWN;

	for (size_t i = 0; i < shown; i++) {
		printf(i ? "," : " ");
		print_step(trace, r, &request->step[i]);
	}
	if (shown < request->count)
		printf(" and %zu more", request->count - shown);
	if (!request->complete)
		printf("%s  no answer yet", request->count ? "," : " ");
}

static void print_request(const struct steps_request *request, void *ctx)
{
	const struct path_record *r = &request->of;
	const struct trace *trace = ctx;
	char bytes[TEXT_SIZE], total[TEXT_SIZE];

	if (trace->json) {
		command_print_json(to_json(trace, request));
		return;
	}
	printf("%-12s %-7s %12llu %8s  %-12s %8s", devices_name(trace->devices,
								r->dev),
	       op_name(r->op), (unsigned long long)r->sector,
	       text_bytes(r->bytes, bytes), module_path_name(r->path),
	       text_time(r->total_ns, total));
	print_steps(trace, request);
	if (r->error)
		printf("  %s", strerror(-r->error));
	putchar('\n');
}

static int take_piece(void *ctx, void *data, size_t size)
{
	const struct path_record *record = data;
	struct trace *trace = ctx;

	if (size == sizeof(struct path_record) && record->kind == PATH_REQUEST)
		steps_add_request(trace->steps, record, clock_monotonic_ns());
	else if (size == sizeof(struct path_step) && record->kind == PATH_STEP)
		steps_add_step(trace->steps, data, clock_monotonic_ns());
	return 0;
}

static int load(struct trace *trace, uint32_t dev)
{
	int err;

	trace->skeleton = path_bpf__open();
	if (!trace->skeleton)
		return -errno;
	trace->skeleton->rodata->only_dev = dev;
	trace->skeleton->rodata->only_ns = (uint64_t)(trace->slower_ms * 1e6);
	err = path_bpf__load(trace->skeleton);
	if (!err)
		err = path_bpf__attach(trace->skeleton);
	if (err)
		return err;
	trace->ring = ring_buffer__new(
		bpf_map__fd(trace->skeleton->maps.path_records), take_piece,
		trace, NULL);
	return trace->ring ? capabilities_drop(false) : -errno;
}

static void follow(struct trace *trace)
{
	int fd = ring_buffer__epoll_fd(trace->ring);

	while (!interrupts_or(fd, TICK_MS)) {
		ring_buffer__consume(trace->ring);
		steps_tick(trace->steps, clock_monotonic_ns());
		fflush(stdout);
	}
	ring_buffer__consume(trace->ring);
	steps_flush(trace->steps);
	fflush(stdout);
}

static void complain(const struct trace *trace)
{
	const struct path_bpf__bss *bss = trace->skeleton->bss;
	uint64_t lost = bss->path_lost + steps_lost(trace->steps) +
			bpf_load_misses(trace->skeleton->obj);

	if (lost)
		fprintf(stderr, "superdisk trace: %llu events lost\n",
			(unsigned long long)lost);
	if (bss->path_foreign)
		fprintf(stderr, "superdisk trace: the module is newer than "
			"this command\n");
}

static int run(struct trace *trace, uint32_t dev)
{
	char why[1024] = "";
	int err;

	trace->steps = steps_new(print_request, trace);
	if (!trace->steps)
		return EX_OSERR;
	bpf_load_begin();
	err = load(trace, dev);
	bpf_load_end(err, why, sizeof(why));
	if (err == -ENOENT)
		fputs("superdisk trace: the module dm-superdisk is not "
		      "loaded\n", stderr);
	else if (err)
		fprintf(stderr, "superdisk trace: %s\n", why);
	interrupts_catch();
	if (!err) {
		follow(trace);
		complain(trace);
	}
	ring_buffer__free(trace->ring);
	path_bpf__destroy(trace->skeleton);
	steps_free(trace->steps);
	return err ? EX_UNAVAILABLE : EX_OK;
}

static int take(int option, const char *argument, void *into, char *why,
		size_t why_size)
{
	struct trace *trace = into;
	char *end;

	switch (option) {
	case 's':
		trace->slower_ms = strtod(argument, &end);
		if (!*end && end != argument && trace->slower_ms >= 0)
			return 0;
		snprintf(why, why_size, "%s: not a number of milliseconds",
			 argument);
		return -EINVAL;
	case 'j':
		trace->json = true;
		return 0;
	default:
		trace->help = true;
		return 0;
	}
}

static int parse(int argc, char **argv, struct trace *trace, char *why,
		 size_t why_size)
{
	static const struct options options = { ":s:jh", long_options, take };
	int at = options_parse(&options, argc, argv, trace, why, why_size);

	if (at < 0)
		return at;
	if (argc - at > 1) {
		snprintf(why, why_size, "too many arguments: %s", argv[at + 1]);
		return -EINVAL;
	}
	trace->name = at < argc ? argv[at] : NULL;
	return 0;
}

int command_trace(int argc, char **argv)
{
	struct trace trace = { 0 };
	uint32_t dev = 0;
	char why[256];
	int status;

	if (parse(argc, argv, &trace, why, sizeof(why))) {
		fprintf(stderr, "superdisk trace: %s\n%s", why, usage);
		return EX_USAGE;
	}
	if (trace.help) {
		fputs(usage, stdout);
		return EX_OK;
	}
	if (devices_new("/sys", &trace.devices))
		return EX_OSERR;
	if (trace.name && devices_number(trace.devices, trace.name, &dev)) {
		fprintf(stderr, "superdisk trace: %s: no such device\n",
			trace.name);
		status = EX_NOINPUT;
	} else {
		status = run(&trace, dev);
	}
	devices_free(trace.devices);
	return status;
}

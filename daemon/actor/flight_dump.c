// SPDX-License-Identifier: Apache-2.0
/*
 * The recorder as text, one record a line.  A crash handler writes it, so only
 * what is safe in a signal handler is used here: no allocation, no stdio.  The
 * schedulers may go on meanwhile: a record that is overwritten while it is
 * read comes out mixed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "actor/flight.h"
#include "actor/inspect.h"
#include "actor/msg.h"

struct out {
	int fd;
	int err;
	size_t len;
	char text[4096];
};

static void flush(struct out *out)
{
	size_t at = 0;

	while (at < out->len && !out->err) {
		ssize_t n = write(out->fd, out->text + at, out->len - at);

		if (n < 0 && errno != EINTR)
			out->err = -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	out->len = 0;
}

static void put(struct out *out, const char *text)
{
	for (; *text; text++) {
		if (out->len == sizeof(out->text))
			flush(out);
		out->text[out->len++] = *text;
	}
}

static void put_number(struct out *out, const char *key, uint64_t n)
{
	char digits[21];
	size_t at = sizeof(digits) - 1;

	digits[at] = 0;
	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	put(out, key);
	put(out, digits + at);
}

static void put_value(struct out *out, int value)
{
	put(out, value < 0 ? " value=-" : " value=");
	put_number(out, "", (uint64_t)(value < 0 ? -value : value));
}

/* slot.generation */
static void put_ref(struct out *out, const char *key, uint64_t bits)
{
	actor_ref ref = { bits };

	put_number(out, key, ref_slot(ref));
	put_number(out, ".", ref_generation(ref));
}

/* The class, if the actor still lives. */
static void put_class(struct out *out, struct actor_system *sys, uint64_t bits)
{
	uint32_t slot = ref_slot((actor_ref){ bits });
	const struct actor_class *class;

	if (slot >= sys->max_actors || generation_of(&sys->slots[slot]) !=
				       ref_generation((actor_ref){ bits }))
		return;
	class = class_of(&sys->slots[slot]);
	if (!class)
		return;
	put(out, " class=");
	put(out, class->name);
}

static const char *const event_names[FLIGHT_EVENTS] = {
	[FLIGHT_NONE] = "none", [FLIGHT_SEND] = "send",
	[FLIGHT_BEGIN] = "begin", [FLIGHT_DONE] = "done",
	[FLIGHT_START] = "start", [FLIGHT_FAIL] = "fail",
	[FLIGHT_RESTART] = "restart", [FLIGHT_END] = "end",
};

static void put_type(struct out *out, uint16_t type)
{
	const struct actor_type *known = msg_type(type);

	if (!type)
		return;
	put_number(out, " type=", type);
	if (!known)
		return;
	put(out, ":");
	put(out, known->name);
}

static void put_record(struct out *out, struct actor_system *sys, int core,
		       const struct flight_record *r)
{
	if (r->event == FLIGHT_NONE || r->event >= FLIGHT_EVENTS)
		return;
	put_number(out, "", r->time_ns);
	put_number(out, " core=", (uint64_t)core);
	put(out, " event=");
	put(out, event_names[r->event]);
	put_ref(out, " actor=", r->actor);
	put_class(out, sys, r->actor);
	if (r->peer)
		put_ref(out, " peer=", r->peer);
	if (r->trace)
		put_number(out, " trace=", r->trace);
	put_type(out, r->type);
	put_value(out, r->value);
	put(out, "\n");
}

int actor_system_dump(struct actor_system *sys, int fd)
{
	struct out out = { .fd = fd };

	for (int core = 0; core < sys->cores; core++) {
		struct flight *flight = sys->scheds[core].flight;
		/* Acquire: the records.  Partner: flight_add(). */
		uint64_t next = atomic_load_explicit(&flight->next,
						     memory_order_acquire);
		uint64_t n = next < FLIGHT_RING ? next : FLIGHT_RING;

		for (uint64_t i = next - n; i < next; i++)
			put_record(&out, sys, core,
				   &flight->ring[i % FLIGHT_RING]);
	}
	flush(&out);
	return out.err;
}

void actor_system_trace(struct actor_system *sys, uint32_t every)
{
	atomic_store_explicit(&sys->trace_every, every, memory_order_relaxed);
}

/* One system, one file: set before the handlers are. */
static struct actor_system *crash_system;
static char crash_path[512];

/* The signal's default action follows: SA_RESETHAND. */
static void on_crash(int signal)
{
	int fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		      0600);

	if (fd >= 0) {
		actor_system_dump(crash_system, fd);
		close(fd);
	}
	raise(signal);
}

int actor_system_dump_on_crash(struct actor_system *sys, const char *path)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE,
				       SIGABRT };
	struct sigaction action = {
		.sa_handler = on_crash,
		.sa_flags = (int)SA_RESETHAND,
	};

	if (strlen(path) >= sizeof(crash_path))
		return -ENAMETOOLONG;
	strcpy(crash_path, path);
	crash_system = sys;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], &action, NULL))
			return -errno;
	return 0;
}

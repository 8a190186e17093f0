// SPDX-License-Identifier: Apache-2.0
/*
 * The exercises of actor_peer.c on CAF: actor_caf CORES CASE N prints
 * `wall_ns cpu_ns bytes`.
 */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <semaphore.h>
#include <string>
#include <unistd.h>
#include <vector>

#include <caf/all.hpp>

using namespace caf;

static std::atomic<uint64_t> done;
static uint64_t wanted;
static sem_t finished;

static void add_done(uint64_t by)
{
	if (done.fetch_add(by) + by == wanted)
		sem_post(&finished);
}

static uint64_t clock_ns(clockid_t id)
{
	timespec ts;

	clock_gettime(id, &ts);
	return uint64_t(ts.tv_sec) * 1000000000 + uint64_t(ts.tv_nsec);
}

static void wait_until_done()
{
	while (sem_wait(&finished))
		;
}

static uint64_t wall, cpu;

static void start_clock(uint64_t total)
{
	done = 0;
	wanted = total;
	wall = clock_ns(CLOCK_MONOTONIC);
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void print_clock(uint64_t bytes)
{
	std::printf("%lu %lu %lu\n", clock_ns(CLOCK_MONOTONIC) - wall,
		    clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu, bytes);
}

static behavior echo(event_based_actor *self)
{
	return { [=](put_atom, uint64_t round, const actor &from) {
		self->send(from, put_atom_v, round, actor(self));
	} };
}

struct player_state {
	uint64_t seen = 0;
};

static behavior player(stateful_actor<player_state> *self, uint64_t count)
{
	return { [=](put_atom, uint64_t round, const actor &from) {
		if (round != self->state.seen++)
			std::abort();
		if (self->state.seen == count)
			add_done(1);
		else
			self->send(from, put_atom_v, round + 1, actor(self));
	} };
}

static behavior listener(stateful_actor<player_state> *self)
{
	return { [=](add_atom, uint64_t round) {
		if (round != self->state.seen++)
			std::abort();
		add_done(1);
	} };
}

static void ping_pong(actor_system &sys, uint64_t n, uint64_t cores)
{
	std::vector<actor> players, echoes;

	for (uint64_t i = 0; i < cores; i++) {
		players.push_back(sys.spawn(player, n / 2 / cores));
		echoes.push_back(sys.spawn(echo));
	}
	start_clock(cores);
	for (uint64_t i = 0; i < cores; i++)
		anon_send(echoes[i], put_atom_v, uint64_t(0), players[i]);
	wait_until_done();
	print_clock(0);
}

static uint64_t resident()
{
	unsigned long pages = 0;
	FILE *f = std::fopen("/proc/self/statm", "r");

	if (!f || std::fscanf(f, "%*s %lu", &pages) != 1)
		std::abort();
	std::fclose(f);
	return pages * uint64_t(sysconf(_SC_PAGESIZE));
}

static std::vector<actor> spawn_all(actor_system &sys, uint64_t n)
{
	std::vector<actor> all;

	all.reserve(n);
	for (uint64_t i = 0; i < n; i++)
		all.push_back(sys.spawn(listener));
	return all;
}

static void spawn(actor_system &sys, uint64_t n)
{
	uint64_t before = resident();

	start_clock(1);
	auto all = spawn_all(sys, n);
	print_clock((resident() - before - n * sizeof(actor)) / n);
}

static behavior publisher(event_based_actor *self, std::vector<actor> *all)
{
	return { [=](get_atom, uint64_t round) {
		for (auto &one : *all)
			self->send(one, add_atom_v, round);
	} };
}

static void fan_out(actor_system &sys, uint64_t n)
{
	auto all = spawn_all(sys, n);
	auto source = sys.spawn(publisher, &all);

	for (uint64_t round = 0; round < 3; round++) {
		start_clock(n);
		anon_send(source, get_atom_v, round);
		wait_until_done();
	}
	print_clock(0);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	uint64_t cores = std::strtoull(argv[1], nullptr, 10);
	uint64_t n = std::strtoull(argv[3], nullptr, 10);
	std::string what = argv[2];
	actor_system_config cfg;

	sem_init(&finished, 0, 0);
	cfg.set("scheduler.max-threads", cores);
	actor_system sys{cfg};
	if (what == "ping")
		ping_pong(sys, n, cores);
	else if (what == "spawn")
		spawn(sys, n);
	else
		fan_out(sys, n);
	/* Ending a million actors is not measured. */
	std::fflush(stdout);
	_exit(0);
}

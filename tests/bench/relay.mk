# SPDX-License-Identifier: Apache-2.0
RELAY_SESSIONS ?= 10000

$(B)/bench/guild_relay_bench: tests/bench/guild_relay_bench.c \
		$(call archives,guild)
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) guild_relay_bench"
	@$(DCC) $(DCFLAGS) $^ $(call libs,guild) -o $@

.PHONY: bench-relay
## bench-relay: what a relay costs for each delivery (RELAY_SESSIONS=)
bench-relay: $(B)/bench/guild_relay_bench
	@$< $(RELAY_SESSIONS)

# A million sessions of one guild over simulated sockets, on one core and two.
SIMULATED_SESSIONS ?= 1000000
SIMULATED_ROUNDS ?= 3

$(B)/bench/fanout_simulated: tests/bench/fanout_simulated.c \
		$(B)/libguild.a $(call archives,gateway)
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) fanout_simulated"
	@$(DCC) $(DCFLAGS) $^ $(call libs,gateway) $(call libs,guild) -o $@

.PHONY: bench-million
## bench-million: a message to a million simulated sessions (SIMULATED_SESSIONS=)
bench-million: $(B)/bench/fanout_simulated
	@for cores in 1 2; do \
		$< $(SIMULATED_SESSIONS) $$cores $(SIMULATED_ROUNDS) || exit; \
	done | awk '{ print; fflush() } / sessions on / { cores = $$4 } \
		/ pending / { ms[$$1, cores] = $$3; cpu[$$1, cores] = $$12 } \
		END { for (n = 1; n <= 16; n += 15) \
			printf "%d pending: two cores are %.2f x one by the " \
			"clock, %.2f x by processor time\n", n, \
			ms[n, 1] / ms[n, 2], 2 * cpu[n, 1] / cpu[n, 2] }'

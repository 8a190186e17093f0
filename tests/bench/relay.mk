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

# SPDX-License-Identifier: Apache-2.0
# The runtime beside BEAM, CAF and a plain loop: one round at least, at most
# ACTOR_ROUNDS or what ACTOR_SECONDS allow, of sizes times ACTOR_SCALE.
ACTOR_ROUNDS ?= 5
ACTOR_SECONDS ?= 120
ACTOR_SCALE ?= 1

ACTOR_BENCHES = $(addprefix $(B)/tests/bench/actor_,peer caf raw)

$(B)/tests/bench/actor_peer: tests/bench/actor_peer.c $(call archives,actor) | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) actor_peer"
	@$(DCC) $(DCFLAGS) -MMD -MP -MF $@.d $(filter %.c %.a,$^) $(call libs,actor) -o $@

$(B)/tests/bench/actor_caf: tests/bench/actor_caf.cpp | bench-packages
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) actor_caf"
	@g++ -std=c++17 -O2 $< -lcaf_core -pthread -o $@

$(B)/tests/bench/actor_raw: tests/bench/actor_raw.c
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) actor_raw"
	@$(DCC) $(DCFLAGS) $< -o $@

.PHONY: bench-actors
## bench-actors: messages, spawns, fan-outs beside BEAM, CAF and a plain loop
bench-actors: $(ACTOR_BENCHES)
	@tests/bench/actor_bench.py --rounds $(ACTOR_ROUNDS) \
		--seconds $(ACTOR_SECONDS) --scale $(ACTOR_SCALE) $(ACTOR_BENCHES)

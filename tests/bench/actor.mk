# SPDX-License-Identifier: Apache-2.0
# The runtime beside BEAM and CAF.

ACTOR_ROUNDS ?= 5

$(B)/tests/bench/actor_peer: tests/bench/actor_peer.c $(call archives,actor) | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) actor_peer"
	@$(DCC) $(DCFLAGS) -MMD -MP -MF $@.d $(filter %.c %.a,$^) $(call libs,actor) -o $@

$(B)/tests/bench/actor_caf: tests/bench/actor_caf.cpp
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) actor_caf"
	@g++ -std=c++17 -O2 $< -lcaf_core -pthread -o $@

.PHONY: bench-actors
## bench-actors: messages, spawns and fan-outs beside BEAM and CAF
bench-actors: $(B)/tests/bench/actor_peer $(B)/tests/bench/actor_caf
	@tests/bench/actor_bench.py --rounds $(ACTOR_ROUNDS) $^

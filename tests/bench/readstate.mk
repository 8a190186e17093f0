# SPDX-License-Identifier: Apache-2.0
READSTATE_ARGS ?=

$(B)/tests/bench/readstate_bench: tests/bench/readstate_bench.c $(call archives,data) | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) readstate_bench"
	@$(DCC) $(DCFLAGS) -MMD -MP -MF $@.d $(filter %.c %.a,$^) $(call libs,data) -o $@

.PHONY: bench-readstate
## bench-readstate: stalls at 100,000 updates/s (READSTATE_ARGS="RATE SECONDS USERS DIR")
bench-readstate: $(B)/tests/bench/readstate_bench
	@$< $(READSTATE_ARGS)

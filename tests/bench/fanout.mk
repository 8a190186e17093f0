# SPDX-License-Identifier: Apache-2.0
# Cost of a delivery: for each number of sessions and of messages that wait
# together at most FANOUT_ROUNDS rounds, or FANOUT_SECONDS for each server.
FANOUT_SESSIONS ?= 1000,10000
FANOUT_PENDING ?= 1,16,64
FANOUT_ROUNDS ?= 9
FANOUT_SECONDS ?= 4

FANOUT = $(B)/bench/fanout_clients $(B)/bench/fanout_raw

$(FANOUT): $(B)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) $*"
	@$(DCC) $(DCFLAGS) $< -luring -o $@

.PHONY: bench-fanout
## bench-fanout: cost of a delivery, beside a raw loop and Node's ws (FANOUT_SESSIONS=)
bench-fanout: $(B)/bin/chatd $(FANOUT)
	@scripts/setup --npm
	@tests/bench/fanout.py --sessions $(FANOUT_SESSIONS) \
		--pending $(FANOUT_PENDING) --rounds $(FANOUT_ROUNDS) \
		--seconds $(FANOUT_SECONDS) $(B)/bin/chatd $(B)/bench

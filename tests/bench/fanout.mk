# SPDX-License-Identifier: Apache-2.0
FANOUT = $(B)/bench/fanout_clients $(B)/bench/fanout_raw

$(FANOUT): $(B)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) $*"
	@$(DCC) $(DCFLAGS) $< -luring -o $@

.PHONY: bench-fanout
## bench-fanout: cost of a delivery, beside a raw loop and Node's ws (FANOUT_ARGS=)
bench-fanout: $(B)/bin/chatd $(FANOUT)
	@scripts/setup --npm
	@tests/bench/fanout.py $(FANOUT_ARGS) $(B)/bin/chatd $(B)/bench

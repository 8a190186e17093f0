# SPDX-License-Identifier: Apache-2.0
HERD_ARGS ?=

$(B)/bench/herd_clients: tests/bench/herd_clients.c
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) herd_clients"
	@$(DCC) $(DCFLAGS) $< -o $@

.PHONY: bench-herd
## bench-herd: 2,000 readers after an @everyone, beside no coalescing and Varnish (HERD_ARGS=)
bench-herd: $(B)/bin/chatd $(B)/bench/herd_clients | bench-packages
	@tests/bench/herd.py $(HERD_ARGS) $(B)/bin/chatd $(B)/bench/herd_clients

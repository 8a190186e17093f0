# SPDX-License-Identifier: Apache-2.0
SEARCH_ARGS ?=

$(B)/tests/bench/search_bench: tests/bench/search_bench.c $(call archives,search) | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) search_bench"
	@$(DCC) $(DCFLAGS) -MMD -MP -MF $@.d $(filter %.c %.a,$^) $(call libs,search) -o $@

.PHONY: bench-search
## bench-search: indexing and searching beside plain SQLite FTS5 (SEARCH_ARGS="MESSAGES DIR")
bench-search: $(B)/tests/bench/search_bench
	@$< $(SEARCH_ARGS)

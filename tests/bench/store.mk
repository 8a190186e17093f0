# SPDX-License-Identifier: Apache-2.0
# The store beside its peers; they are linked with this program only.
ROWS ?= 5000000
STORE_BENCH = $(wildcard tests/bench/store_bench*.c)

$(B)/tests/bench/store_bench: $(STORE_BENCH) $(call archives,store) | $(GENERATED) bench-packages
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) store_bench"
	@$(DCC) $(DCFLAGS) -MMD -MP -MF $@.d $(filter %.c %.a,$^) \
		-lrocksdb -llmdb $(call libs,store) -o $@

.PHONY: bench-store
## bench-store: the store beside RocksDB, LMDB, SQLite, the raw device (ROWS= STORE_PART=appends|load|measure)
bench-store: $(B)/tests/bench/store_bench
	@$< $(O)/bench-store $(ROWS) $(or $(STORE_PART),all) $(STORE_ENGINES)

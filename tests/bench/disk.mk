# SPDX-License-Identifier: Apache-2.0
# Twice: on one CPU whose clock counts instructions, which says what a request
# costs, the same in every run; and on two CPUs as fast as they are emulated here,
# where other work on this machine shows.
DISK_CLOCKS ?= counted real
.PHONY: bench-disk
## bench-disk: Super-Disk beside stripe, disk, md, dm-cache, bcache, in the VM (DISK_CLOCKS=)
bench-disk: modules $(B)/bench/insn_load
	@for clock in $(DISK_CLOCKS); do \
		scripts/vm test --kernel 6.12 \
		$$([ $$clock = real ] || echo --icount) \
		--deadline 3600 --program $(B)/bench/insn_load \
		--module $(call KMOD_KO,6.12) tests/bench/disk.sh || exit; done

INSNS = $(O)/bench/insns

$(B)/bench/insn_load: tests/bench/insn_load.c tests/bench/insn_mark.h
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) insn_load"
	@$(DCC) $(DCFLAGS) $< -o $@

$(B)/bench/insn_plugin.so: tests/bench/insn_plugin.c tests/bench/insn_mark.h
	@mkdir -p $(@D)
	@echo "  BENCH   $(VARIANT) insn_plugin.so"
	@$(DCC) $(DCFLAGS) -shared -fPIC -fvisibility=hidden $< -o $@

.PHONY: profile-disk
## profile-disk: instructions of a hit, a durable write, a miss, by function of the kernel
profile-disk: modules $(B)/bench/insn_load $(B)/bench/insn_plugin.so
	@mkdir -p $(O)/bench
	@scripts/vm test --kernel 6.12 --icount \
		--plugin $(B)/bench/insn_plugin.so,out=$(INSNS) \
		--program $(B)/bench/insn_load --module $(call KMOD_KO,6.12) \
		tests/bench/disk_insns.sh > $(INSNS).report || \
		{ cat $(INSNS).report; exit 1; }
	@tests/bench/disk_insns.py 6.12 $(INSNS) $(INSNS).report $(call KMOD_KO,6.12)

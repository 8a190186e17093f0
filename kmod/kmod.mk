# SPDX-License-Identifier: GPL-2.0-only
# The kernel module, built in $(O)/kmod-<version> through a tree of symbolic
# links, so that nothing is generated among the sources; and its pure core as
# a library for tests in user space.

# 2: sparse looks at every file; 0: not at all.
SPARSE ?= 2

# $(call KMOD_KO,SERIES): the module for Debian's kernel of that series.
KMOD_KO = $(O)/kmod-$(1)/dm-superdisk.ko

.PHONY: modules
## modules: build dm-superdisk.ko for Debian's kernels, or for KDIR=...
modules:
ifdef KDIR
	@kmod/build "$(KDIR)" "$(O)" "" $(SPARSE)
else
	@$(foreach s,$(KERNEL_SERIES),kmod/build $(call KERNEL_BUILD,$(s)) \
		$(O) $(s) $(SPARSE) &&) true
endif

KMOD_CORE = args cache format ghost guard heat hedge index intent map message meta \
	plan policy policy_s3fifo policy_sieve recover stream
KMOD_CORE_DIR = $(O)/$(VARIANT)/kmod
KMOD_CORE_ARCHIVE = $(KMOD_CORE_DIR)/libkmod.a
KMOD_CORE_CFLAGS = -Ikmod

$(KMOD_CORE_ARCHIVE): $(KMOD_CORE:%=$(KMOD_CORE_DIR)/%.o)
	@rm -f $@
	@ar rcs $@ $^

$(KMOD_CORE_DIR)/%.o: kmod/%.c
	@mkdir -p $(@D)
	@echo "  CC      $(VARIANT) $<"
	@$(DCC) $(DCFLAGS) $(KMOD_CORE_CFLAGS) -MMD -MP -c $< -o $@

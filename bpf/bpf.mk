# SPDX-License-Identifier: GPL-2.0-only
# The eBPF programs: one object per family, relocated on the machine that runs
# it (CO-RE), so neither root nor any kernel's BTF is needed here; and the
# skeleton header of each, by which daemon/monitor loads it.

BPF_CLANG = clang
BPF_ARCH_x86_64 = x86
BPF_ARCH_aarch64 = arm64
# v3: compare-and-swap, on which the tables of things in flight rest.
BPF_CFLAGS = -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter \
	$(if $(CI),-Werror) -D__TARGET_ARCH_$(BPF_ARCH_$(shell uname -m)) \
	-idirafter /usr/include/$(shell gcc -dumpmachine) -Ikmod/uapi

BPF_FAMILIES = $(patsubst bpf/%.bpf.c,%,$(wildcard bpf/*.bpf.c))
BPF_SKELETONS = $(BPF_FAMILIES:%=$(O)/$(VARIANT)/include/%.skel.h)
GENERATED += $(BPF_SKELETONS)

$(O)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	@echo "  BPF     $<"
	@$(BPF_CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(O)/$(VARIANT)/include/%.skel.h: $(O)/bpf/%.bpf.o
	@mkdir -p $(@D)
	@PATH="$$PATH:/usr/sbin" bpftool gen skeleton $< name $(*)_bpf > $@

.SECONDARY: $(BPF_FAMILIES:%=$(O)/bpf/%.bpf.o)

.PHONY: bpf
## bpf: build the eBPF programs and their skeletons
bpf: $(BPF_SKELETONS)

# superdiskd carries its status page in it.
$(O)/$(VARIANT)/daemon/monitor/page.o: daemon/monitor/status.html

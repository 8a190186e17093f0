# SPDX-License-Identifier: Apache-2.0
# Commands that are scripts, and what they need to know.

# Kernels that scripts/setup unpacked: $(call KERNEL_BUILD,6.1) is the KDIR of
# Debian's 6.1, and so on.
KERNEL_CACHE = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/superdisk/kernels
KERNEL_SERIES = 6.1 6.12
KERNEL_BUILD = $(KERNEL_CACHE)/$(1)/build

.PHONY: setup
## setup: install the Debian packages and kernels that all this needs
setup:
	@scripts/setup

# Of benchmarks' programs an order-only prerequisite.
.PHONY: bench-packages
bench-packages:
	@scripts/setup --bench

.PHONY: compile-commands
## compile-commands: compile_commands.json for clangd and other editors
compile-commands:
	+@mkdir -p $(O)
	+@bear --output $(O)/compile_commands.json -- \
		$(MAKE) --no-print-directory O=$(O)/bear daemons test-unit test-sim
	@rm -rf $(O)/bear

.PHONY: run
## run: set up, build, start chatd on 127.0.0.1:8080 (DATA=, ARGS=)
run:
	@scripts/run $(ARGS)

# Which of KERNEL_SERIES make vm boots.
VM_KERNEL ?= 6.1

.PHONY: vm
## vm: the whole system in QEMU: Super-Disk, chatd, superdiskd, a shell
vm:
	@scripts/setup --packages --kernels
	+@$(MAKE) --no-print-directory -s VARIANT=release daemons modules
	@scripts/vm shell --kernel $(VM_KERNEL) --forward 8080 --forward 9650 \
		--module $(call KMOD_KO,$(VM_KERNEL)) --tool curl \
		$(MAINS:%=--program $(O)/release/bin/%) scripts/guest/system.sh

VERSION = 0.1.0
PREFIX ?= /usr/local
UNIT_DIR ?= $(PREFIX)/lib/systemd/system
MAN_PAGES = $(wildcard daemon/*.[1-8] kmod/*.[1-8])
# Commands of anybody go to bin, daemons to sbin.
COMMANDS = $(filter-out %d,$(MAINS))
DAEMONS = $(filter %d,$(MAINS))
DEST = $(DESTDIR)$(PREFIX)
MODULE_DEST = $(DESTDIR)/usr/src/superdisk-$(VERSION)

.PHONY: install install-module
## install: daemons, commands, man pages and units (DESTDIR=, PREFIX=)
install: all
	@for f in $(COMMANDS); do install -D -t $(DEST)/bin $(B)/bin/$$f || exit; done
	@for f in $(DAEMONS); do install -D -t $(DEST)/sbin $(B)/bin/$$f || exit; done
	@for f in $(MAN_PAGES); do \
		install -D -m 644 -t $(DEST)/share/man/man$${f##*.} $$f || exit; done
	@for f in $(wildcard scripts/systemd/*); do \
		install -d $(DESTDIR)$(UNIT_DIR) && \
		sed 's,@PREFIX@,$(PREFIX),g' $$f > \
			$(DESTDIR)$(UNIT_DIR)/$${f##*/} || exit; done
	@echo "  INSTALL $(DEST)"

## install-module: the module's source, for dkms to build (DESTDIR=)
install-module:
	@for f in Kbuild $(wildcard kmod/*.[ch] kmod/selftest/*.[ch] kmod/uapi/*.h); do \
		install -D -m 644 $$f $(MODULE_DEST)/$$f || exit; done
	@sed 's,@VERSION@,$(VERSION),g' scripts/dkms.conf > $(MODULE_DEST)/dkms.conf
	@echo "  INSTALL $(MODULE_DEST), next: dkms install superdisk/$(VERSION)"

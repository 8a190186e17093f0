# SPDX-License-Identifier: GPL-2.0-only
# The kernel module.  It is built in $(O)/kmod-<version>, through a tree of
# symbolic links, so that nothing is generated among the sources.

# Build trees of the installed kernels; KDIR=... names one.
KDIRS := $(if $(KDIR),$(KDIR),$(wildcard /lib/modules/*/build))
# 2: sparse looks at every file; 0: not at all.
SPARSE ?= 2

.PHONY: modules

## modules: build dm-superdisk.ko for every installed kernel, or KDIR=...
modules:
	@for k in $(KDIRS); do kmod/build "$$k" "$(O)" $(SPARSE) || exit 1; done

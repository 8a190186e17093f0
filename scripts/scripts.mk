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

# SPDX-License-Identifier: Apache-2.0
# Superdisk: see `make help`.  Each part of the tree describes its own build in
# a fragment beside its sources; this file only names the commands.

# All generated files live below this one ignored folder.  Two builds that run
# at the same time take an O of their own (make O=.build/mine ...).
O ?= .build
# release, asan (address + undefined behaviour) or tsan.
VARIANT ?= release

export O
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

include scripts/scripts.mk
include kmod/kmod.mk
include bpf/bpf.mk
include daemon/daemon.mk
include tests/tests.mk

.PHONY: help all clean install

## help: list the commands
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | sort | \
		awk -F': ' '{ printf "  %-18s %s\n", $$1, $$2 }'

## all: build the daemons, the commands and the eBPF programs
all: daemons

## clean: remove everything that was built
clean:
	rm -rf -- $(O)

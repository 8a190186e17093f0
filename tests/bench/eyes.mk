# SPDX-License-Identifier: Apache-2.0
.PHONY: bench-eyes
## bench-eyes: what measuring costs, block I/O beside biolatency, and sockets
bench-eyes: $(B)/bin/superdisk $(B)/tests/kernel/talk | bench-packages
	@PATH="$$PATH:/usr/sbin" tests/bench/eyes.py $^

# Twice, both emulated: on two CPUs, where other work on this machine shows too;
# and on one whose clock counts instructions, where nothing disturbs, and p99 is
# wanted within 1.5 times what it was.
.PHONY: bench-loop
## bench-loop: read latency before, with and around an SSD that turns slow
bench-loop:
	+@$(MAKE) --no-print-directory VARIANT=release \
		$(if $(KMOD_KO),modules) test-guest
	@for clock in "" --icount; do scripts/vm test --kernel 6.12 $$clock \
		$(addprefix --program ,$(call in,release,$(GUEST_PROGRAMS))) \
		$(addprefix --module ,$(call KMOD_KO,6.12)) \
		tests/kernel/eyes_loop.sh || exit; done

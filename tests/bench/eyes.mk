# SPDX-License-Identifier: Apache-2.0
.PHONY: bench-eyes
## bench-eyes: what measuring costs, block I/O beside biolatency, and sockets
bench-eyes: $(B)/bin/superdisk $(B)/tests/kernel/talk | bench-packages
	@PATH="$$PATH:/usr/sbin" tests/bench/eyes.py $^

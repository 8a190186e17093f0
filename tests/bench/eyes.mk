# SPDX-License-Identifier: Apache-2.0
.PHONY: bench-eyes
## bench-eyes: what measuring block I/O costs, beside biolatency
bench-eyes: $(B)/bin/superdisk
	@PATH="$$PATH:/usr/sbin" tests/bench/eyes.py $<

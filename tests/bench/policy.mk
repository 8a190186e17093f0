# SPDX-License-Identifier: Apache-2.0
POLICY_ARGS ?= 1 2000000

.PHONY: bench-policy
## bench-policy: hit rates and SSD writes of the policies beside LRU, FIFO and the optimum
bench-policy: $(B)/tests/sim/kmod_policy_sim
	@$< $(POLICY_ARGS)

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fails before the power goes, and not after.
. ./lib.sh

if [[ $phase -eq 1 ]]; then
	is two_is_three 2 3
	power_cut 2
fi
is all_is_well 1 1
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A test that fails.
. ./lib.sh
is one_is_two 1 2
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a case is when nothing is wrong: it passes after each of the others.
. ./lib.sh
pass is_alive
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Never ends.
# vm: timeout=3
. ./lib.sh
pass got_here
sleep infinity

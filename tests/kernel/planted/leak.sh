#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kernel must complain.
. ./lib.sh
not_ok is_committed insmod /lib/superdisk/planted.ko bug=leak
done_testing

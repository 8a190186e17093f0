#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Finds that it cannot go on.
. ./lib.sh
must false
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An SSD vanishes under load and returns under another name: superdiskd knows
# it again and takes it in, once.
# vm: timeout=400 tools=jq
# shellcheck disable=SC2317,SC2154 # lib.sh calls and sets them
. ./lib.sh

log=/tmp/superdiskd.log

state_of() {
	superdisk status --json fast | jq -r ".[0].ssds[$1].state"
}

state_is() {
	[[ $(state_of "$1") == "$2" ]]
}

# share POSITION: of its pages that are valid, in percent
share() {
	superdisk status --json fast |
		jq ".[0].ssds[$1] | 100 * .pages_valid / .pages_total | floor"
}

# The disk is smaller than its SSDs: full is what is left of them.
is_warm() {
	[[ $(share "$1") -ge 75 ]]
}

# bus_of DEVICE: its virtio device; bind/unbind is the hand that pulls it out
bus_of() {
	basename "$(readlink -f "/sys/block/${1##*/}/device")"
}

read_all() {
	dd if=/dev/mapper/fast of=/dev/null bs=64k iflag=direct status=none
}

# fails_by_reading POSITION: errors take it out of service
fails_by_reading() {
	read_all
	state_is "$1" failed
}

must load_module dm-superdisk
must virtio_disk ssd0
must virtio_disk ssd1
make_disk disk0 48 200000
must dd if=/dev/zero of="$ssd0" bs=1M count=1 oflag=direct status=none
must dd if=/dev/zero of="$ssd1" bs=1M count=1 oflag=direct status=none
must superdisk create fast "$disk0" "$ssd0" "$ssd1" --mode mirror
start superdiskd --listen none --socket /tmp/sock --no-block --state none 2> $log
daemon=$!
must wait_for 60 grep -q 'module_found' $log
ok finds_them_blank wait_for 60 grep -q 'warm .*why="blank ssd=' $log
must read_all
must wait_for 60 is_warm 1

bus=$(bus_of "$ssd1")
old=$ssd1
must sh -c "echo $bus > /sys/bus/virtio/drivers/virtio_blk/unbind"
must wait_for 120 fails_by_reading 1
ok serves_without_it read_all
is does_not_take_in_what_is_not_there "$(grep -c 'care readd ' $log)" 0
must sh -c "echo $bus > /sys/bus/virtio/drivers/virtio_blk/bind"
must wait_for 20 virtio_disk ssd1
note "it was $old and is $ssd1"
ok takes_it_in_again wait_for 120 state_is 1 in
is once "$(grep -c 'care readd ' $log)" 1
note "$(grep 'care readd ' $log)"
like with_its_reason "$(grep 'care readd ' $log)" 'good_probes=5'
must read_all
ok which_then_fills wait_for 60 is_warm 1
kill -TERM $daemon
wait $daemon
must superdisk remove fast
done_testing

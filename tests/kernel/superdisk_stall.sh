#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The machine stands still, as it does while it is moved to another host: its
# clock says then that its SSDs have been silent for longer than they may be.
# vm: timeout=120
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

sd=/dev/mapper/sd
make_disk disk0 4 100000
make_mortal ssd0 8 20000
must load_module dm-superdisk
must blocks write "$disk0" 1

# stand_still SECONDS: the host stops this machine, whose clock goes on.
stand_still() {
	host_start bash -c "'vm=\$(pgrep -P \$PPID qemu) && kill -STOP \$vm && sleep $1; kill -CONT \$vm'"
	host_wait
}

# under_way READS WRITES
under_way() {
	[[ "$(xargs < "/sys/block/$(dmsetup info -c --noheadings \
		-o blkdevname sd)/inflight")" == $1\ $2 ]]
}

all_valid() {
	blocks verify $sd 1 && ssd_is sd 0 valid 1024/1024
}

# Half of timeout_ms is left to the SSD when the machine goes on.
bound=16	# soft lockups are reported after 20 s
slow=${patience:-1}
must super_create sd "$disk0" "$ssd0" timeout_ms ${bound}000 read_ms $((500 * slow))
must wait_for 60 all_valid
must hang_ssd ssd0
start blocks verify $sd 1 0 16
reader=$!
must wait_for 10 under_way 1 0
start blocks write $sd 2 512 16	# its intent is metadata
writer=$!
must wait_for 10 under_way "[01]" 1
pause $slow.5	# until the read has left for the disk, and some looks
must stand_still $((bound + 1))
pause 0.8
must unhang_ssd ssd0
ok a_read_is_answered wait $reader
ok and_a_write wait $writer
is the_ssd_is_in_service "$(ssd_field sd 0 state)" in
ok all_agrees blocks same $sd "$disk0"
must dmsetup remove sd
ok unloads rmmod dm-superdisk
done_testing

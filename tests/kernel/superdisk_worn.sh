#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An SSD that is worn out takes no more writes; one whose superblock cannot be
# read is not a blank one.  Its driver has words of its own for either.  And one
# whose driver takes its time.
# vm: timeout=300 tools=fio
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

# worn_is WORD VALUE: of the driver
worn_is() {
	echo "$2" > "/sys/module/scsi_debug/parameters/$1"
}

find_worn() {
	worn=$(ls /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block)
	[[ -b /dev/$worn ]]
}

make_nullb disk0 8 1000 poll_queues=1
must modprobe sd_mod
must modprobe scsi_debug dev_size_mb=16 ndelay=50000 submit_queues=2 poll_queues=1
must wait_for 20 find_worn
worn=/dev/$worn
must load_module dm-superdisk
must blocks write "$disk0" 1
sd=/dev/mapper/sd

all_valid() {
	ssd_is sd 0 valid 2048/2048
}

# Reads alone go on: only its metadata tells.  What must be stored is that the
# first page went bad.  It is not repaired, which would need an intent as well:
# only a part of it is read.
must super_create sd "$disk0" "$worn" checkpoint_ms 100
must blocks verify $sd 1
must wait_for 20 all_valid
must dd if=/dev/urandom of="$worn" bs=4k seek=256 count=1 oflag=direct status=none
must worn_is wp 1
part() {
	dd if="$1" bs=512 count=1 iflag=direct status=none
}
ok reads_go_on cmp <(part $sd) <(part "$disk0")
ok it_is_taken_out wait_for 20 ssd_is sd 0 state failed
ok all_is_right blocks verify $sd 1
ok the_disk_is_written blocks write $sd 2
ok and_right blocks verify $sd 2
must worn_is wp 0
must dmsetup remove sd

# A read that polls is left behind like any other when its driver takes a second.
# That can be changed when the driver has nothing to do.
driver=/sys/bus/pseudo/drivers/scsi_debug
polled_is_left_behind() {
	fio --name=p --filename=$sd --direct=1 --ioengine=io_uring --hipri=1 \
		--rw=randread --bs=4k --size=8M --number_ios=1 --minimal \
		--output=/dev/null && [[ $(ssd_field sd 0 overdue) -gt 0 ]]
}
must super_create sd "$disk0" "$worn" attach discard read_ms 100 timeout_ms 600000
must blocks verify $sd 2
must wait_for 20 all_valid
note "polled: $(cat /sys/block/dm-*/queue/io_poll)"
must wait_for 60 eval "echo 999999999 > $driver/ndelay"
ok a_polled_read_is_left_behind wait_for 60 polled_is_left_behind
must wait_for 60 eval "echo 50000 > $driver/ndelay"
must dmsetup remove sd

# Both copies of its superblock.
must super_create sd "$disk0" "$worn" attach discard
must blocks verify $sd 2
must wait_for 20 all_valid
must dmsetup remove sd
must worn_is medium_error_start 0
must worn_is medium_error_count 16
must eval "echo 2 > $driver/opts"
not_ok nobody_can_read_it dd if="$worn" of=/dev/null bs=4k count=1 iflag=direct
must super_create sd "$disk0" "$worn"
like it_starts_cold_and_says_why "$(dmesg | tail -n 20)" \
	"SSD 0 \([^)]*\) starts cold: its superblock cannot be read"
ok the_disk_serves blocks verify $sd 2
ok removes dmsetup remove sd
must eval "echo 0 > $driver/opts"
must rmmod scsi_debug

# Encrypted ones answer from a task, which may be held up after it has handed a
# read on: by the time it goes on the device is gone.
must has_target crypt
for i in 0 1; do
	make_ssd raw$i 16
	raw=raw$i
	must dmsetup create locked$i --table "0 $(sectors ${!raw}) crypt \
		aes-cbc-plain64 $(printf %032x 7) 0 ${!raw} 0"
done
both_valid() {
	ssd_is sd 0 valid 1024/1024 && ssd_is sd 1 valid 1024/1024
}
must super_create sd "$disk0" "/dev/mapper/locked0 /dev/mapper/locked1" \
	read_ms off
must blocks verify $sd 2
must wait_for 20 both_valid
readers=()
for i in 0 1; do
	must dd if=/dev/urandom of=/dev/mapper/locked$i bs=4k seek=256 count=1 \
		oflag=direct status=none
	blocks verify $sd 2 $((i * 16)) 1 &
	readers+=($!)
done
ok bad_pages_are_served wait "${readers[0]}"
ok and_of_the_other_one wait "${readers[1]}"
ok goes_at_once dmsetup remove sd
ok and_what_it_stood_on dmsetup remove locked0 locked1
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SSDs that take requests and answer none, several at once, also with every
# request slot of their driver taken: writes, status and commands go on.
# vm: timeout=400 tools=fio
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

SLOTS=128	# requests that a loop device holds

make_disk disk0 32 200000
make_mortal ssd0 24
make_mortal ssd1 24
must make_loop loop0 $ssd0
must make_loop loop1 $ssd1
must load_module dm-superdisk
must blocks write "$disk0" 1
must super_create sd "$disk0" "$loop0 $loop1" timeout_ms 2000 read_ms 100 \
	checkpoint_ms 600000 buffer_kib 2048
sd=/dev/mapper/sd
half=$((32 << 20 >> 13))

all_valid() {
	ssd_is sd 0 valid $half/$half && ssd_is sd 1 valid $half/$half
}

# A fill may be dropped: then the next read fills.
warm_up() {
	blocks verify $sd 1 && all_valid
}
must wait_for 60 warm_up

# Both hang at once: none is a witness for the other.
must hang_ssd ssd0
must hang_ssd ssd1
ok writes_go_on within 60 blocks write $sd 2 0 16
ok both_are_taken_out wait_for 30 eval "ssd_is sd 0 state failed &&
	ssd_is sd 1 state failed"
ok status_answers within 20 dmsetup status sd
ok everything_is_written within 60 blocks write $sd 3
ok and_read within 60 blocks verify $sd 3
ok as_on_the_disk blocks verify "$disk0" 3

# They wake up: what they say now is late, and none of it is believed.
must unhang_ssd ssd0
must unhang_ssd ssd1
must wait_for 60 dmsetup message sd 0 replace 0 "$loop0"
must wait_for 60 dmsetup message sd 0 replace 1 "$loop1"
ok late_answers_do_no_harm blocks verify $sd 3

# One hangs with more writes than its driver can hold: none of them waits for
# its intent, which is there already.
must blocks write $sd 3
must hang_ssd ssd0
start fio --name=r --filename=$sd --direct=1 --ioengine=libaio --iodepth=8 \
	--rw=randread --bs=4k --size=32M --time_based --runtime=600 --thread \
	--minimal --output=/dev/null
reader=$!
ok many_writes_are_not_delayed within 60 fio --name=w --filename=$sd --direct=1 \
	--ioengine=libaio --iodepth=$((SLOTS * 3)) --rw=randwrite --bs=4k \
	--size=32M --io_size=8M --verify=crc32c --do_verify=0 --minimal \
	--output=/dev/null
# It refuses the reads at once, which is no answer.
ok a_driver_that_is_full_is_silent wait_for 60 ssd_is sd 0 state failed
kill $reader
wait $reader
# What waits for room in it holds up nothing of the other one, and its copies, more
# than there are pages for, leave some for that one's.
must dd if=/dev/zero of=$sd bs=512 seek=128 count=1 oflag=direct conv=notrunc status=none
other_is_full() {
	blocks same $sd "$disk0" && ssd_is sd 1 valid $half/$half
}
ok the_other_one_is_filled wait_for 60 other_is_full
must unhang_ssd ssd0
ok disk_and_ssds_agree blocks same $sd "$disk0"
ok removes within 60 dmsetup remove sd

# A driver that cannot say that it is full is asked by those that may wait.
must has_target delay
must dmsetup create mute --table "0 $(sectors "$loop0") delay $loop0 0 0"
must super_create sd "$disk0" "/dev/mapper/mute $loop1" timeout_ms 60000 \
	read_ms 100 read_kib 32768 checkpoint_ms 600000 attach discard warm 1000000
must wait_for 60 all_valid
must blocks write $sd 3
must wait_for 60 all_valid
must hang_ssd ssd0
ok writes_do_not_wait_for_a_mute_driver within 60 fio --name=w --filename=$sd \
	--direct=1 --ioengine=libaio --iodepth=$((SLOTS * 3)) --rw=randwrite \
	--bs=4k --size=16M --io_size=4M --verify=crc32c --do_verify=0 --minimal \
	--output=/dev/null
ok nor_do_reads within 60 fio --name=r --filename=$sd --direct=1 \
	--ioengine=libaio --iodepth=$((SLOTS * 3)) --rw=randread --bs=4k \
	--offset=16M --size=16M --number_ios=$((SLOTS * 8)) --minimal \
	--output=/dev/null
must unhang_ssd ssd0
ok both_agree_behind_a_mute_driver blocks same $sd "$disk0"
ok removes_a_mute_one within 60 dmsetup remove sd
must dmsetup remove mute

# Without read_ms those that found no room in the driver wait until it is taken
# out, though whoever tries again for them is held up by it.
must super_create sd "$disk0" "$loop0 $loop1" timeout_ms 2000 read_ms off \
	hedge_us 5000 read_kib 32768 attach discard warm 1000000
must wait_for 60 all_valid
must hang_ssd ssd0
ok reads_go_on_when_it_is_out within 60 fio --name=r --filename=$sd --direct=1 \
	--ioengine=libaio --iodepth=$((SLOTS * 3)) --rw=randread --bs=4k \
	--size=32M --number_ios=$((SLOTS * 8)) --minimal --output=/dev/null
must unhang_ssd ssd0
ok removes_again within 60 dmsetup remove sd
done_testing

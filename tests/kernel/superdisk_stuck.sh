#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SSDs that hang while the device is created, suspended, resumed or changed:
# nobody waits for them longer than a bound, and what they missed is not
# believed when they answer again.
# vm: timeout=300 tools=fio
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

make_nullb disk0 16 100000 poll_queues=1
for i in 0 1; do
	make_nullb raw_ssd$i 24 20000 poll_queues=1	# one can hold all
	raw=raw_ssd$i
	must dmsetup create ssd$i --table "0 $(sectors ${!raw}) linear ${!raw} 0"
	printf -v ssd$i %s /dev/mapper/ssd$i
done
must load_module dm-superdisk
must blocks write "$disk0" 1
sd=/dev/mapper/sd
half=$((16 << 20 >> 13))

create() {
	super_create sd "$disk0" "$ssd0 $ssd1" warm 1000000 verify off "$@"
}

all_valid() {
	ssd_is sd 0 valid $half/$half && ssd_is sd 1 valid $half/$half
}

# Until its driver has given back what it was sent, that is refused.
replace() {
	dmsetup message sd 0 replace "$1" "$2"
}

# --- created, resumed, removed ----------------------------------------------

must hang_ssd ssd0
ok it_is_created within 60 create timeout_ms 500
is the_ssd_that_hangs_is_left_out "$(ssd_field sd 0 state)" failed
is the_other_serves "$(ssd_field sd 1 state)" in
ok the_disk_is_served within 60 blocks verify $sd 1
ok it_is_suspended within 60 dmsetup suspend sd
ok it_is_resumed within 60 dmsetup resume sd
not_ok it_is_not_replaced_while_it_hangs within 60 replace 0 "$ssd0"
must unhang_ssd ssd0
ok when_it_answers_it_is wait_for 60 replace 0 "$ssd0"
ok and_it_fills wait_for 60 all_valid

# Nothing is left to store: that it hangs is seen by a read alone.  It is taken
# out, answers, and goes before anybody is told of its end.
must dmsetup suspend sd
must dmsetup resume sd
must all_valid
must hang_ssd ssd0
start dd if=$sd of=/dev/null bs=4k count=1 iflag=direct status=none
ok what_answers_no_read_is_taken_out wait_for 30 ssd_is sd 0 state failed
must unhang_ssd ssd0
ok when_it_has_failed_it_may_go wait_for 30 dmsetup message sd 0 remove 0
ok nobody_misses_it blocks verify $sd 1

# It hangs while both are warmed.
must dmsetup remove sd
must super_create sd "$disk0" "$ssd0 $ssd1" verify off timeout_ms 500 \
	attach discard
must hang_ssd ssd0
must dmsetup message sd 0 warm 1000000
ok it_does_not_keep_the_other_cold wait_for 60 ssd_is sd 1 valid $half/$half
must unhang_ssd ssd0
must wait_for 60 replace 0 "$ssd0"
must wait_for 60 all_valid

# It hangs in service, with writes that it has not answered.
must hang_ssd ssd0
start blocks write $sd 2 0 64
ok it_is_suspended_over_writes within 60 dmsetup suspend sd
ok it_is_resumed_over_writes within 60 dmsetup resume sd
is then_it_is_left_out "$(ssd_field sd 0 state)" failed
ok goes_on_without_it within 60 blocks write $sd 2
ok the_table_is_reloaded within 60 dmsetup reload sd --table \
	"$(dmsetup table sd)"
must unhang_ssd ssd0
ok and_resumed within 60 dmsetup resume sd
is what_missed_writes_is_not_believed "$(ssd_field sd 0 misses)" 0
ok reads_are_right blocks verify $sd 2
must dmsetup remove sd

# Metadata is answered, data is not, and the table is replaced once and again: what
# the first one has sent may still land, so nobody takes the SSD meanwhile.
must dmsetup create data --table "0 $(($(sectors $raw_ssd0) - 2048)) linear $raw_ssd0 2048"
dmsetup create parted <<- END
	0 2048 linear $raw_ssd0 0
	2048 $(($(sectors $raw_ssd0) - 2048)) linear /dev/mapper/data 0
END
must super_create sd "$disk0" /dev/mapper/parted verify off timeout_ms 500 \
	checkpoint_ms 600000 attach discard
table=$(dmsetup table sd)
must hang_ssd data
must blocks write $sd 2 0 64
ok what_hangs_is_taken_out wait_for 30 ssd_is sd 0 state failed
must dmsetup reload sd --table "$table"
must dmsetup suspend sd
start dmsetup resume sd	# and takes the first one away, which waits
first=$!
is_active() {
	[[ $(dmsetup status sd) == *" superdisk 1 active "* ]]
}
ok its_successor_is_active wait_for 30 is_active
is and_leaves_it_out "$(ssd_field sd 0 state)" failed
must dmsetup reload sd --table "$table"
must within 60 dmsetup suspend sd
must within 60 dmsetup resume sd
is so_does_the_one_after "$(ssd_field sd 0 state)" failed
not_ok nor_is_it_taken_in_on_line within 60 replace 0 /dev/mapper/parted
must unhang_ssd data
ok the_first_is_gone wait $first
ok when_it_has_answered_it_is_taken wait_for 60 replace 0 /dev/mapper/parted
ok and_all_that_is_right blocks same $sd "$disk0"
must dmsetup remove sd
must dmsetup remove parted
must dmsetup remove data

# One alone, without a witness: it fails, misses a write, and comes back.  Nothing
# else is in doubt, and the fingerprint does not tell, as that is no sample.
missed=$((104 * 16))
must super_create sd "$disk0" "$ssd0" verify off
must blocks write $sd 3
holds_all() {
	blocks verify $sd 3 && ssd_is sd 0 valid $((half * 2))/$((half * 2))
}
must wait_for 60 holds_all
must dmsetup suspend sd
must dmsetup resume sd
must holds_all
must kill_ssd ssd0
ok fails_alone blocks write $sd 4 $missed 16
ok it_is_out wait_for 30 ssd_is sd 0 state failed
must dmsetup suspend sd
must revive_ssd ssd0	# too late to be told
must dmsetup resume sd
ok it_is_not_believed_alone blocks verify $sd 4 $missed 16
must dmsetup remove sd

# One that comes when the device has been active without it: it was not there, or
# hung, so that nobody has written down that it missed writes.
must super_create sd "$disk0" "$ssd0" verify off attach discard
must blocks write $sd 3
must wait_for 60 holds_all
table=$(dmsetup table sd)
must dmsetup remove sd
must super_create sd "$disk0" - verify off
must blocks write $sd 4 $missed 16
must dmsetup reload sd --table "${table/attach discard/attach trust}"
must dmsetup suspend sd
must dmsetup resume sd
ok one_that_comes_by_a_reload_is_not_believed blocks verify $sd 4 $missed 16
must dmsetup remove sd
must super_create sd "$disk0" "$ssd0" verify off attach discard
must blocks write $sd 3
must wait_for 60 holds_all
must dmsetup remove sd
must hang_ssd ssd0
must super_create sd "$disk0" "$ssd0" verify off timeout_ms 500
must blocks write $sd 4 $missed 16
must unhang_ssd ssd0
must dmsetup suspend sd
must dmsetup resume sd
is what_hung_from_the_beginning_is_back "$(ssd_field sd 0 state)" in
ok and_not_believed_either blocks verify $sd 4 $missed 16
must dmsetup remove sd

# It hangs while its table is replaced, and misses a write of the next one: the first
# one tells it, when it answers.
must super_create sd "$disk0" "$ssd0" verify off timeout_ms 500
must blocks write $sd 3
must wait_for 60 holds_all
must dmsetup suspend sd
must dmsetup resume sd
must holds_all
must hang_ssd ssd0
must dmsetup reload sd --table "$(dmsetup table sd)"
must dmsetup suspend sd
start dmsetup resume sd
first=$!
must wait_for 30 is_active
ok is_written_without_it blocks write $sd 4 $missed 16
must unhang_ssd ssd0
ok its_first_table_goes wait $first
must dmsetup remove sd
must super_create sd "$disk0" "$ssd0" verify off
ok nor_is_it_believed_then blocks verify $sd 4 $missed 16
must dmsetup remove sd

# It answers reads, and no write any more.
half_table="0 $(sectors $raw_ssd0) delay $raw_ssd0 0 0 $raw_ssd0 0"
must has_target delay
must dmsetup create half --table "$half_table 0"
must blocks write "$disk0" 5	# not by us: no intent is held
must super_create sd "$disk0" /dev/mapper/half verify off timeout_ms 3000 \
	attach discard
holds_all() {
	blocks verify $sd 5 && ssd_is sd 0 valid $((half * 2))/$((half * 2))
}
must wait_for 60 holds_all
must dmsetup reload half --table "$half_table 600000"
must dmsetup resume half
start fio --name=r --filename=$sd --direct=1 --ioengine=libaio --rw=randread \
	--bs=4k --size=16M --time_based --runtime=600 --minimal --output=/dev/null
reader=$!
ok what_others_are_answered_holds_no_write within 60 blocks write $sd 6 0 64
ok that_ssd_is_out wait_for 30 ssd_is sd 0 state failed
must kill $reader
wait $reader
must dmsetup reload half --table "$half_table 0"
must dmsetup resume half
must dmsetup remove sd
must dmsetup remove half

# --- while it is read, and looked at ----------------------------------------

must create timeout_ms 600000 read_ms 100
must wait_for 60 all_valid
must hang_ssd ssd0
reads() {
	fio --name=r --filename=$sd --direct=1 --ioengine=io_uring --iodepth=4 \
		--rw=randread --bs=4k --size=16M --number_ios=32 --minimal \
		--output=/dev/null "$@"
}
ok polled_reads_are_answered within 60 reads --hipri=1
ok and_those_that_must_not_wait within 60 reads --nowait=1
must hang_ssd ssd1
start dmsetup message sd 0 remove 0
remove=$!
ok a_command_waits_for_the_other_one wait_for 20 ssd_is sd 0 state failed
ok status_does_not within 20 dmsetup status sd
ok nor_netlink within 20 superdisk status sd
must unhang_ssd ssd0
must unhang_ssd ssd1
ok then_the_command_ends wait $remove
is and_has_worked "$(ssd_field sd 0 state)" vacant
ok removes within 60 dmsetup remove sd

# --- while it is added: another one fails ------------------------------------

must super_create sd "$disk0" "$ssd0 -" timeout_ms 30000 verify off
must hang_ssd ssd1
start dmsetup message sd 0 add 1 "$ssd1"
add=$!
is_opened() {
	[[ $(ssd_field sd 1 device) != - ]]
}
must wait_for 20 is_opened
must kill_ssd ssd0
ok writes_do_not_wait_for_one_that_is_added within 10 blocks write $sd 5 0 16
is the_one_that_failed_is_out "$(ssd_field sd 0 state)" failed
must unhang_ssd ssd1
ok it_is_added_when_it_answers wait $add
is and_serves "$(ssd_field sd 1 state)" in
ok what_was_written_is_read blocks verify $sd 5 0 16
must revive_ssd ssd0
must dmsetup remove sd
ok unloads rmmod dm-superdisk
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SSDs that are slow or silent: a read waits for one no longer than its bound,
# and what comes late does not come into the reader's memory.
# vm: timeout=600 tools=fio,jq
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

make_disk disk0 32 200000
make_mortal ssd0 24
make_mortal ssd1 24
must load_module dm-superdisk
must blocks write "$disk0" 1
sd=/dev/mapper/sd
pages=$((32 << 20 >> 12))
half=$((pages / 2))

all_valid() {
	ssd_is sd 0 valid $half/$half && ssd_is sd 1 valid $half/$half
}

late_ones() {
	[[ $(superdisk status --json sd |
		jq '[.[0].ssds[].paths.ssd_late.count // 0] | add') -gt 0 ]]
}

# --- whoever sends what it should not -----------------------------------------

must super_create sd "$disk0" "$ssd0 $ssd1"
ok nobody_changes_anything netlink refused $sd
ok nor_does_root_of_a_namespace netlink namespaced $sd
ok what_does_not_fit_is_refused netlink policy $sd
ok random_requests_do_no_harm netlink random $sd $((RANDOM * 32768 + RANDOM)) 3000
ok the_disk_is_still_served blocks same $sd "$disk0"
must dmsetup remove sd

# Who may steer the set may bring its SSDs back, and overwrite nothing else.
must super_create sd "$disk0" "$ssd0 $ssd1"
make_ssd other 24
must blocks write "$other" 7
ok an_ssd_may_be_put_where_it_is netlink replace $sd 0 "$ssd0"
is no_other_device_may "$(netlink replace $sd 0 "$other"; echo $?)" 1
ok nor_is_it_overwritten blocks verify "$other" 7
is the_old_one_stays_in_service "$(ssd_field sd 0 state)" in
must dmsetup message sd 0 remove 0
ok one_that_was_there_may netlink replace $sd 0 "$ssd0"
ok all_is_right blocks same $sd "$disk0"
must dmsetup remove sd

# --- no hedge: the bound of every read --------------------------------------

must super_create sd "$disk0" "$ssd0 $ssd1" read_ms 100 read_kib 256 \
	timeout_ms 600000 warm 1000000
must wait_for 60 all_valid
ok reads_are_right blocks verify $sd 1
ok reads_hit test "$(ssd_field sd 0 hits)" -gt 0
before=$(ssd_field sd 0 overdue)
must hang_ssd ssd0
mkfifo /tmp/go
exec 9<> /tmp/go
start blocks untouched $sd 1 0 16 < /tmp/go > /tmp/said 9>&-
reader=$!
ok a_read_already_sent_is_answered wait_for 60 grep -q read /tmp/said
is the_ssd_is_still_in_service "$(ssd_field sd 0 state)" in
ok it_was_overdue test "$(ssd_field sd 0 overdue)" -gt "$before"
ok more_reads_than_buffers_are_answered timeout 120 fio --name=r --filename=$sd \
	--direct=1 --ioengine=libaio --iodepth=64 --rw=randread --bs=4k \
	--size=32M --number_ios="$(fewer 512)" --minimal --output=/dev/null
ok with_right_data timeout 120 blocks verify $sd 1 0 64
is still_in_service "$(ssd_field sd 0 state)" in
before=$(ssd_field sd 1 hits)
must blocks verify $sd 1 16 16
ok the_other_ssd_serves_as_ever test "$(ssd_field sd 1 hits)" -gt "$before"
must unhang_ssd ssd0
ok what_was_late_has_come wait_for 60 late_ones
exec 9>&-
ok and_not_into_memory_of_others wait $reader
ok and_all_is_right blocks verify $sd 1
before=$(ssd_field sd 0 hits)
must blocks verify $sd 1
ok it_serves_again test "$(ssd_field sd 0 hits)" -gt "$before"
ok more_reads_than_buffers_wait_for_one fio --name=r --filename=$sd --direct=1 \
	--ioengine=libaio --iodepth=128 --rw=randread --bs=4k --size=32M \
	--number_ios="$(fewer 2000)" --minimal --output=/dev/null
ok parts_of_pages_too cmp <(dd if=$sd bs=512 skip=1 count=777 iflag=direct status=none) \
	<(dd if="$disk0" bs=512 skip=1 count=777 iflag=direct status=none)

# It dies while reads wait for it.
must hang_ssd ssd0
start timeout 60 blocks verify $sd 1 0 64
reader=$!
must kill_ssd ssd0
ok readers_of_a_dying_ssd_are_answered wait $reader
must revive_ssd ssd0
must dmsetup remove sd

# --- hedged: the first answer wins -------------------------------------------

make_disk disk1 32 300000000
make_mortal ssd2 24 30000000
must super_create sd "$disk1" "$ssd2 $ssd1" hedge_us 5000 warm 1000000 attach discard
must wait_for 120 all_valid
before=$(ssd_field sd 0 hits)
# Where the machine stands still for 25 ms the answer comes before the hedge.
reads=0
until [[ $(ssd_field sd 0 hedges) -ge 4 || $reads -ge 200 ]]; do
	dd if=$sd of=/dev/null bs=64k skip=$((reads % 4 * 2)) count=1 \
		iflag=direct status=none
	reads=$((reads + 1))
done
ok slow_reads_are_hedged test "$(ssd_field sd 0 hedges)" -ge 4
is the_ssd_answers_first "$(ssd_field sd 0 hits)" $((before + reads))
is the_disk_wins_none "$(ssd_field sd 0 hedge_wins)" 0
must dmsetup remove sd

make_ssd ssd4 24 300000000
must super_create sd "$disk0" "$ssd4 $ssd1" hedge_us 5000 warm 1000000 attach discard
must wait_for 120 all_valid
# Not where the machine stands still for 300 ms.
disk_wins() {
	blocks verify $sd 1 0 64 && [[ $(ssd_field sd 0 hedge_wins) -gt 0 ]]
}
ok the_disk_answers_first wait_for 20 disk_wins
is the_fast_one_is_not_bothered "$(ssd_field sd 1 state)" in
must dmsetup remove sd

# Young as this machine is, nobody has waited for ten minutes yet.
must super_create sd "$disk0" "$ssd4 $ssd1" read_ms 600000 timeout_ms 600000 \
	read_kib 256
ok reads_wait_for_a_slow_one fio --name=r --filename=$sd --direct=1 \
	--ioengine=libaio --iodepth=64 --rw=randread --bs=4k --size=32M \
	--number_ios=192 --minimal --output=/dev/null
ok from_which_they_come test "$(ssd_field sd 0 hits)" -gt 0
is none_goes_to_the_disk_early "$(ssd_field sd 0 overdue)" 0
must dmsetup remove sd

# --- hedge_us auto ------------------------------------------------------------

must super_create sd "$disk0" "$ssd0 $ssd1" hedge_us auto warm 1000000 attach discard
must wait_for 60 all_valid
like table_says_auto "$(dmsetup table sd)" "hedge_us auto"
reads() {
	blocks verify $sd 1 && [[ $(ssd_field sd 0 hedge_us) -ge 50 ]]
}
ok a_bound_is_found wait_for 60 reads
note "hedge_us auto: $(ssd_field sd 0 hedge_us) $(ssd_field sd 1 hedge_us)"
must hang_ssd ssd0
ok a_silent_ssd_delays_no_read timeout 60 blocks verify $sd 1 0 256
ok as_it_is_hedged test "$(ssd_field sd 0 hedge_wins)" -gt 0
must unhang_ssd ssd0
ok all_is_right blocks verify $sd 1

ok removes timeout 60 dmsetup remove sd
ok unloads rmmod dm-superdisk
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dm-superdisk with SSDs that lie, fail, die and hang: the reader never knows.
# vm: timeout=600 tools=fio
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

make_disk disk0 32 200000
make_mortal ssd0 24
make_mortal ssd1 24
must load_module dm-superdisk
must blocks write "$disk0" 1
must super_create sd "$disk0" "$ssd0 $ssd1" timeout_ms 2000
sd=/dev/mapper/sd
pages=$((32 << 20 >> 12))
half=$((pages / 2))

all_valid() {
	ssd_is sd 0 valid "$half/$half" && ssd_is sd 1 valid "$half/$half"
}

same_as_disk() {
	blocks same $sd "$disk0"
}

# Pages are read whole to be filled: a sector of the disk that fails is the error of
# who asks for it, not of who reads beside it.
must break_sectors disk0 4099 4099
not_ok an_error_of_the_disk_is_told dd if=$sd of=/dev/null bs=512 skip=4096 count=8 \
	iflag=direct status=none
beside() {
	dd if="$1" bs=14k count=1 skip=$((4100 * 512)) iflag=direct,skip_bytes \
		status=none
}
beside "$disk0" > /tmp/beside
ok but_not_to_who_reads_beside_it cmp <(beside $sd) /tmp/beside
is who_gets_all_that_is_asked_for "$(stat -c %s /tmp/beside)" $((14 << 10))
must heal_sectors disk0 4099 4099
must blocks verify $sd 1
must wait_for 10 all_valid

# Wrong data, no error: the first slot of SSD 0 begins at sector 2048.
must dd if=/dev/urandom of="$raw_ssd0" bs=4k seek=256 count=8 oflag=direct status=none
ok wrong_data_is_not_believed blocks verify $sd 1
is wrong_pages_are_counted "$(ssd_field sd 0 csum_errors)" 8
ok wrong_pages_are_healed wait_for 10 all_valid
before=$(ssd_field sd 0 rescues)
ok healed_pages_are_right blocks verify $sd 1
is healed_pages_need_no_rescue "$(ssd_field sd 0 rescues)" "$before"

# A page that cannot be read, and stays so when it is written.
must break_sectors raw_ssd0 3000 3007
ok unreadable_page_is_served blocks verify $sd 1
ok what_does_not_heal_is_retired wait_for 10 ssd_is sd 0 retired 1
ok others_stay_valid wait_for 10 ssd_is sd 0 valid "$((half - 1))/$half"
is ssd_stays_in_service "$(ssd_field sd 0 state)" in
ok retired_pages_are_served blocks verify $sd 1
must blocks write $sd 3
ok retired_pages_are_written blocks verify $sd 3
must heal_sectors raw_ssd0 3000 3007

# Many, read one after the other: pages are lost, the SSD is not.
all_but_one() {
	blocks verify $sd 3 && ssd_is sd 0 valid "$((half - 1))/$half"
}
must wait_for 20 all_but_one
scattered=160
for ((i = 0; i < scattered; i++)); do
	must break_sectors raw_ssd0 $((2048 + i * 16)) $((2048 + i * 16 + 7))
done
ok many_unreadable_pages_are_served fio --name=r --filename=$sd --direct=1 \
	--rw=read:4k --bs=4k --size=$((scattered * 16))k --minimal --output=/dev/null
retired() {
	[[ $(ssd_field sd 0 retired) -ge $scattered ]]
}
ok they_are_retired wait_for 20 retired
is the_ssd_is_kept "$(ssd_field sd 0 state)" in
ok what_they_held_is_right blocks verify $sd 3 0 $((scattered * 4))
for ((i = 0; i < scattered; i++)); do
	must heal_sectors raw_ssd0 $((2048 + i * 16)) $((2048 + i * 16 + 7))
done

# One of two dies under load, half way.
fio --name=v --filename=$sd --direct=1 --ioengine=libaio --iodepth=8 \
	--rw=randrw --bs=4k --size=32M --io_size="$(fewer 24)M" --verify=crc32c \
	--verify_backlog=128 --minimal --output=/tmp/fio &
fio=$!
moved() {
	[[ $(ssd_field sd 1 writes) -gt $(($(fewer 1000) + $1)) ]]
}
must wait_for 60 moved "$(ssd_field sd 1 writes)"
must kill_ssd ssd1
ok nobody_notices_a_dying_ssd wait $fio
ok all_is_as_on_the_disk same_as_disk
ok it_is_taken_out wait_for 20 ssd_is sd 1 state failed
is the_other_stays "$(ssd_field sd 0 state)" in
ok the_other_stays_warm test "$(ssd_field sd 0 valid)" != "0/$half"

# It comes back, is not believed, and starts anew.
must revive_ssd ssd1
must dmsetup message sd 0 replace 1 "$ssd1"
is a_new_one_is_taken_in "$(ssd_field sd 1 state)" in
is a_new_one_is_empty "$(ssd_field sd 1 valid)" "0/$half"
ok replaced_is_right same_as_disk
ok replaced_fills_again wait_for 20 ssd_is sd 1 valid "$half/$half"

# It hangs: writes go on at once, reads when it is taken out.
must hang_ssd ssd1
ok a_hung_ssd_delays_no_write within 60 blocks write $sd 5 16 16
start dd if=$sd of=/tmp/hung bs=64k skip=1 count=1 iflag=direct status=none
ok a_hung_ssd_is_taken_out wait_for 30 ssd_is sd 1 state failed
ok the_device_goes_on timeout 60 blocks write $sd 5 0 1024
ok and_is_right timeout 60 blocks verify $sd 5 0 1024
must unhang_ssd ssd1
must dmsetup message sd 0 remove 1
is position_is_vacant "$(ssd_field sd 1 state)" vacant
like table_says_so "$(dmsetup table sd)" "superdisk [0-9:]+ 2 [0-9:]+ - 2 timeout_ms 2000$"
must dmsetup message sd 0 add 1 "$ssd1"
ok filled_again_is_right same_as_disk

# Both die at once.
must kill_ssd ssd0
must kill_ssd ssd1
ok the_disk_alone_serves same_as_disk
ok and_is_written blocks write $sd 6
ok and_read blocks verify $sd 6
is both_are_out "$(ssd_field sd 0 state)$(ssd_field sd 1 state)" failedfailed
ok removes dmsetup remove sd
ok disk_has_it_all blocks verify "$disk0" 6

# Hedged: the reader leaves an SSD that does not answer behind.
must revive_ssd ssd0
must revive_ssd ssd1
must super_create sd "$disk0" "$ssd0 $ssd1" hedge_us 20000 timeout_ms 600000
must blocks verify $sd 6
ok hedged_is_filled wait_for 20 ssd_is sd 1 valid "$half/$half"
ok hedged_reads_are_right blocks verify $sd 6
ok hedged_reads_hit test "$(ssd_field sd 1 hits)" -gt 0
ok parts_of_pages_are_right cmp <(dd if=$sd bs=512 skip=1 count=777 iflag=direct status=none) \
	<(dd if="$disk0" bs=512 skip=1 count=777 iflag=direct status=none)
must hang_ssd ssd1
ok a_hung_ssd_delays_reads_no_longer_than_the_bound \
	timeout 60 blocks verify $sd 6 0 512
is it_is_still_in_service "$(ssd_field sd 1 state)" in
must unhang_ssd ssd1
ok late_answers_do_no_harm blocks verify $sd 6
must dmsetup remove sd
done_testing

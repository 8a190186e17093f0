#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The machine dies while slots change hands and everything is being written: no
# slot is believed for the block that had it before.  SSDs this small are all in
# doubt then; one that was at rest is warm at once.  And it dies when a block that
# has just lost its slot was written, which puts nothing in doubt; and when blocks
# that have slots were zeroed, by the disk itself.
# vm: timeout=600 tools=fio fresh
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

must virtio_disk disk
must virtio_disk ssd0
must virtio_disk ssd1
must load_module dm-superdisk
size=$(sectors "$disk")
sd=/dev/mapper/sd

# part NAME DEVICE: its first 6 MiB, of which 48 slots of 64 KiB fit
part() {
	dmsetup create "$1" --table "0 12288 linear $2 0"
}
must part small0 "$ssd0"
must part small1 "$ssd1"
# create [CHECKPOINT_MS [OPTION WORDS]]
create() {
	dmsetup create sd --table "0 $size superdisk $disk 2 /dev/mapper/small0 \
		/dev/mapper/small1 $((6 + ($# > 2 ? 2 : 0))) checkpoint_ms ${1:-200} \
		fill_dwpd off sequential_kib off ${*:2}"
}

sum() {
	local a b
	a=$(ssd_field sd 0 "$1")
	b=$(ssd_field sd 1 "$1")
	echo $((${a%/*} + ${b%/*}))
}

agree() {
	blocks same $sd "$disk"
}

no_doubt() {
	ssd_is sd 0 doubted 0 && ssd_is sd 1 doubted 0
}

# load SEED: reads that make slots change hands, and writes, for ever
load() {
	fio --name=l --filename=$sd --direct=1 --ioengine=libaio --iodepth=16 \
		--rw=randrw --rwmixread=80 --bs=16k --time_based --runtime=3600 \
		--random_distribution=zipf:0.9 --randseed=$1 --minimal \
		--output=/dev/null
}

turned_over() {
	[[ $(sum evictions) -gt 20 && $(sum writes) -gt 20 ]]
}

# read_blocks FIRST COUNT
read_blocks() {
	dd if=$sd of=/dev/null bs=64k skip=$1 count=$2 iflag=direct status=none
}

# Blocks that have no slot, sixteen by sixteen, and each sixteen twice, until both
# SSDs have given slots to some of them, and each has taken two away.
next=0
given() {
	read_blocks $((600 + next / 16 * 16 + next % 8 * 2)) 2 || return
	next=$(((next + 1) % 400))
	[[ $(ssd_field sd 0 evictions) -ge 2 && $(ssd_field sd 1 evictions) -ge 2 ]]
}

# Two ranges of seed 4 that begin and end within pages: of blocks 120 to 160, and
# 165 to 180.  First sector, sectors; whole_1: the whole pages of the first one.
zero_1=($((120 * 128 + 9)) $((40 * 128 + 2)))
whole_1=($((120 * 128 + 16)) $((40 * 128 - 8)))
zero_2=($((165 * 128 + 1)) $((15 * 128 + 3)))

zero() {
	blkdiscard -z -o $(($1 * 512)) -l $(($2 * 512)) $sd
}

# zeroed DEVICE FIRST SECTORS
zeroed() {
	cmp -n $(($3 * 512)) /dev/zero <(dd if=$1 bs=64k skip=$(($2 * 512)) \
		count=$(($3 * 512)) iflag=direct,skip_bytes,count_bytes status=none)
}

# What is left of the pages in which they begin and end.
edges() {
	dd if=$1 bs=512 skip=$((120 * 128 + 8)) count=1 iflag=direct status=none
	dd if=$1 bs=512 skip=$((160 * 128 + 11)) count=5 iflag=direct status=none
	dd if=$1 bs=512 skip=$((165 * 128)) count=1 iflag=direct status=none
	dd if=$1 bs=512 skip=$((180 * 128 + 4)) count=4 iflag=direct status=none
}

# All pages before, between and behind them.
kept() {
	blocks verify $1 4 $((101 * 16)) $((19 * 16 + 1)) &&
		blocks verify $1 4 $((160 * 16 + 2)) $((5 * 16 - 2)) &&
		blocks verify $1 4 $((180 * 16 + 1)) $((11 * 16 - 1))
}

# from_ssds COMMAND...: it succeeds, and no SSD is asked for what it has not.
from_ssds() {
	local before
	before=$(sum misses)
	"$@" && [[ $(sum misses) -eq $before ]]
}

case $phase in
1)
	must blocks write "$disk" 1
	must create
	like it_is_a_cache "$(dmsetup status sd)" " active cache "
	ok all_slots_are_filled dd if=$sd of=/dev/null bs=64k iflag=direct status=none
	start load 1
	ok slots_change_hands wait_for 240 turned_over
	note "cut: slots $(sum slots), evictions $(sum evictions), writes $(sum writes)"
	power_cut 2
	;;
2)
	must create
	note "after the cut: slots $(sum slots), pages $(sum valid), doubted $(sum doubted)"
	ok ssds_agree_with_the_disk agree
	ok and_stay_so agree
	start load 2
	ok slots_change_hands_again wait_for 240 turned_over
	power_cut 3
	;;
3)
	must create
	ok ssds_agree_with_the_disk_again agree
	ok it_comes_to_rest wait_for 20 no_doubt
	valid=$(sum valid)
	ok it_is_warm test "$valid" -gt 100
	dd if=$sd of=/dev/null bs=64k count=1 iflag=direct status=none
	power_cut 4
	;;
4)
	must create
	ok a_cut_at_rest_costs_nothing test "$(sum valid)" -gt 100
	ok and_all_is_right agree
	must dmsetup remove sd

	# After a restart the last slots go first: those of blocks 185 to 188.
	# Nothing is stored but to make room.
	must create 600000 attach discard
	ok slots_are_filled_in_order read_blocks 101 400
	note "slots $(sum slots)"
	must dmsetup remove sd
	must create 600000
	ok they_are_warm test "$(sum valid)" -gt 700
	before=$(sum doubted)
	ok others_take_slots_away wait_for 120 given
	note "evictions $(sum evictions)"
	ok who_lost_them_is_written dd if=/dev/urandom of=$sd bs=64k seek=185 count=4 \
		oflag=direct status=none
	is which_puts_no_slot_in_doubt "$(sum doubted)" "$before"
	power_cut 5
	;;
5)
	must create
	ok other_slots_are_warm test "$(sum valid)" -gt 700
	ok no_slot_is_believed_for_who_had_it_before agree
	must dmsetup remove sd
	must dd if=/dev/urandom of="$disk" bs=4k count=1 oflag=direct status=none
	must create
	is a_changed_disk_makes_it_cold "$(sum slots)" 0
	ok and_right agree
	must dmsetup remove sd

	must blocks write "$disk" 4 $((101 * 16)) $((90 * 16))
	edges "$disk" > /tmp/edges
	must create 600000 attach discard
	like write_zeroes_is_offered "$(cat "/sys/block/$(dmsetup info -c \
		--noheadings -o blkdevname sd)/queue/write_zeroes_max_bytes")" "^[1-9]"
	ok slots_are_filled_anew wait_for 60 from_ssds blocks verify $sd 4 \
		$((120 * 16)) $((61 * 16))
	ok zeroes_a_range zero "${zero_1[@]}"
	ok it_is_zeroes zeroed $sd "${zero_1[@]}"
	ok on_the_disk_too zeroed "$disk" "${zero_1[@]}"
	ok and_on_the_ssds wait_for 60 from_ssds zeroed $sd "${whole_1[@]}"
	must dmsetup remove sd
	must create 600000
	ok so_it_is_when_created_again from_ssds zeroed $sd "${whole_1[@]}"
	ok another_one_is_warm from_ssds blocks verify $sd 4 $((165 * 16)) $((16 * 16))
	ok zeroes_it_too zero "${zero_2[@]}"
	ok nothing_else kept $sd
	ok nor_parts_of_pages cmp /tmp/edges <(edges $sd)
	power_cut 6
	;;
6)
	must create
	ok what_was_zeroed_is_zeroes_after_a_crash zeroed $sd "${zero_2[@]}"
	ok as_on_the_disk zeroed "$disk" "${zero_2[@]}"
	ok and_all_else_is_right agree
	ok nothing_else_was_zeroed kept $sd
	must dmsetup remove sd
	done_testing
	;;
esac

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Allocations of the module fail in turn while a device is made, asked, changed,
# suspended and reloaded, and at random in its workers: no wrong data, no leak,
# no crash.  Needs a kernel with fault injection: make check-debug.
# vm: timeout=200
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

faults=/sys/kernel/debug
if [[ ! -d $faults/failslab ]]; then
	skip allocations_fail_in_turn no fault injection in this kernel
	done_testing
fi

MANY=1000000

make_disk disk0 4 1000
make_mortal ssd0 8 1000
make_ssd ssd1 8 1000
must load_module dm-superdisk
must blocks write "$disk0" 1
sd=/dev/mapper/sd
options="buffer_kib 256 read_kib 256 block_sectors 16 timeout_ms 60000"
table="0 $(sectors "$disk0") superdisk $disk0 2 $ssd0 $ssd1 8 $options"

# Only what is called from the module fails.  Big ones are made of pages.  And not
# what tells sysfs of a new cache: there the kernel itself loses a name.
text=$(cat /sys/module/dm_superdisk/sections/.text)
mapfile -t slab < <(grep -A 1 ' sysfs_slab_add$' /proc/kallsyms | cut -d ' ' -f 1)
must test ${#slab[@]} -eq 2
for kind in failslab fail_page_alloc; do
	echo "$text" > $faults/$kind/require-start
	printf '0x%x\n' $((text + 0x80000)) > $faults/$kind/require-end
	echo "0x${slab[0]}" > $faults/$kind/reject-start
	echo "0x${slab[1]}" > $faults/$kind/reject-end
	echo 32 > $faults/$kind/stacktrace-depth
	echo 0 > $faults/$kind/verbose
	echo $MANY > $faults/$kind/times
	echo 0 > $faults/$kind/probability
	echo N > $faults/$kind/ignore-gfp-wait
done
echo 0 > $faults/fail_page_alloc/min-order

# Faults so far.
failed() {
	echo $((2 * MANY - $(cat $faults/failslab/times) -
		$(cat $faults/fail_page_alloc/times)))
}

# with_nth N COMMAND...: the N-th allocation that the module makes in it fails.
with_nth() {
	bash -c 'echo "$0" > /proc/self/fail-nth && exec "$@"' "$@"
}

right() {
	blocks verify $sd 1 0 64
}

# each_fails NAME AFTER COMMAND...: with one allocation after the other failing,
# from the 16th on in growing steps, until there is none left to fail.  After
# each, AFTER must find all well.
each_fails() {
	local name=$1 after=$2 n=1 times=0 before
	shift 2
	while :; do
		before=$(failed)
		with_nth $n "$@" > /tmp/said 2>&1
		$after > /tmp/after 2>&1 || {
			fail "$name" "after the ${n}th: $(head -c 300 /tmp/after)"
			return
		}
		[[ $(failed) -gt $before ]] || break
		times=$((times + 1))
		n=$((n + 1 + n / 16))
	done
	note "$name: $times failures among the first $n allocations"
	ok "$name" test $times -gt 0
}

gone() {
	[[ ! -e $sd ]] || { right && dmsetup remove sd; }
}
each_fails a_device_is_made_or_not gone dmsetup create sd --table "$table"

must dmsetup create sd --table "$table"
each_fails a_reload_is_done_or_not right dmsetup reload sd --table "$table"
must dmsetup clear sd

goes_on() {
	dmsetup resume sd && right
}
each_fails a_suspend_comes_through goes_on dmsetup suspend sd
suspended() {
	goes_on && dmsetup suspend sd
}
must dmsetup suspend sd
each_fails a_resume_is_done_or_not suspended dmsetup resume sd
must dmsetup resume sd

replaceable() {
	right && blocks write $sd 1 3 40 && right
}
each_fails a_member_is_replaced_or_not replaceable \
	dmsetup message sd 0 replace 1 "$ssd1"
dmsetup message sd 0 remove 1
must dmsetup message sd 0 add 1 "$ssd1"
each_fails heat_is_exported_or_not right superdisk warm --save /tmp/heat sd
must superdisk warm --save /tmp/heat sd
each_fails heat_is_imported_or_not right \
	superdisk warm --heat /tmp/heat --rate 4000 sd

# Workers allocate too: one in three fails, while pages go bad and an SSD dies.
for kind in failslab fail_page_alloc; do
	echo 33 > $faults/$kind/probability
done
before=$(failed)
for n in 2 3 4 5; do
	dd if=/dev/urandom of="$ssd1" bs=4k seek=300 count=80 oflag=direct \
		status=none
	ok "data_is_right_$n" eval "blocks verify $sd $((n == 2 ? 1 : n - 1)) &&
		blocks write $sd $n"
done
kill_ssd ssd0
ok an_ssd_dies eval "blocks verify $sd 5 && blocks write $sd 6"
ok it_is_out wait_for 20 ssd_is sd 0 state failed
for kind in failslab fail_page_alloc; do
	echo 0 > $faults/$kind/probability
done
note "at random: $(($(failed) - before)) failures"
ok all_is_right blocks verify $sd 6
ok removes dmsetup remove sd
ok disk_is_right blocks verify "$disk0" 6
ok unloads rmmod dm-superdisk
done_testing

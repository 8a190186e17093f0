#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the kernel runs for one request, by function: hits, durable writes and
# misses of Super-Disk, beside a stripe, a linear mapping and the disk alone.
# insn_plugin.c counts between the marks of insn_load.c; disk_insns.py prints
# what it counted.  Run by `make profile-disk`.
# vm: timeout=900 fresh
# shellcheck disable=SC2154,SC2086
# shellcheck source=../kernel/lib.sh
. ./lib.sh

COUNT=4000
# Of RAM only what is written: 16 MiB.
MIB=1024
SSD_MIB=272

# What goes on in the background, checkpoints of what was filled, has come to an
# end some seconds later; idle, they take no time.
at_rest() {
	pause 5
}

# count_on NAME DEVICE read|write|dsync DEPTH: a window under that name
count_on() {
	at_rest
	must insn_load "$2" "$3" "$4" $COUNT > /dev/null
	note "window $1 $COUNT"
}

# Every page of the load written, so that it is there, and read, so that it hits.
# It is away from the first blocks, which are samples of the fingerprint.
fill() {
	must dd if=/dev/zero of="$1" bs=64k count=256 seek=1024 oflag=direct \
		status=none
	must dd if="$1" of=/dev/null bs=64k count=256 skip=1024 iflag=direct \
		status=none
}

devices=()
for n in disk disk_linear disk_full disk_neither; do
	must make_disk $n $MIB
done
for n in stripe full neither; do
	ssds=()
	for i in 0 1 2 3; do
		must make_ssd ${n}_$i $SSD_MIB
		name=${n}_$i
		ssds+=("${!name}")
	done
	devices+=("${ssds[*]}")
done
load_module dm-superdisk
read -ra ssds <<< "${devices[0]}"
must dmsetup create linear --table "0 $(sectors "$disk_linear") linear $disk_linear 0"
must dmsetup create stripe --table "0 $(($(sectors "${ssds[0]}") * 4)) striped \
	4 128 ${ssds[0]} 0 ${ssds[1]} 0 ${ssds[2]} 0 ${ssds[3]} 0"
must super_create full "$disk_full" "${devices[1]}"
must super_create neither "$disk_neither" "${devices[2]}" verify off read_ms off
for n in dm_mod dm_superdisk null_blk crc32c_intel; do
	[[ ! -e /sys/module/$n/sections/.text ]] ||
		note "module $n $(cat /sys/module/$n/sections/.text)"
done
for n in /dev/mapper/{linear,stripe,full,neither} "$disk"; do
	fill "$n"
done
# The second time is counted: what is done once is done.
for _ in 1 2; do
	count_on hit_stripe /dev/mapper/stripe read 32
	count_on hit_superdisk /dev/mapper/full read 32
	count_on hit_neither /dev/mapper/neither read 32
	count_on write_disk "$disk" dsync 1
	count_on write_linear /dev/mapper/linear dsync 1
	count_on write_superdisk /dev/mapper/full dsync 1
	count_on miss_disk "$disk" read 1
	count_on miss_linear /dev/mapper/linear read 1
	for i in 0 1 2 3; do
		must dmsetup message full 0 replace $i \
			"$(cut -d' ' -f$((i + 1)) <<< "${devices[1]}")"
	done
	count_on miss_superdisk /dev/mapper/full read 1
	fill /dev/mapper/full
done
# Too much to go line by line, as notes do.
awk 'NF == 3 && $2 ~ /[tTwW]/' /proc/kallsyms | gzip | base64 -w 4000 |
	sed 's/^/log symbols /' >&4
ok counted true
done_testing

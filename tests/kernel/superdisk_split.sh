#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Requests over many blocks are split where blocks end, or where the devices
# take no more, and nowhere else: each part is one request to the disk, or to an
# SSD, and is as long as what was asked for.
# vm: timeout=200 tools=fio
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

sd=/dev/mapper/sd
block=128	# sectors
must load_module dm-superdisk

# parts FIRST SECTORS [LIMIT]: how many a request has
parts() {
	local at=$1 end=$(($1 + $2)) n=0 step
	while [[ $at -lt $end ]]; do
		step=$((block - at % block))
		[[ -z ${3-} || $step -lt $3 ]] || step=$3
		at=$((at + step))
		n=$((n + 1))
	done
	echo $n
}

# counted DEVICE...: "READS SECTORS WRITES SECTORS", of all of them
counted() {
	local device reads=0 read=0 writes=0 written=0 f
	for device; do
		read -ra f < "/sys/block/${device##*/}/stat"
		reads=$((reads + f[0]))
		read=$((read + f[2]))
		writes=$((writes + f[4]))
		written=$((written + f[6]))
	done
	echo $reads $read $writes $written
}

# since BEFORE AFTER
since() {
	local -a before after
	read -ra before <<< "$1"
	read -ra after <<< "$2"
	echo $((after[0] - before[0])) $((after[1] - before[1])) \
		$((after[2] - before[2])) $((after[3] - before[3]))
}

# All fills and copies under way have landed.
settled() {
	local before
	before=$(counted "$ssd0" "$ssd1")
	pause "$((${patience:-1} / 2)).4"
	[[ $(counted "$ssd0" "$ssd1") == "$before" ]]
}

# causes COMMAND...: what it makes disk and SSDs do, $disk_did and $ssds_did
causes() {
	local disk_before ssds_before
	disk_before=$(counted "$disk0")
	ssds_before=$(counted "$ssd0" "$ssd1")
	must "$@"
	must wait_for 20 settled
	disk_did=$(since "$disk_before" "$(counted "$disk0")")
	ssds_did=$(since "$ssds_before" "$(counted "$ssd0" "$ssd1")")
}

# request if|of FIRST SECTORS: one, of up to 1 MiB, which is one bio
request() {
	local place=skip flag=iflag other=of=/dev/null
	[[ $1 == if ]] || { place=seek flag=oflag other=if=/tmp/data; }
	dd $1=$sd $other bs=$(($3 * 512)) $place=$(($2 * 512)) count=1 \
		$flag=direct,${place}_bytes conv=notrunc status=none
}

# Of huge pages, so that one bio holds more than 256 small ones.
# big read|write FIRST SECTORS
big() {
	fio --name=b --filename=$sd --direct=1 --ioengine=psync --rw=$1 \
		--bs=$(($3 * 512)) --size=$(($3 * 512)) --offset=$(($2 * 512)) \
		--number_ios=1 --mem=mmaphuge --hugepage-size=2M --minimal \
		--output=/dev/null
}
huge=/proc/sys/vm/nr_hugepages
[[ ! -w $huge ]] || echo 4 > $huge
must dd if=/dev/urandom of=/tmp/data bs=1M count=1 status=none

# try_big HOW FIRST LIMIT
try_big() {
	local how=$1 first=$2 size=6000 n	# more than a huge page
	if [[ ! -w $huge ]]; then
		skip a_big_write_is_no_more$how "no huge pages"
		return
	fi
	n=$(parts $first $size $3)
	must big write $first $size
	must wait_for 20 settled
	causes big write $first $size
	is a_big_write_is_no_more$how "$disk_did $ssds_did" \
		"0 0 $n $size 0 0 $n $size"
	causes big read $first $size
	is nor_is_a_big_hit$how "$disk_did $ssds_did" "0 0 0 0 $n $size 0 0"
}

# try HOW LIMIT OPTION WORDS...: disk and SSDs take LIMIT sectors at once
try() {
	local how=$1 limit=$2 first=$((3 * block + 40)) size=2048 odd=1999 n
	shift 2
	make_nullb disk0 4 100000 max_sectors=$limit
	make_nullb ssd0 8 20000 max_sectors=$limit
	make_nullb ssd1 8 20000 max_sectors=$limit
	for device in "$disk0" "$ssd0" "$ssd1"; do
		echo 2 > "/sys/block/${device##*/}/queue/nomerges"
	done
	[[ $limit -ne 0 ]] || limit=
	must blocks write "$disk0" 1
	must super_create sd "$disk0" "$ssd0 $ssd1" checkpoint_ms 600000 "$@"
	n=$(parts $first $size $limit)

	causes request if $first $size
	is a_miss_is_as_many_reads_as_parts$how "$disk_did" "$n $size 0 0"
	is and_as_many_fills$how "$ssds_did" "0 0 $n $size"
	causes request if $first $size
	is a_hit_asks_the_disk_for_nothing$how "$disk_did" "0 0 0 0"
	is but_the_ssds_as_often$how "$ssds_did" "$n $size 0 0"
	# The first write has intents stored.
	must request of $first $size
	must wait_for 20 settled
	causes request of $first $size
	is a_write_is_as_many_writes$how "$disk_did" "0 0 $n $size"
	is and_as_many_copies$how "$ssds_did" "0 0 $n $size"
	causes request if $first $size
	is which_are_read_as_often$how "$disk_did $ssds_did" "0 0 0 0 $n $size 0 0"
	causes request if $((first + 3)) $odd
	n=$(parts $((first + 3)) $odd $limit)
	is an_odd_hit_is_no_more$how "$disk_did ${ssds_did%% *}" "0 0 0 0 $n"
	causes request of $((first + 3)) $odd
	is nor_is_an_odd_write$how "$disk_did" "0 0 $n $odd"

	try_big "$how" "$first" "$limit"
	must dmsetup remove sd
	for device in disk0 ssd0 ssd1; do
		must remove_nullb $device
	done
}

try '' 0
try _not_bounced 0 read_ms off
try _limited 96 read_ms off
ok unloads rmmod dm-superdisk
done_testing

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Super-Disk beside what it replaces, in one VM: the disk alone, a stripe of the
# SSDs (the ceiling), md RAID0 + RAID1 write-mostly, dm-cache, bcache.  Rounds
# are interleaved, figures are medians over rounds.  Run by `make bench-disk`.
# vm: timeout=3000 tools=fio fresh
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
# shellcheck source=../kernel/lib.sh
. ./lib.sh

rounds=3
seconds=3
mib=64
declare -A device

setup_devices() {
	local n
	for n in disk stripe super md cache bcache; do
		must make_disk "disk_$n" $mib
	done
	for n in 0 1 2 3; do
		must make_ssd "stripe$n" 32
		must make_ssd "super$n" 32
		must make_ssd "md$n" 32
		must make_ssd "cache$n" 32
		must make_ssd "bcache$n" 32
	done
}

# stripe_of NAME A B C D: a striped mapping of four SSDs
stripe_of() {
	local size name=$1
	shift
	size=$(($(sectors "$1") * 4))
	dmsetup create "$name" --table \
		"0 $size striped 4 128 $1 0 $2 0 $3 0 $4 0"
}

build_all() {
	device[disk]=$disk_disk
	must stripe_of stripe "$stripe0" "$stripe1" "$stripe2" "$stripe3"
	device[stripe]=/dev/mapper/stripe
	must load_module dm-superdisk
	must super_create super "$disk_super" "$super0 $super1 $super2 $super3"
	device[superdisk]=/dev/mapper/super
	build_md
	build_cache
	build_bcache
}

build_md() {
	modprobe -a raid0 raid1 2> /dev/null
	mdadm --create /dev/md0 --run --level=0 --raid-devices=4 --chunk=64 \
		"$md0" "$md1" "$md2" "$md3" &&
		mdadm --create /dev/md1 --run --level=1 --raid-devices=2 \
			--assume-clean /dev/md0 --write-mostly "$disk_md" &&
		device[md]=/dev/md1
}

build_cache() {
	modprobe -a dm-cache dm-cache-smq 2> /dev/null
	stripe_of cache_ssd "$cache0" "$cache1" "$cache2" "$cache3" || return
	dmsetup create cache_meta --table "0 16384 linear /dev/mapper/cache_ssd 0" &&
		dmsetup create cache_data --table \
			"0 $(($(sectors /dev/mapper/cache_ssd) - 16384)) linear /dev/mapper/cache_ssd 16384" &&
		dmsetup create cache --table "0 $(sectors "$disk_cache") cache \
			/dev/mapper/cache_meta /dev/mapper/cache_data $disk_cache \
			128 1 writethrough smq 0" && device[dm_cache]=/dev/mapper/cache
}

build_bcache() {
	modprobe bcache 2> /dev/null || return
	stripe_of bcache_ssd "$bcache0" "$bcache1" "$bcache2" "$bcache3" || return
	make-bcache --writethrough -C /dev/mapper/bcache_ssd -B "$disk_bcache" || return
	echo "$disk_bcache" > /sys/fs/bcache/register
	readlink -f /dev/mapper/bcache_ssd > /sys/fs/bcache/register
	wait_for 10 test -b /dev/bcache0 || return
	echo 0 > /sys/block/bcache0/bcache/sequential_cutoff
	device[bcache]=/dev/bcache0
}

warm_up() {
	local n
	for n in "${!device[@]}"; do
		for _ in 1 2 3; do
			fio --name=w --filename="${device[$n]}" --direct=1 --rw=read \
				--bs=64k --size=32M --ioengine=libaio --iodepth=4 \
				--output=/dev/null
		done
	done
}

# measure NAME RW DEPTH: "IOPS P50_US P99_US"
measure() {
	fio --name=m --filename="${device[$1]}" --direct=1 --rw="$2" --bs=4k \
		--size=32M --ioengine=libaio --iodepth="$3" --time_based \
		--runtime="$seconds" --norandommap --output-format=json |
		figures "$2"
}

# The three figures out of fio's report.
figures() {
	awk -v want="${1#rand}" '
		$1 ~ "\"" want "\"" { in_it = 1 }
		in_it && $1 == "\"iops\"" { iops = $3 + 0 }
		in_it && $1 == "\"50.000000\"" { p50 = $3 / 1000 }
		in_it && $1 == "\"99.000000\"" { print iops, p50, $3 / 1000; exit }'
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

report_one() {
	local n=$1 what=$2
	printf -v line '%-10s %-14s %8.0f IOPS  p50 %7.0f us  p99 %7.0f us' "$n" "$what" \
		"$(cut -d' ' -f1 "/tmp/$n.$what" | median)" \
		"$(cut -d' ' -f2 "/tmp/$n.$what" | median)" \
		"$(cut -d' ' -f3 "/tmp/$n.$what" | median)"
	note "$line"
}

setup_devices
build_all
warm_up
order=(disk stripe superdisk md dm_cache bcache)
for ((round = 0; round < rounds; round++)); do
	for work in "randread 1" "randread 32" "randwrite 1"; do
		read -r rw depth <<< "$work"
		for n in "${order[@]}"; do
			[[ -n ${device[$n]:-} ]] || continue
			measure "$n" "$rw" "$depth" >> "/tmp/$n.$rw-$depth"
		done
	done
done
for work in randread-1 randread-32 randwrite-1; do
	for n in "${order[@]}"; do
		[[ -n ${device[$n]:-} ]] && report_one "$n" $work
	done
done
note "$(dmsetup status super)"
ok measured_the_superdisk test -s /tmp/superdisk.randread-1
mdadm --stop /dev/md1 /dev/md0
[[ -e /sys/block/bcache0 ]] && echo 1 > /sys/block/bcache0/bcache/stop &&
	for set in /sys/fs/bcache/*-*; do echo 1 > "$set/stop"; done
wait_for 20 test ! -b /dev/bcache0
done_testing

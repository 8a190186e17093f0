#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Super-Disk beside what it replaces, in one VM: the disk alone, a stripe of the
# SSDs (the limit of hits), md RAID0 + RAID1 write-mostly, dm-cache, bcache; and
# ours with what it does for a hit taken away piece by piece: no checksums
# (verify off), no buffer to leave a hung SSD behind (read_ms off), neither.
# What device-mapper itself costs is what a linear mapping adds to its disk.
# Rounds are interleaved, figures are medians over rounds, with the least and the
# most.  With one CPU it is taken that an instruction is a nanosecond (scripts/vm
# --icount): then nothing else on the machine shows, IOPS say how many
# instructions a request is, and to wait costs no time.  There insn_load.c asks,
# for fio takes ten times as long to start as to measure.
# Run by `make bench-disk`, both ways.
# vm: timeout=3000 tools=fio,jq fresh
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154,SC2046,SC2206
# shellcheck source=../kernel/lib.sh
. ./lib.sh

ROUNDS=5
ENOUGH_S=200	# then no other round begins
RUNTIME=300ms
cpus=$(nproc)
if [[ $cpus -eq 1 ]]; then
	ROUNDS=2
	ENOUGH_S=3600
fi
# Far larger than what is read and written, and of RAM only that; away from the
# first blocks, which are samples of the fingerprint.
MIB=1024
SSD_MIB=272
OFFSET_MIB=64
LOAD_MIB=16
declare -A ours=(
	[superdisk]=""
	[no_verify]="verify off"
	[no_bound]="read_ms off"
	[neither]="verify off read_ms off"
)
# What is taken away piece by piece is told by instructions, without noise.
order=(disk linear stripe superdisk no_verify no_bound neither md dm_cache bcache)
[[ $cpus -eq 1 ]] || order=(disk linear stripe superdisk md dm_cache bcache)
declare -A device

setup_devices() {
	local n i
	for n in "${order[@]}"; do
		[[ $n == stripe ]] || must make_disk "disk_$n" $MIB
		[[ $n != disk && $n != linear ]] || continue
		for i in 0 1 2 3; do
			must make_ssd "${n}_$i" $SSD_MIB
		done
	done
}

# ssds NAME: the four of a stack
ssds() {
	local i name
	for i in 0 1 2 3; do
		name=${1}_$i
		echo "${!name}"
	done
}

# stripe_of NAME A B C D: a striped mapping of four SSDs
stripe_of() {
	dmsetup create "$1" --table "0 $(($(sectors "$2") * 4)) striped 4 128 \
		$2 0 $3 0 $4 0 $5 0"
}

build_ours() {
	local n disk
	load_module dm-superdisk
	for n in "${order[@]}"; do
		[[ -n ${ours[$n]+ours} ]] || continue
		disk=disk_$n
		super_create $n "${!disk}" "$(ssds $n | xargs)" ${ours[$n]} &&
			device[$n]=/dev/mapper/$n
	done
}

build_md() {
	modprobe -a raid0 raid1 2> /dev/null
	mdadm --create /dev/md0 --run --level=0 --raid-devices=4 --chunk=64 \
		$(ssds md) &&
		mdadm --create /dev/md1 --run --level=1 --raid-devices=2 \
			--assume-clean /dev/md0 --write-mostly "$disk_md" &&
		device[md]=/dev/md1
}

build_cache() {
	modprobe -a dm-cache dm-cache-smq 2> /dev/null
	stripe_of cache_ssd $(ssds dm_cache) || return
	dmsetup create cache_meta --table "0 16384 linear /dev/mapper/cache_ssd 0" &&
		dmsetup create cache_data --table \
			"0 $(($(sectors /dev/mapper/cache_ssd) - 16384)) linear /dev/mapper/cache_ssd 16384" &&
		dmsetup create cache --table "0 $(sectors "$disk_dm_cache") cache \
			/dev/mapper/cache_meta /dev/mapper/cache_data $disk_dm_cache \
			128 1 writethrough smq 0" && device[dm_cache]=/dev/mapper/cache
}

build_bcache() {
	modprobe bcache 2> /dev/null || return
	stripe_of bcache_ssd $(ssds bcache) || return
	make-bcache --bucket 64k -C /dev/mapper/bcache_ssd -B "$disk_bcache" || return
	echo "$disk_bcache" > /sys/fs/bcache/register
	readlink -f /dev/mapper/bcache_ssd > /sys/fs/bcache/register
	wait_for 10 test -e /sys/block/bcache0/bcache/cache || return
	echo 0 > /sys/block/bcache0/bcache/sequential_cutoff
	for set in /sys/fs/bcache/*-*; do
		echo 0 > "$set/congested_read_threshold_us"
	done
	device[bcache]=/dev/bcache0
}

build_all() {
	device[disk]=$disk_disk
	dmsetup create linear --table \
		"0 $(sectors "$disk_linear") linear $disk_linear 0" &&
		device[linear]=/dev/mapper/linear
	stripe_of stripe $(ssds stripe) && device[stripe]=/dev/mapper/stripe
	build_ours
	build_md
	build_cache
	build_bcache
}

# fio_on NAME OPTION...: on its device.  Emulated, a device may have answered
# before fio is told that it was asked: what counts is all of the time.
fio_on() {
	fio --thread --filename="${device[$1]}" --direct=1 --ioengine=libaio --bs=4k \
		--offset=${OFFSET_MIB}M --size=${LOAD_MIB}M "${@:2}"
}

copy() {
	must dd bs=64k count=$((LOAD_MIB * 16)) status=none "$@"
}

# All hits from here on, also with those that admit only what comes again.  Of
# pages that were never written a RAM disk has nothing to copy.
warm_up() {
	local n
	for n in "${order[@]}"; do
		[[ -n ${device[$n]:-} ]] || continue
		copy if=/dev/zero of="${device[$n]}" seek=$((OFFSET_MIB * 16)) \
			oflag=direct
		[[ $n != disk && $n != linear && $n != stripe ]] || continue
		for _ in 1 2; do
			copy if="${device[$n]}" skip=$((OFFSET_MIB * 16)) \
				of=/dev/null iflag=direct
		done
	done
}

# What one round measures on one device: name, reads or writes, options.  Of a
# short run of writes half are the first ones to their regions.
jobs=(
	"hit_1 read --rw=randread --iodepth=1"
	"hit_32 read --rw=randread --iodepth=32"
	"hit_1_cpu read --rw=randread --iodepth=16 --cpus_allowed=0"
	"hit_2_cpus read --rw=randread --iodepth=16 --numjobs=2 --cpus_allowed=0,1 --cpus_allowed_policy=split --group_reporting"
	"write_1 write --rw=randwrite --iodepth=1 --sync=dsync --runtime=2"
)

# count_on DEVICE JOB KIND DEPTH COUNT: appends "IOPS P50_US MEAN_US" to
# /tmp/JOB.DEVICE, by the clock that counts instructions.
count_on() {
	must insn_load "${device[$1]}" "$3" "$4" "$5" >> "/tmp/$2.$1"
}

# measure DEVICE: all jobs
measure() {
	local job name kind rest args=()
	if [[ $cpus -eq 1 ]]; then
		count_on "$1" hit_1 read 1 1000
		count_on "$1" hit_32 read 32 4000
		count_on "$1" write_1 dsync 1 2000
		return
	fi
	for job in "${jobs[@]}"; do
		read -r name kind rest <<< "$job"
		args+=(--name="$name" --stonewall --norandommap --time_based
			--write_lat_log="/tmp/log.$name" --runtime="$RUNTIME" $rest)
	done
	fio_on "$1" "${args[@]}" --output-format=json --output=/tmp/json
	for job in "${jobs[@]}"; do
		read -r name kind _ <<< "$job"
		figures "$1" "$name" "$kind"
	done
}

# p50 JOB: the median of its latencies, us; fio's own percentiles are rounded to
# a sixtieth.
p50() {
	cut -d, -f2 /tmp/log."$1"_lat.*.log | sort -n |
		awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] / 1000 }'
	rm /tmp/log."$1"_{,c,s}lat.*.log
}

# figures DEVICE JOB KIND: appends the same of fio's report.  fio prints lines of its own before the report at times.
figures() {
	sed -n '/^{/,$p' /tmp/json | jq -r ".jobs[] |
		select(.jobname == \"$2\") | .$3 |
		\"\(.iops) $(p50 "$2") \(.lat_ns.mean / 1000)\"" >> "/tmp/$2.$1"
}

# Reads of what no SSD has, fills included; beside the disk's own.
measure_misses() {
	local i n
	for i in 0 1 2 3; do
		must dmsetup message superdisk 0 replace $i \
			"$(ssds superdisk | sed -n $((i + 1))p)"
	done
	for n in disk linear superdisk; do
		if [[ $cpus -eq 1 ]]; then
			count_on $n miss_1 read 1 1000
			continue
		fi
		fio_on $n --name=miss_1 --rw=randread --iodepth=1 \
			--write_lat_log=/tmp/log.miss_1 --time_based \
			--runtime="$RUNTIME" --output-format=json \
			--output=/tmp/json
		figures $n miss_1 read
	done
}

# column JOB DEVICE FIELD: the median, the least and the most
column() {
	cut -d' ' -f"$3" "/tmp/$1.$2" | sort -n | awk '{ v[NR] = $1 }
		END { print v[int((NR + 1) / 2)], v[1], v[NR] }'
}

# percent VALUE BASE
percent() {
	awk "BEGIN { printf \"%.1f %%\", 100 * $1 / $2 }"
}

# compare JOB FIELD BASE WHAT TARGET: every device beside its limit; where that
# is the disk, also without what device-mapper itself adds to it.
compare() {
	local n base value least most dm=0 line
	[[ -e /tmp/$1.$3 ]] || return 0
	read -r base _ < <(column "$1" "$3" "$2")
	if [[ $3 == disk ]]; then
		read -r dm _ < <(column "$1" linear "$2")
		dm=$(awk "BEGIN { print $dm - $base }")
	fi
	note "$1, $4 (limit: $3; target for superdisk: $5)"
	for n in "${order[@]}"; do
		[[ -s /tmp/$1.$n ]] || continue
		read -r value least most < <(column "$1" "$n" "$2")
		printf -v line '  %-10s %9.1f %9s   %.1f to %.1f' "$n" "$value" \
			"$(percent "$value" "$base")" "$least" "$most"
		[[ $3 != disk || $n == disk ]] ||
			line+=", without dm $(percent "($value - $dm)" "$base")"
		note "$line"
	done
}

# scaling: what the second CPU adds to hits
scaling() {
	local n one two
	[[ -e /tmp/hit_2_cpus.superdisk ]] || return 0
	note "hit_2_cpus against hit_1_cpu"
	for n in "${order[@]}"; do
		[[ -s /tmp/hit_2_cpus.$n ]] || continue
		read -r one _ < <(column hit_1_cpu "$n" 1)
		read -r two _ < <(column hit_2_cpus "$n" 1)
		note "$(printf '  %-10s %9s' "$n" "$(percent "$two" "$one")")"
	done
}

setup_devices
build_all
warm_up
for ((round = 0; round < 1 || (round < ROUNDS && SECONDS < ENOUGH_S); round++)); do
	for n in "${order[@]}"; do
		[[ -z ${device[$n]:-} ]] || measure "$n"
	done
done
ROUNDS=$round
note "$ROUNDS rounds"
note "$(dmsetup status superdisk)"
for ((round = 0; round < ROUNDS; round++)); do
	measure_misses
done
compare hit_32 1 stripe IOPS "95 % or more"
compare hit_1_cpu 1 stripe IOPS "95 % or more"
compare hit_2_cpus 1 stripe IOPS "95 % or more"
scaling
compare hit_1 2 stripe "p50 us" "105 % or less"
compare write_1 2 disk "p50 us" "105 % or less"
compare write_1 3 disk "mean us" "none"
compare miss_1 2 disk "p50 us" "110 % or less"
ok measured_the_superdisk test -s /tmp/hit_32.superdisk
mdadm --stop /dev/md1 /dev/md0
[[ -e /sys/block/bcache0 ]] && echo 1 > /sys/block/bcache0/bcache/stop &&
	for set in /sys/fs/bcache/*-*; do echo 1 > "$set/stop"; done
wait_for 20 test ! -b /dev/bcache0
done_testing

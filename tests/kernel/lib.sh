# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What a kernel case is made of.  A case is tests/kernel/<name>.sh, runs inside
# the VM of scripts/vm as root under bash, and looks like this:
#
#	#!/bin/bash
#	# SPDX-License-Identifier: Apache-2.0
#	# What it shows, in a sentence.
#	# vm: timeout=300 tools=fio fresh
#	. ./lib.sh
#
#	make_ssd ssd0 64			# -> $ssd0 = /dev/nullb0
#	ok reads_something dd if="$ssd0" of=/dev/null bs=4k count=1
#	is size_is_as_asked "$(blockdev --getsize64 "$ssd0")" $((64 << 20))
#	done_testing
#
# The line `# vm:` is optional: timeout in seconds (TCG emulates, so a second
# here is worth a tenth of one), tools of the host to bring along (image.py has
# those that are always there), fresh for a boot of its own on blank disks.
#
# Standard output is TAP, and only these functions write to it; what else a
# command says goes to standard error and is shown as a comment.  After the
# case the kernel log is scanned: a warning, an oops, a hang fails it, and the
# cases after it get a fresh machine.
#
# Rerun one case:  scripts/vm test --kernel 6.12 [--module KO] CASE

set -uo pipefail
exec 5>&1 1>&2

tests_run=0
tests_failed=0
# 1 on the first run of a case; what power_cut was given after that.
# shellcheck disable=SC2034 # for the case
phase=${1:-1}

report() {
	tests_run=$((tests_run + 1))
	echo "$1 $tests_run - $2" >&5
}

# note TEXT: a comment in the report.
note() {
	echo "# $*" >&5
}

pass() {
	report ok "$1"
}

# fail NAME [WHY...]
fail() {
	local name=$1
	shift
	tests_failed=$((tests_failed + 1))
	report "not ok" "$name"
	[[ $# -eq 0 ]] || note "$name: $*"
}

# skip NAME REASON...
skip() {
	local name=$1
	shift
	report ok "$name # SKIP $*"
}

# ok NAME COMMAND...: the command succeeds.
ok() {
	local name=$1 status=0
	shift
	"$@" || status=$?
	if [[ $status -eq 0 ]]; then
		pass "$name"
	else
		fail "$name" "exit status $status: $*"
	fi
}

# not_ok NAME COMMAND...: the command fails (but is not killed).
not_ok() {
	local name=$1 status=0
	shift
	"$@" || status=$?
	if [[ $status -gt 0 && $status -lt 126 ]]; then
		pass "$name"
	else
		fail "$name" "exit status $status: $*"
	fi
}

# is NAME GOT WANT
is() {
	if [[ $2 == "$3" ]]; then
		pass "$1"
	else
		fail "$1" "got '$2', want '$3'"
	fi
}

# like NAME TEXT REGEX
like() {
	if [[ $2 =~ $3 ]]; then
		pass "$1"
	else
		fail "$1" "'$2' does not match '$3'"
	fi
}

# must COMMAND...: a step without which the rest makes no sense.
must() {
	"$@" || bail "failed: $*"
}

bail() {
	echo "Bail out! $*" >&5
	exit 1
}

# Last line of a case: states the plan.  Ends the case.
done_testing() {
	echo "1..$tests_run" >&5
	exit $((tests_failed > 0))
}

# How much longer than usual everything takes here (scripts/vm --slow).
patience=$(tr ' ' '\n' < /proc/cmdline | sed -n 's/^superdisk\.slow=//p')

# fewer N: how much of a load there is to be, N where nothing is slow.
fewer() {
	echo $((($1 - 1) / ${patience:-1} + 1))
}

# wait_for SECONDS COMMAND...: until the command succeeds; fails at the
# deadline.
wait_for() {
	local deadline=$((SECONDS + $1 * ${patience:-1}))
	shift
	until "$@" > /dev/null 2>&1; do
		[[ $SECONDS -lt $deadline ]] || return 1
		pause 0.1
	done
}

# pause SECONDS: sleep(1) would be a process, which is dear here.
exec {nothing}<> <(:)
pause() {
	read -rt "$1" -u "$nothing" || true
}

# start COMMAND...: in the background, as $!, killed at the end of the case.
started=()
start() {
	"$@" &
	started+=($!)
}

# within SECONDS COMMAND...: it ends in time, and well.  timeout(1) would wait for
# a command that cannot be killed, as one is whose request never ends.
within() {
	local seconds=$1
	shift
	start "$@"
	set -- "${started[-1]}"
	wait_for "$seconds" eval "! kill -0 $1" && wait "$1"
}

# quietly COMMAND...: what it says is shown only if it fails.
quietly() {
	local status=0
	"$@" > /tmp/said 2>&1 || status=$?
	[[ $status -eq 0 ]] || cat /tmp/said
	return $status
}

# power_cut PHASE: the host kills the machine in this instant, boots another
# with the same virtio disks (virtio_disk) and runs this case with
# $phase = PHASE.  The numbers of its tests start again: state no plan before.
# Does not return.
power_cut() {
	echo "1..$tests_run" >&5
	trap - EXIT
	echo "phase $1" >&4
	sleep infinity
}

# host_start COMMAND...: runs a program outside, in the root of the tree, which
# reaches port N here as 127.0.0.1:$PORT_N (scripts/vm --forward N).
host_start() {
	echo "host $*" >&4
}

# host_wait: its exit status, once it has ended.
host_wait() {
	local word status
	read -r word status <&4
	[[ $word == status ]] || return 126
	return "$status"
}

# --- block devices ---------------------------------------------------------

# has_target NAME: device-mapper has it, built in or loaded for this.
has_target() {
	modprobe "dm-$1" 2> /dev/null
	dmsetup targets | grep -q "^$1 "
}

nullb=/sys/kernel/config/nullb

# make_nullb NAME MIB [COMPLETION_NS [KEY=VALUE...]]: a RAM disk with a
# completion time; sets the variable NAME to its path.  KEY is a file of
# null_blk's configfs, e.g. blocksize=4096 discard=1 cache_size=16.
make_nullb() {
	local name=$1 mib=$2 ns=${3:-0} dir=$nullb/$1 word path
	shift $(($# < 3 ? $# : 3))
	modprobe null_blk nr_devices=0 2> /dev/null
	mkdir "$dir" || return 1
	for word in "size=$mib" memory_backed=1 irqmode=$((ns ? 2 : 0)) \
			"completion_nsec=$ns" "$@" power=1; do
		echo "${word#*=}" > "$dir/${word%%=*}" || return 1
	done
	path=/dev/nullb$(cat "$dir/index")
	[[ -b $path ]] || path=/dev/$name
	wait_for 10 test -b "$path" || return 1
	printf -v "$name" %s "$path"
}

# make_ssd NAME MIB [COMPLETION_NS]: an SSD that answers in 80 us.
make_ssd() {
	make_nullb "$1" "$2" "${3:-80000}" discard=1
}

# make_disk NAME MIB [COMPLETION_NS]: a persistent disk that takes 1.5 ms.
make_disk() {
	make_nullb "$1" "$2" "${3:-1500000}"
}

# make_loop NAME DEVICE|FILE: a driver with only 128 request slots, which
# knows how to write zeroes, in front of it; sets the variable NAME to its path.
make_loop() {
	modprobe loop 2> /dev/null
	wait_for 10 test -c /dev/loop-control || return 1
	local direct=off
	[[ ! -b $2 ]] || direct=on
	printf -v "$1" %s "$(losetup --find --show --direct-io=$direct "$2")"
	[[ -n ${!1} ]]
}

# break_sectors NAME FIRST LAST / heal_sectors NAME FIRST LAST: those sectors
# of a make_nullb device fail until healed.
break_sectors() {
	echo "+$2-$3" > "$nullb/$1/badblocks"
}

heal_sectors() {
	echo "-$2-$3" > "$nullb/$1/badblocks"
}

# remove_nullb NAME: pulls the device out.
remove_nullb() {
	echo 0 > "$nullb/$1/power"
	rmdir "$nullb/$1"
}

# virtio_disk NAME: sets the variable NAME to the disk that the host gave with
# `--disk NAME=MIB`.  It survives power_cut.
virtio_disk() {
	local serial
	for serial in /sys/block/vd*/serial; do
		if [[ $(cat "$serial") == "$1" ]]; then
			serial=${serial%/serial}
			printf -v "$1" %s "/dev/${serial##*/}"
			return
		fi
	done
	echo "no disk $1: start scripts/vm with --disk $1=MIB" >&2
	return 1
}

# sectors DEVICE: its size in sectors of 512 bytes, as tables want it.
sectors() {
	blockdev --getsz "$1"
}

# The program blocks (blocks.c) writes and verifies stamped pages:
#	ok fills blocks write "$disk0" 1
#	ok holds blocks verify "$disk0" 1 FIRST_PAGE PAGES

# find_leaks: has a kernel with kmemleak say what memory nobody points at any
# more; it believes that only of what is older than a few seconds.
leaks=/sys/kernel/debug/kmemleak
find_leaks() {
	[[ -w $leaks ]] || return 0
	sleep 6
	# The first scan only notes the sums of what is new.
	echo scan > $leaks
	echo scan > $leaks
	cat $leaks
}

# load_module NAME [PARAM=VALUE...]: the module under test (--module NAME.ko)
# after what it needs.  One that an earlier case left behind goes first.
load_module() {
	local name=$1
	shift
	[[ ! -d /sys/module/${name//-/_} ]] || rmmod "$name"
	modprobe -a crc32c_intel libcrc32c 2> /dev/null
	insmod "/lib/superdisk/$name.ko" "$@"
}

# --- dm-superdisk ----------------------------------------------------------

# make_mortal NAME MIB [COMPLETION_NS]: an SSD behind a linear mapping, $NAME =
# /dev/mapper/NAME, so that it can die, hang and come back.
make_mortal() {
	local raw=raw_$1
	make_ssd "$raw" "$2" "${3:-80000}" || return 1
	dmsetup create "$1" --table "0 $(sectors "${!raw}") linear ${!raw} 0" ||
		return 1
	printf -v "$1" %s "/dev/mapper/$1"
}

# Everything fails from now on, what is under way included.
kill_ssd() {
	dmsetup reload "$1" --table "0 $(sectors "/dev/mapper/$1") error" &&
		dmsetup suspend --noflush --nolockfs "$1" && dmsetup resume "$1"
}

revive_ssd() {
	local raw=raw_$1
	dmsetup reload "$1" --table "0 $(sectors "${!raw}") linear ${!raw} 0" &&
		dmsetup suspend --noflush --nolockfs "$1" && dmsetup resume "$1"
}

# It takes requests and answers none.
hung=()
hang_ssd() {
	hung+=("$1")
	dmsetup suspend --noflush --nolockfs "$1"
}

unhang_ssd() {
	dmsetup resume "$1"
}

# super_create NAME DISK "SSD..." [OPTION WORDS]
super_create() {
	local name=$1 disk=$2 ssds=$3 words
	shift 3
	words=$(wc -w <<< "$ssds")
	dmsetup create "$name" --table \
		"0 $(sectors "$disk") superdisk $disk $words $ssds $# $*"
}

# ssd_field NAME POSITION FIELD: of the status of a Super-Disk.
ssd_fields=(device state valid hits misses writes write_arounds fills
	fills_dropped rescues read_errors write_errors csum_errors races
	retired doubted slots admissions evictions refusals throttled bypassed
	unverified hedges hedge_wins overdue hedge_us)
ssd_field() {
	local words i
	read -ra words < <(dmsetup status "$1")
	for i in "${!ssd_fields[@]}"; do
		[[ ${ssd_fields[i]} == "$3" ]] &&
			echo "${words[9 + $2 * ${#ssd_fields[@]} + i]}"
	done
}

# ssd_is NAME POSITION FIELD VALUE, for wait_for
ssd_is() {
	[[ $(ssd_field "$1" "$2" "$3") == "$4" ]]
}

# --- order afterwards ------------------------------------------------------

# Takes everything away that a case made, newest first, however it ended.
clean_up() {
	local status=$? name
	cd /
	# Whoever waits for one that hangs could not even be killed.
	for name in "${hung[@]}"; do
		unhang_ssd "$name"
	done
	{
		[[ ${#started[@]} -eq 0 ]] || kill -KILL "${started[@]}"
		wait
	} 2> /dev/null
	awk '$2 ~ "^/mnt" { print $2 }' /proc/mounts | tac |
		while read -r name; do umount "$name"; done
	{
		dmsetup remove_all --force
		# Loop devices may stand between two of them.
		losetup -D
		dmsetup remove_all --force
	} > /dev/null 2>&1
	for name in "$nullb"/*/; do
		[[ -d $name ]] && remove_nullb "$(basename "$name")"
	done
	find_leaks
	exit "$status"
}
trap clean_up EXIT

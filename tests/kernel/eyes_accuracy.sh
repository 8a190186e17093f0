#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the eyes say beside the truth: disk percentiles beside fio's on devices
# that complete after a known time, round trips beside a netem delay in a
# network namespace, time in the receive queue beside a reader that sleeps so
# long, bytes held beside a reader that stops.
#
# Bounds are those of order: no request is faster than its device, none takes
# longer than fio saw, and a figure read off a bucket is 6.25 % wrong at most.
# fio sees its own system call and being woken, too, which is long where the
# CPU is emulated: there the nominal time is the nearer truth.
# vm: timeout=600 tools=jq,fio,ip,tc
# shellcheck disable=SC2317,SC2154 # lib.sh calls and sets them
. ./lib.sh

export SUPERDISK_SOCKET=/tmp/superdiskd.sock
log=/tmp/superdiskd.log
port=

# beside WHAT TRUTH OURS: in one line, with the error
beside() {
	note "$(awk -v what="$1" -v truth="$2" -v ours="$3" 'BEGIN {
		printf "%-34s truth %8d  ours %8d  error %+.1f %%", what,
			truth, ours, 100 * (ours - truth) / truth }')"
}

# bounded NAME LOW OURS HIGH: but for what a bucket may be wrong
bounded() {
	ok "$1" test "$3" -ge $(($2 * 93 / 100)) -a "$3" -le $(($4 * 107 / 100))
}

# --- disk ------------------------------------------------------------------

# disk NAME COMPLETION_US READS: device time beside what fio has seen
disk() {
	local quantile ours fio

	make_nullb "$1" 16 $(($2 * 1000)) || bail "no device"
	fio --name=truth --filename="${!1}" --rw=randread --bs=4k --direct=1 \
		--ioengine=psync --number_ios="$3" --output-format=json \
		--percentile_list=50:99 --output=/tmp/fio
	superdisk latency --json -d "${!1##*/}" -o read > /tmp/ours
	for quantile in 50 99; do
		ours=$(jq ".series[0].operations.read.device.p${quantile}_ns
			/ 1000 | floor" /tmp/ours)
		fio=$(jq ".jobs[0].read.clat_ns.percentile.\"$quantile.000000\"
			/ 1000 | floor" /tmp/fio)
		beside "device of $2 us, p$quantile, nominal" "$2" "$ours"
		beside "device of $2 us, p$quantile, fio's" "$fio" "$ours"
		bounded "p${quantile}_of_a_device_of_$2_us" "$2" "$ours" "$fio"
	done
}

# --- sockets ---------------------------------------------------------------

# said KEY: by talk
said() {
	awk -v key="$1" '$1 == key { print $2 }' /tmp/talk
}

# ask: what of talk's port is to be compared
ask() {
	superdisk sockets --json > /tmp/sockets
	port=$(said port)
}

# span_us SPAN: median of the group of talk's port
span_us() {
	jq ".groups[] | select(.port == $port) | .spans.$1.p50_ns / 1000 |
		floor" /tmp/sockets
}

# held: by connections of talk's port
held() {
	jq "[.groups[] | select(.port == $port) | .unsent + .unacked] |
		add // 0" /tmp/sockets
}

said_held() {
	[[ -n $(said held) ]]
}

must ip link set lo up
start superdiskd --listen none --socket $SUPERDISK_SOCKET --state none \
	--sockets 2> $log
daemon=$!
must wait_for 60 grep -q 'block=measured sockets=measured' $log

disk quick 500 400
disk medium 2000 300
disk slow 10000 100

must ip netns add far
must ip -n far link set lo up
modprobe sch_netem
must tc -n far qdisc add dev lo root netem delay 100ms
must sh -c "ip netns exec far talk echo 10 > /tmp/talk"
ask
beside "round trip, us, netem's 2 x 100 ms" 200000 "$(span_us rtt)"
# a late acknowledgement counts into the kernel's own smoothed figure
bounded a_round_trip_is_what_netem_makes_it 200000 "$(span_us rtt)" \
	$((3 * $(said p50_us)))
beside "send to acknowledgement, us" 200000 "$(span_us ack)"
bounded so_is_the_time_to_its_acknowledgement 200000 "$(span_us ack)" \
	$((3 * $(said p50_us)))
must ip netns del far

must sh -c "talk late 100 20 > /tmp/talk"
ask
beside "in the receive queue, us, sleeps" "$(said p50_us)" "$(span_us read)"
bounded the_wait_for_a_reader_is_its_sleep 100000 "$(span_us read)" \
	"$(said p50_us)"

start talk deaf > /tmp/talk
talker=$!
must wait_for 120 said_held
ask
beside "bytes held by a reader that stops" "$(said held)" "$(held)"
bounded what_a_deaf_reader_holds_is_what_was_sent "$(said held)" "$(held)" \
	"$(said held)"
is it_is_the_slowest_of_all "$(jq '.slowest[0].port' /tmp/sockets)" "$port"
kill -KILL $talker
kill -TERM $daemon
wait $daemon
done_testing

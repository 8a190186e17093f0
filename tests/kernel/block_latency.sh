#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# superdiskd's block programs load on this kernel, count every request, say
# which dm device caused it, and go when superdiskd dies.
# vm: timeout=300 tools=jq,curl,bpftool
# shellcheck disable=SC2317,SC2154 # lib.sh calls and sets them
. ./lib.sh

socket=/tmp/superdiskd.sock
log=/tmp/superdiskd.log

# latency FILTER: of the JSON that the command prints
latency() {
	superdisk latency --socket $socket --json "${@:2}" | jq -r "$1"
}

# ios DEVICE OPERATION SPAN [OPTION]: I/Os since superdiskd started
ios() {
	latency "[.series[] | select(.device == \"$1\") | .operations.$2.$3.count
		// 0] | add // 0" "${@:4}"
}

# counted NAME GOT WANT: all of them, less what is admitted as lost
counted() {
	local lost

	lost=$(latency '.lost | add')
	if [[ $2 -le $3 && $(($2 + lost)) -ge $3 ]]; then
		pass "$1"
	else
		fail "$1" "got $2, lost $lost, want $3"
	fi
}

programs() {
	bpftool prog show 2> /dev/null | grep -cE 'name (bio|rq)_'
}

no_programs() {
	[[ $(programs) -eq 0 ]]
}

make_ssd ssd0 64
make_disk disk0 64 5000000
make_disk disk1 16 50000000
# shellcheck disable=SC2154 # set by make_ssd
ssd_name=${ssd0##*/}
# shellcheck disable=SC2154
disk_name=${disk0##*/}

mkdir -p /mnt/cgroup
must mount -t cgroup2 none /mnt/cgroup
must sh -c "echo +io > /mnt/cgroup/cgroup.subtree_control"
must mkdir /mnt/cgroup/reader
start superdiskd --advice --listen 127.0.0.1:9650 --socket $socket 2> $log
daemon=$!
ok becomes_ready wait_for 60 grep -q ' ready ' $log
note "$(cat $log)"
like measures "$(cat $log)" 'block=measured'
is holds_no_capability "$(sed -n 's/^CapEff:\t//p' /proc/$daemon/status)" \
	0000000000000000

must dd if="$ssd0" of=/dev/null bs=4k count=300 iflag=direct status=none
must dd if=/dev/zero of="$ssd0" bs=4k count=200 oflag=direct status=none
counted counts_every_read "$(ios "$ssd_name" read device)" 300
counted counts_every_write "$(ios "$ssd_name" write device)" 200
counted counts_queue_time_as_often "$(ios "$ssd_name" write queue)" 200

must dmsetup create above --table "0 $(sectors "$disk0") linear $disk0 0"
before=$(ios "$disk_name" read device)
must dd if=/dev/mapper/above of=/dev/null bs=4k count=100 iflag=direct \
	status=none
counted follows_dm_to_its_disk "$(latency '.series[]
	| select(.parent == "above") | .operations.read.device.count' \
	--parents)" "$(ios above read device)"
counted counts_the_disk_with_it \
	"$(($(ios "$disk_name" read device) - before))" "$(ios above read device)"
# now, before others are slower
ok knows_the_slowest_requests sh -c "curl -sf 127.0.0.1:9650/slow.json |
	jq -e '[.requests[].device] |
		contains([\"above\"]) and contains([\"$disk_name\"])'"
slow=$(latency ".series[] | select(.device == \"$disk_name\")
	| .operations.read.device.p50_ns")
note "p50 of a disk of 5 ms: $slow ns"
ok a_disk_of_5_ms_takes_5_ms_and_more test "$slow" -ge 4600000
ok loses_next_to_nothing test "$(latency '.lost | add')" -lt 20

# the table of bios under way: keys that are not 0, less those of the array
ways_in_use() {
	bpftool map dump name bios | grep -cE '"key": [1-9]'
}
all_given_back() {
	[[ $(ways_in_use) -le $((8191 + 4)) ]]
}
must dd if="$ssd0" of=/dev/null bs=1M status=none
ok gives_every_place_back wait_for 60 all_given_back

ok serves_metrics sh -c "curl -sf 127.0.0.1:9650/metrics > /tmp/metrics"
like metrics_name_the_device "$(cat /tmp/metrics)" \
	"superdisk_block_device_seconds_count\{device=\"$ssd_name\",parent=\"\",operation=\"write\"\} [1-9]"

must sh -c "echo \$\$ > /mnt/cgroup/reader/cgroup.procs; exec dd if=$disk1 \
	of=/dev/null bs=4k count=5 iflag=direct status=none"
ok knows_who_sent_them sh -c "curl -sf 127.0.0.1:9650/slow.json |
	jq -e 'any(.requests[]; .device == \"${disk1##*/}\" and
		.command == \"dd\" and .bytes == 4096 and
		.cgroup == \"/reader\")'"
note "$(SUPERDISK_SOCKET=$socket superdisk slowest | head -3)"

# Another one's figures, of that cgroup and below only.
must sh -c "echo +io > /mnt/cgroup/reader/cgroup.subtree_control"
must mkdir /mnt/cgroup/reader/below
start superdisk latency --json -c /mnt/cgroup/reader > /tmp/of_cgroup \
	2> /tmp/of_cgroup.err
watcher=$!
must wait_for 60 grep -q measuring /tmp/of_cgroup.err
must dd if="$ssd0" of=/dev/null bs=4k count=50 iflag=direct status=none
must sh -c "echo \$\$ > /mnt/cgroup/reader/below/cgroup.procs; exec dd \
	if=$ssd0 of=/dev/null bs=4k count=20 iflag=direct status=none"
kill -INT $watcher
wait $watcher
is measures_a_cgroup_alone "$(jq '[.series[].operations.read.device.count] |
	add' /tmp/of_cgroup)" 20
not_ok knows_no_such_cgroup superdisk latency -c /nonexistent

like attaches_programs "$(programs)" '^[1-9]'
must kill -KILL $daemon
ok leaves_none_behind_when_killed wait_for 20 no_programs
done_testing

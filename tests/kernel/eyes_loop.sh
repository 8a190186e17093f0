#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One of four SSDs turns slow: superdiskd finds it, routes around it, and takes
# it back when it has recovered; no request fails and nothing flaps.
# vm: timeout=600 tools=jq,fio fresh
# shellcheck disable=SC2317,SC2154 # traps and lib.sh call and set them
. ./lib.sh

log=/tmp/superdiskd.log
daemon=
load=

end() {
	local status=$?

	[[ -z $daemon ]] || kill -KILL "$daemon" 2> /dev/null
	[[ -z $load ]] || kill -KILL "$load" 2> /dev/null
	(exit "$status")
	clean_up
}
trap end EXIT

states() {
	superdisk status --json fast | jq -r '[.[0].ssds[].state] | join(" ")'
}

states_are() {
	[[ $(states) == "$1" ]]
}

decisions() {
	grep -cE "^warn care $1 " $log
}

# p99 of reads from the Super-Disk over five seconds
p99() {
	superdisk latency --socket /tmp/sock --json -d fast -o read 5 1 |
		jq -r '.series[0].operations.read.device.p99_ns / 1000 | floor |
			"\(.) us"'
}

# delay_ms MS: what dm-delay adds to each I/O of the third SSD
delay_ms() {
	local size

	size=$(sectors "$ssd2")
	dmsetup reload sick --table "0 $size delay $ssd2 0 $1"
	dmsetup suspend --noflush --nolockfs sick
	dmsetup resume sick
}

must load_module dm-superdisk
modprobe dm-delay
for name in ssd0 ssd1 ssd2 ssd3; do
	make_ssd $name 16
done
make_disk disk0 48
# shellcheck disable=SC2154 # set by make_ssd
must dmsetup create sick --table "0 $(sectors "$ssd2") delay $ssd2 0 0"
# shellcheck disable=SC2154
must superdisk create fast "$disk0" "$ssd0" "$ssd1" /dev/mapper/sick "$ssd3" \
	--mode mirror
must dd if=/dev/mapper/fast of=/dev/null bs=64k iflag=direct status=none
superdiskd --listen none --socket /tmp/sock --warm 0 2> $log &
daemon=$!
must wait_for 60 grep -q ' ready ' $log

fio --name=load --filename=/dev/mapper/fast --rw=randread --bs=4k --direct=1 \
	--ioengine=libaio --iodepth=4 --time_based --runtime=400 \
	--size=40M --output=/tmp/fio --output-format=json &
load=$!
must wait_for 60 grep -q 'module_found' $log
# the caretaker wants to know their past first
sleep 20
is leaves_healthy_ssds_alone "$(decisions bypass)" 0

note "p99 before: $(p99)"
delay_ms 30
note "p99 with a slow SSD: $(p99)"
ok finds_the_slow_one wait_for 60 states_are "in in bypass in"
note "$(grep ' bypass ' $log)"
is and_only_that "$(decisions bypass)" 1

note "p99 around it: $(p99)"
delay_ms 0
ok takes_it_back_when_it_has_recovered wait_for 120 states_are "in in in in"
note "$(grep ' restore ' $log)"
is once "$(decisions restore)" 1
is never_flaps "$(decisions bypass)" 1
ok keeps_serving kill -0 $load
kill -INT $load
wait $load
load=
is no_request_has_failed "$(sed -n '/^{/,$p' /tmp/fio |
	jq '.jobs[0].error')" 0
kill -TERM $daemon
wait $daemon
daemon=
is superdiskd_ends_cleanly $? 0
is and_the_module_serves_on "$(states)" "in in in in"
done_testing

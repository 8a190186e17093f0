#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One request to a Super-Disk is shown as miss, fill, hit, rescue, heal, hedge
# or write, with each step of it: to which device, and how long it took.
# vm: timeout=400 tools=jq
# shellcheck disable=SC2016,SC2317,SC2154 # jq has variables; lib.sh
. ./lib.sh

trace=/tmp/trace
tracer=

# follow NAME: starts to trace it, and waits until that sees something
follow() {
	[[ -z $tracer ]] || { kill -INT "$tracer"; wait "$tracer"; }
	: > "$trace"
	start superdisk trace --json "$1" >> "$trace" 2> "$trace.err"
	tracer=$!
	wait_for 60 sees_something "$1"
}

sees_something() {
	dd if="/dev/mapper/$1" of=/dev/null bs=4k count=1 iflag=direct \
		status=none
	[[ -s $trace ]]
}

# requests SECTOR PATH [FILTER]: the whole ones among them, as a JSON array
requests() {
	jq -rs "[.[] | select(.sector == $1 and .path == \"$2\" and .complete)]
		| ${3:-.}" "$trace"
}

# seen SECTOR PATH, for wait_for
seen() {
	jq -es "any(.[]; .sector == $1 and .path == \"$2\" and .complete)" "$trace"
}

# steps SECTOR PATH: of the first such request, e.g. "ssd read, disk read"
steps() {
	wait_for 20 seen "$1" "$2"
	requests "$1" "$2" \
		'.[0].steps | [.[] | "\(.role) \(.direction)"] | join(", ")'
}

# step_us SECTOR PATH STEP: how long it took in the device
step_us() {
	requests "$1" "$2" ".[0].steps[$3].device_ns / 1000 | floor"
}

# within SECTOR PATH: every step lies in its request's time, but for what the
# reader did not wait for
within() {
	[[ $(requests "$1" "$2" 'all(.[]; .total_ns as $total | all(.steps[];
		.after_ns + .queue_ns + .device_ns <= $total))') == true ]]
}

# read_page SECTOR [DEVICE]
read_page() {
	dd if="${2:-/dev/mapper/fast}" of=/dev/null bs=4k count=1 \
		skip=$(($1 / 8)) iflag=direct status=none
}

must load_module dm-superdisk
make_ssd ssd0 32
make_ssd ssd1 32
make_disk disk0 48
must blocks write "$disk0" 1
must superdisk create fast "$disk0" "$ssd0" "$ssd1" --mode mirror
must follow fast

must read_page 4096
is a_miss_is_read_from_the_disk "$(steps 4096 miss)" "disk read"
ok and_takes_as_long_as_the_disk test "$(step_us 4096 miss 0)" -ge 1400
ok within_the_request within 4096 miss
is its_fill_is_written_to_the_ssd "$(steps 4096 fill)" "ssd write"
must read_page 4096
is a_hit_is_read_from_the_ssd "$(steps 4096 hit)" "ssd read"
ok within_the_request within 4096 hit
note "$(requests 4096 hit '.[0] | tojson')"

# the data of the first slot of an SSD begins at its sector 2048
must dd if=/dev/urandom of="$ssd0" bs=4k seek=256 count=1 oflag=direct \
	status=none
must read_page 0
is a_wrong_page_is_read_twice "$(steps 0 rescue)" "ssd read, disk read"
ok within_the_request within 0 rescue
is its_repair_is_read_back "$(steps 0 heal)" "ssd write, ssd read"
is and_good "$(requests 0 heal '.[0].error')" 0
note "$(requests 0 heal '.[0] | tojson')"

must read_page 8
must wait_for 20 seen 8 fill
must break_sectors ssd0 2056 2063
must read_page 8
is an_unreadable_page_is_read_twice "$(steps 8 rescue)" "ssd read, disk read"
ok which_shows_the_failed_step sh -c "jq -se 'any(.[]; .path == \"rescue\" and
	.sector == 8 and .steps[0].status != 0)' $trace"
wait_for 20 seen 8 heal
is a_repair_that_fails_says_so "$(requests 8 heal '.[0].error')" -5
must heal_sectors ssd0 2056 2063

must dd if=/dev/zero of=/dev/mapper/fast bs=4k seek=2048 count=1 oflag=direct \
	status=none
like a_write_has_two_halves "$(steps 16384 write)" \
	'^(ssd write, disk write|disk write, ssd write)$'

superdisk trace fast > /tmp/text &
follower=$!
shown() {
	read_page 4096
	grep -q ' hit ' /tmp/text
}
ok text_shows_the_step_too wait_for 20 shown
note "$(grep -m 1 ' hit ' /tmp/text)"
like with_its_time "$(grep -m 1 ' hit ' /tmp/text)" \
	"ssd [01] [a-z]+[0-9]+ read [0-9.]+ [um]s"
kill -INT $follower
wait $follower
ok loses_nothing sh -c "! grep lost $trace.err"
must superdisk remove fast

# A slow SSD: the disk wins, and the SSD's answer is shown when it comes.
must has_target delay
must dmsetup create lame --table "0 $(sectors "$ssd0") delay $ssd0 0 0"
must superdisk create hedged "$disk0" /dev/mapper/lame "$ssd1" --mode mirror \
	--option hedge_us=20000
must follow hedged
must read_page 128 /dev/mapper/hedged
must read_page 256 /dev/mapper/hedged
must wait_for 20 seen 256 fill
must dmsetup reload lame --table "0 $(sectors "$ssd0") delay $ssd0 0 300"
must dmsetup suspend --noflush --nolockfs lame
must dmsetup resume lame
must read_page 256 /dev/mapper/hedged
is a_hedged_read_asks_both "$(steps 256 hedge_win)" "ssd read, disk read"
ok the_ssd_was_slower test "$(step_us 256 hedge_win 0)" -ge 290000
ok than_the_request test "$(requests 256 hedge_win \
	'.[0].total_ns / 1000 | floor')" -lt 290000
must superdisk remove hedged
done_testing

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Threads churn while viewers come, look at everything and leave: neither the
# agent nor a viewer that stays grows, and the figures do not drift away from what
# is alive. soak.sh [SECONDS]: 20 without; with MEMTOP_LONG=1 an hour.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

seconds=20
[ -n "${MEMTOP_LONG:-}" ] && seconds=3600
seconds=${1:-$seconds}
LC_ALL=C.UTF-8
export LC_ALL

mkfifo "$TMP/orders" "$TMP/keys"
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/tier_load" short <"$TMP/orders" >"$TMP/truth" &
pid=$!
exec 9>"$TMP/orders"
within 20 grep -q up "$TMP/truth"
ok $? 'the program runs'
segment=$(echo "$MEMTOP_DIR"/memtop-$pid-*)

# Pause it; what it knows goes into variables, what memtop knows into *json*.
pause() {
    local lines
    lines=$(wc -l <"$TMP/truth")
    echo p >&9
    within 60 sh -c '[ "$(wc -l <"$0")" -gt "$1" ]' "$TMP/truth" "$lines"
    read -r allocations frees blocks bytes < <(tail -n 1 "$TMP/truth")
    "$MEMTOP" report --json $pid >"$TMP/json"
}

# What memtop knows beyond what the program does: the blocks of the C library and
# of the threads themselves, which are the same ones all the time.
others() {
    value "[(t['allocations'] - $allocations, t['frees'] - $frees,
        t['live_blocks'] - $blocks, t['live_bytes'] - $bytes) for t in [j['totals']]]" "$TMP/json"
}
sums='[[sum(s[k] for s in j[part]) == j["totals"][k] for part in ("sites", "sizes")] for k in
    ("allocations", "frees", "live_blocks", "live_bytes", "bytes_allocated", "bytes_freed")]'
wrong="[k for k in ('lost', 'lost_frees', 'foreign_frees', 'missed_frees', 'unattributed')
    if j['totals'][k]] + [k for k in $sums if k != [True, True]]"

kilobytes() { # NAME PID: a figure of /proc/PID/status
    sed -n "s/^$1:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$2/status"
}
# Committed by the segment, resident of the program, private of the viewer; in KiB.
sizes() {
    echo "$(($(stat -c %b "$segment") / 2)) $(kilobytes VmRSS $pid) $(kilobytes RssAnon "$viewer")"
}

# The viewer that stays: goes through all views each round.
# shellcheck disable=SC2016
"$SCREEN" -r 43 -c 132 -s "$TMP/keys" -- \
    sh -c 'echo $$ >"$0/viewer"; exec "$@"' "$TMP" "$MEMTOP" $pid >"$TMP/stays" 2>&1 &
screen=$!
exec 8<>"$TMP/keys"
within 20 test -s "$TMP/viewer"
viewer=$(cat "$TMP/viewer")

views='tab Tree
match " step( |$)"
keys i
keys i
keys i
tab Sites
match " step( |$)"
tab Sizes
wait "live blocks"
tab Threads
match "tier_load"
tab Time
tab Overview'

round() { # NUMBER: everybody comes and goes
    kill -0 "$viewer" || return 1
    echo "$views" >&8
    printf '%s\nkeys q\nexpect-exit 0 60\n' "$views" |
        "$SCREEN" -r 24 -c 80 -- "$MEMTOP" $pid >"$TMP/out" 2>&1 || { cat "$TMP/out"; return 1; }
    "$MEMTOP" report $pid >"$TMP/out" && "$MEMTOP" mark $pid "round $1" >"$TMP/out" &&
        "$MEMTOP" mode $pid exact >"$TMP/out" &&
        "$MEMTOP" snapshot -o "$TMP/round-$1.memtop" $pid >"$TMP/out" 2>&1 &&
        "$MEMTOP" report "$TMP/round-$1.memtop" >"$TMP/out" && rm "$TMP/round-$1.memtop"
}

rounds=0 failed=0 drifts=0
go_round() {
    rounds=$((rounds + 1))
    round $rounds >"$TMP/round" 2>&1 || { failed=$((failed + 1)); sed 's/^/# /' "$TMP/round" "$TMP/out"; }
}
go_round
go_round
pause
at_first=$(others)
is "$(value "$wrong" "$TMP/json")" '[]' 'sites and sizes add up, nothing is lost'
echo g >&9
read -r segment_kb program_kb viewer_kb < <(sizes)

end=$(($(date +%s) + seconds))
while [ "$(date +%s)" -lt $end ]; do
    go_round
    pause
    [ "$(others)" = "$at_first" ] && [ "$(value "$wrong" "$TMP/json")" = '[]' ] ||
        { drifts=$((drifts + 1)); echo "# round $rounds: $(others) $(value "$wrong" "$TMP/json")"; }
    echo g >&9
done
is $failed 0 "$rounds times viewers came, looked and left"
is $drifts 0 "after each, $allocations allocations in all, the figures were those of the program"
read -r segment_now program_now viewer_now < <(sizes)
echo "# KiB: segment $segment_kb to $segment_now, program $program_kb to $program_now, viewer $viewer_kb to $viewer_now"

# What is allowed grows with neither time nor calls, of which there are millions a
# second: the heap finds its size, a second's record takes 320 bytes for half an hour.
[ $((segment_now - segment_kb)) -lt 4096 ]
ok $? 'the segment has not grown'
[ $((program_now - program_kb)) -lt 8192 ]
ok $? 'nor has the program'
[ $((viewer_now - viewer_kb)) -lt 4096 ]
ok $? 'nor the viewer that stayed'

# ---- tiers, to and fro: calls are still counted, each one
for tier in sampled counters exact; do
    "$MEMTOP" mode $pid $tier >"$TMP/out" &&
        within 60 sh -c '"$0" report --json --top 0 "$1" | grep -q "\"tier\":\"$2\""' \
            "$MEMTOP" $pid $tier
    ok $? "the tier is $tier"
    go_round
done
pause
is "$(others | cut -d, -f 1,2)" "$(echo "$at_first" | cut -d, -f 1,2)" \
    'allocations and frees are those of the program'
echo g >&9

echo 'keys q' >&8
echo 'expect-exit 0 60' >&8
exec 8>&- # the script ends, and with it the terminal
wait $screen
is "$? $(cat "$TMP/stays")" '0 ' 'the viewer that stayed has found all it looked for'
exec 9>&-
wait $pid
is $? 0 'the program took no notice'
done_testing

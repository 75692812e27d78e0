#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Threads churn while viewers come, look at everything and leave: neither the agent
# grows nor a viewer, a recording and a stream of reports that stay all the time, and
# the figures do not drift away from what is alive. soak.sh [SECONDS]: 30 without; with
# MEMTOP_LONG=1 an hour.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

seconds=30
[ -n "${MEMTOP_LONG:-}" ] && seconds=3600
seconds=${1:-$seconds}
LC_ALL=C.UTF-8
export LC_ALL
unset NO_COLOR

# ---- the program, and the same one without the agent
mkfifo "$TMP/orders" "$TMP/plain-orders" "$TMP/keys"
"$VICTIMS/tier_load" short 100000 <"$TMP/plain-orders" >"$TMP/plain-truth" &
plain=$!
exec 7>"$TMP/plain-orders"
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/tier_load" short 100000 <"$TMP/orders" >"$TMP/truth" 7>&- &
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

# ---- those who stay
# shellcheck disable=SC2016
"$SCREEN" -r 43 -c 132 -s "$TMP/keys" -- \
    sh -c 'echo $$ >"$0/viewer"; exec "$@"' "$TMP" "$MEMTOP" attach $pid >"$TMP/stays" 2>&1 7>&- 9>&- &
screen=$!
exec 8<>"$TMP/keys"
within 20 test -s "$TMP/viewer"
viewer=$(cat "$TMP/viewer")
"$MEMTOP" record -o "$TMP/recording" $pid >"$TMP/recorded" 2>&1 7>&- 8>&- 9>&- &
recorder=$!
"$MEMTOP" report --json --watch 1 $pid \
    > >(exec 7>&- 8>&- 9>&-; wc -l >"$TMP/watched") 2>"$TMP/watch-said" 7>&- 8>&- 9>&- &
watch=$!

# Views have something to show.
within 60 "$MEMTOP" report --at '#4' "$TMP/recording"
ok $? 'it is looked at, and recorded'

kilobytes() { # NAME PID: a figure of /proc/PID/status
    sed -n "s/^$1:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$2/status"
}
# In KiB: committed by the segment; resident of the program, and of it without the
# agent; private of the viewer, of the recording and of the reports.
sizes() {
    echo "$(($(stat -c %b "$segment") / 2)) $(kilobytes VmRSS $pid) $(kilobytes VmRSS $plain)" \
        "$(kilobytes RssAnon "$viewer") $(kilobytes RssAnon $recorder) $(kilobytes RssAnon $watch)"
}
begin=$(date +%s)
show() {
    local now
    read -ra now < <(sizes)
    echo "# after $(($(date +%s) - begin)) s, in KiB: segment ${now[0]}, program ${now[1]}" \
        "(without the agent ${now[2]}), viewer ${now[3]}, record ${now[4]}, watch ${now[5]};" \
        "recording $(stat -c %s "$TMP/recording") bytes, $allocations allocations," \
        "$rounds rounds, $failed failed, $drifts with drift"
}

# ---- a round
views='keys x
tab Overview
match "( step|\(unattributed\))( |$)"
tab Tree
match "( step|\(unattributed\))( |$)"
keys i
keys i
keys \\main<Enter>
match "main.: .* blocks"
keys \\<C-u><Enter>
wait! main":
keys i
tab Sites
match "( step|\(unattributed\))( |$)"
keys b
match "blocks, .*, of (step|.unattributed)"
tab Sizes
match "live blocks, "
keys <Space>
wait SELECTED
keys x
wait! SELECTED
tab Threads
match "tier_load"
tab Time
wait "now: live"
keys <Home>
wait! "now: live"
keys <End>
wait "now: live"
tab Output
wait "a terminal of its own"
keys ?
wait "this page"
keys q'

# The one that stays compares marks, too, and deletes them.
stays() { # NUMBER
    echo "$views
tab Marks
wait \"round $1\"
keys m
wait \" is set at \"
tab Sites
keys D
wait dLIVE
keys D
wait \"since mark\"
keys D
wait! dLIVE
tab Marks
keys dd
wait \"no marks yet\"
dump $TMP/seen"
}

round() { # NUMBER TIER: everybody comes and goes
    rm -f "$TMP/seen"
    "$MEMTOP" mark $pid "round $1" >"$TMP/out" || return 1
    stays "$1" >&8
    printf '%s\nkeys mq\nexpect-exit 0\n' "$views" |
        "$SCREEN" -r 24 -c 80 -- "$MEMTOP" $pid >"$TMP/out" 2>&1 7>&- 8>&- 9>&- || return 1
    "$MEMTOP" report $pid >"$TMP/out" && "$MEMTOP" mode $pid "$2" >"$TMP/out" &&
        "$MEMTOP" snapshot -o "$TMP/now.memtop" $pid >"$TMP/out" 2>&1 &&
        "$MEMTOP" report "$TMP/now.memtop" >"$TMP/out" && rm "$TMP/now.memtop" &&
        within 600 sh -c '[ -e "$0" ] || ! kill -0 "$1"' "$TMP/seen" $screen && [ -e "$TMP/seen" ]
}

rounds=0 failed=0 drifts=0
go_round() { # TIER
    rounds=$((rounds + 1))
    round $rounds "$1" >"$TMP/round" 2>&1 && return
    failed=$((failed + 1))
    echo "# round $rounds, tier $1"
    sed 's/^/# /' "$TMP/round" "$TMP/out" "$TMP/stays"
}
go_round exact
go_round exact
pause
at_first=$(others)
is "$(value "$wrong" "$TMP/json")" '[]' 'sites and sizes add up, nothing is lost'
echo g >&9
read -ra before < <(sizes)
show

end=$(($(date +%s) + seconds)) next=$(($(date +%s) + 300))
while [ "$(date +%s)" -lt $end ] && kill -0 $screen 2>/dev/null; do
    go_round exact
    pause
    [ "$(others)" = "$at_first" ] && [ "$(value "$wrong" "$TMP/json")" = '[]' ] ||
        { drifts=$((drifts + 1)); echo "# round $rounds: $(others) $(value "$wrong" "$TMP/json")"; }
    echo g >&9
    if [ "$(date +%s)" -ge $next ]; then
        show
        next=$((next + 300))
    fi
done
is $failed 0 "$rounds times viewers came, looked and left"
is $drifts 0 "after each, $allocations allocations in all, the figures were those of the program"
show
read -ra after < <(sizes)

# What is allowed grows with neither time nor calls, of which there are hundreds of
# thousands a second: the heap finds its size, a second's record takes 320 bytes for half
# an hour, and the recording goes on to its full length.
for i in 0:4096:'the segment has not grown' 1:8192:'nor has the program' \
    3:4096:'nor the viewer that stayed' 4:16384:'nor the recorder' 5:4096:'nor the reports'; do
    IFS=: read -r which most text <<<"$i"
    [ $((after[which] - before[which])) -lt "$most" ]
    ok $? "$text: ${before[which]} KiB, then ${after[which]}"
done

# ---- tiers, to and fro: calls are still counted, each one
for tier in sampled counters exact; do
    "$MEMTOP" mode $pid $tier >"$TMP/out" &&
        within 60 sh -c '"$0" report --json --top 0 "$1" | grep -q "\"tier\":\"$2\""' \
            "$MEMTOP" $pid $tier
    ok $? "the tier is $tier"
    failed=0
    go_round $tier
    is $failed 0 'and viewers find their way about'
done
pause
is "$(others | cut -d, -f 1,2)" "$(echo "$at_first" | cut -d, -f 1,2)" \
    'allocations and frees are those of the program'
echo g >&9

echo 'keys q' >&8
echo 'expect-exit 0' >&8
exec 8>&- # the script ends, and with it the terminal
wait $screen
is "$? $(cat "$TMP/stays")" '0 ' 'the viewer that stayed has found all it looked for'
exec 9>&- 7>&-
wait $pid
is $? 0 'the program took no notice'
wait $plain
wait $recorder
is "$? $(grep -c ' snapshots, ' "$TMP/recorded")" '0 1' 'the recording is whole'
"$MEMTOP" report --json "$TMP/recording" >"$TMP/json"
[ "$(value 'j["totals"]["allocations"]' "$TMP/json")" -ge "$allocations" ]
ok $? 'and has all there was'
wait $watch
is "$? $(cat "$TMP/watch-said")" '0 ' 'the reports went on to the end'
done_testing

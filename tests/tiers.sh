#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tiers: options and variables, memtop mode, and changes while threads allocate
# at full speed: what is counted stays exact, estimates stay within their error.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

status() { # WANTED TEXT COMMAND...
    local wanted=$1 text=$2
    shift 2
    "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
    is "$?" "$wanted" "$text"
}

# ---- asking for a tier at the start
work=("$PYTHON" -c 'import os; x = [os.urandom(9000) for i in range(2000)]')
status 0 'stat --tier=counters' "$MEMTOP" stat --json --tier=counters -o "$TMP/json" -- "${work[@]}"
is "$(value '[j["agent"]["tier"], j["agent"]["sample_bytes"], j["agent"]["stacks"]]' "$TMP/json")" \
    "['counters', None, False]" 'the document names the tier'
is "$(value '[t["allocations"] - t["frees"] == t["live_blocks"] and "estimated" not in t
    for t in [j["totals"]]]' "$TMP/json")" '[True]' 'and is exact'
status 0 'stat --sample=32K' "$MEMTOP" stat --json --sample=32K -o "$TMP/json" -- "${work[@]}"
is "$(value '[j["agent"]["tier"], j["agent"]["sample_bytes"]]' "$TMP/json")" \
    "['sampled', 32768]" 'samples, at that distance'
is "$(value 'j["totals"]["estimated"] and j["totals"]["samples"] > 100 and
    j["totals"]["live_bytes_error"] > 0' "$TMP/json")" True 'with estimates and their errors'
is "$(value 'any(s.get("estimated") and s["samples"] > 100 and s["allocations_error"] > 0
    for s in j["sites"])' "$TMP/json")" True 'a site has both'
"$MEMTOP" stat --sample=32K -o "$TMP/report" -- "${work[@]}"
grep -q '^recorded: sampled 32K +-' "$TMP/report"
ok $? 'the report says so in its header'
grep -q 'one sigma, from' "$TMP/report"
ok $? 'and how uncertain it is'
MEMTOP_STACKS=0 "$MEMTOP" stat -o "$TMP/report" -- "${work[@]}"
grep -q '^recorded: counters only' "$TMP/report"
ok $? 'MEMTOP_STACKS=0 is another name for counters'
status 2 'an unknown tier' "$MEMTOP" stat --tier=some true
status 2 'a distance that is none' "$MEMTOP" stat --sample=0 true
status 2 'one that is too long' "$MEMTOP" stat --sample=2G true

# ---- memtop mode: usage
status 2 'mode without a process' "$MEMTOP" mode
status 2 'of a word' "$MEMTOP" mode word
status 1 'of no process' "$MEMTOP" mode 4194303
status 2 'an unknown tier' "$MEMTOP" mode $$ some
status 2 'a distance that does not go with the tier' "$MEMTOP" mode $$ exact --sample 5K
status 2 'nor before it' "$MEMTOP" mode --sample 5K $$ exact

# ---- an idle process
mkfifo "$TMP/idle"
LD_PRELOAD=$MEMTOP_AGENT "$PYTHON" -c '
import sys
print("up", flush=True)
line = sys.stdin.readline()
x = [bytearray(5000) for i in range(100000)]
print("done", flush=True)
sys.stdin.readline()' <"$TMP/idle" >"$TMP/up" &
pid=$!
exec 8>"$TMP/idle"
within 10 grep -q up "$TMP/up"
status 0 'mode prints' "$MEMTOP" mode $pid
is "$(cat "$TMP/out")" exact 'the tier'
status 0 'mode sets' "$MEMTOP" mode $pid counters
grep -q 'takes effect when the process next allocates' "$TMP/out"
ok $? 'but an idle process does not look'
echo go >&8
within 20 grep -q done "$TMP/up"
is "$("$MEMTOP" mode $pid)" 'counters only' 'it does when it allocates'
exec 8>&-
wait $pid

# ---- under load
mkfifo "$TMP/load"
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/tier_load" <"$TMP/load" >"$TMP/truth" &
pid=$!
exec 9>"$TMP/load"
within 10 grep -q up "$TMP/truth"

mode() { # TIER...: until it is in force
    "$MEMTOP" mode $pid "$@" >/dev/null || return 1
    within 20 sh -c '"$0" report --json --top 0 "$1" | grep -q "\"tier\":\"$2\""' \
        "$MEMTOP" $pid "$1"
}

# Pause it; *truth* is what it knows, and the document what memtop knows.
pause() {
    local lines
    lines=$(wc -l <"$TMP/truth")
    echo p >&9
    within 10 sh -c '[ "$(wc -l <"$0")" -gt "$1" ]' "$TMP/truth" "$lines"
    read -r allocations frees blocks bytes < <(tail -n 1 "$TMP/truth")
    "$MEMTOP" report --json $pid >"$TMP/json"
}

# A few blocks are the C library's and the threads' own.
counted='abs(t["allocations"] - '%d') < 60 and abs(t["frees"] - '%d') < 60'
check() { # TEXT SIGMAS
    local near
    # shellcheck disable=SC2059
    near=$(printf "$counted" "$allocations" "$frees")
    is "$(value "[$near for t in [j['totals']]]" "$TMP/json")" '[True]' \
        "$1: calls are counted, and nothing else"
    is "$(value "[abs(t['live_bytes'] - $bytes) <= 40000 + $2 * t.get('live_bytes_error', 0)
        for t in [j['totals']]]" "$TMP/json")" '[True]' "$1: live bytes within their error"
    is "$(value "[min(t['live_blocks'], t['live_bytes'], t['bytes_freed'], t['frees'],
        min(z['live_bytes'] for z in j['sizes']),
        min(s['live_bytes'] for s in j['sites'])) >= 0 for t in [j['totals']]]" "$TMP/json")" \
        '[True]' "$1: nothing is negative"
    is "$(value "j['totals']['lost'] + j['totals']['foreign_frees'] +
        j['totals']['missed_frees']" "$TMP/json")" 0 "$1: nothing lost, foreign or missed"
}

pause
check 'exact' 0
is "$(value '[t["allocations"] - t["frees"] - t["live_blocks"] for t in [j["totals"]]]' \
    "$TMP/json")" '[0]' 'exact: the equation holds'
echo g >&9
mode sampled --sample 64K
ok $? 'to samples'
allocations() {
    "$MEMTOP" report --json --top 0 $pid >"$TMP/now" &&
        value 'j["totals"]["allocations"]' "$TMP/now"
}
churned() { # BLOCKS: so many more than before, most of what lived is gone
    [ "$(allocations)" -gt $((before + $1)) ]
}
before=$(allocations)
within 60 churned 1000000
pause
check 'sampled' 5
is "$(value 'j["totals"]["live_samples"] > 50' "$TMP/json")" True 'there are samples'
echo g >&9
failed=0
for tier in exact counters sampled exact sampled counters exact counters exact; do
    mode $tier || failed=$((failed + 1))
done
is $failed 0 'to and fro'
before=$(allocations)
within 60 churned 2000000
pause
check 'exact again' 5
is "$(value 'j["agent"]["tier"], j["totals"]["estimated"], j["totals"]["unsampled_frees"] > 0' \
    "$TMP/json")" "('exact', True, True)" 'what is uncertain is said'
is "$(value '[s["live_bytes"] for s in j["sites"] if s["live_bytes"] > 10**6] != []' \
    "$TMP/json")" True 'sites are there again'
echo g >&9
exec 9>&-
wait $pid
is $? 0 'the program took no notice'

done_testing

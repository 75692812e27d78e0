#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A process cuts off, overwrites and regrows its segment while all commands look at it:
# none is killed by that or hangs, each either succeeds or says what is wrong.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

mkfifo "$TMP/end"
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/hostile" "$MEMTOP_DIR" <"$TMP/end" >"$TMP/victim" &
pid=$!
exec 9>"$TMP/end"
segment() {
    segment=$(echo "$MEMTOP_DIR"/memtop-$pid-*)
    [ -e "$segment" ]
}
within 20 segment
ok $? 'the hostile process runs'

runs=0
bad=0
well=0
# try COMMAND...: ends with 0, or with 1 and a message.
try() {
    local status
    runs=$((runs + 1))
    timeout -k 5 100 "$@" >"$TMP/out" 2>"$TMP/err"
    status=$?
    [ $status = 124 ] && [ "$1" = timeout ] && status=0 # it was interrupted
    [ $status = 0 ] && well=$((well + 1)) && return
    [ $status = 1 ] && grep -q '^memtop: ' "$TMP/err" && ! grep -q Sanitizer "$TMP/err" && return
    bad=$((bad + 1))
    echo "# status $status: $*"
    head -n 5 "$TMP/err" | sed 's/^/# /'
}
tried() { # TEXT
    is $bad 0 "$1: $runs times, $well of them to the end"
    runs=0 bad=0 well=0
}
for _ in $(seq 25); do try "$MEMTOP" report $pid; done
tried report
for _ in $(seq 15); do try "$MEMTOP" report --json --sites --sizes --threads --tree=inverted $pid; done
tried 'report --json'
for _ in $(seq 15); do
    try "$MEMTOP" snapshot -o "$TMP/snapshot" $pid
    [ -e "$TMP/snapshot" ] && try "$MEMTOP" report "$TMP/snapshot" && rm "$TMP/snapshot"
done
tried 'snapshot, and what it wrote'
for _ in 1 2 3; do
    try timeout -s INT 2 "$MEMTOP" record -o "$TMP/recording" $pid
    [ -e "$TMP/recording" ] && try "$MEMTOP" report "$TMP/recording" && rm "$TMP/recording"
done
tried 'record, and what it wrote'
for _ in $(seq 10); do
    try "$MEMTOP" list
    try "$MEMTOP" mark $pid here
    try "$MEMTOP" mode $pid exact
    try "$MEMTOP" export --format folded $pid
done
tried 'list, mark, mode, export'

# The viewer, in all its views: it ends with 0, or with 1 and a message.
for _ in 1 2 3; do
    {
        for _ in 1 2 3; do
            printf 'keys %s\n' 1 2 3 4 5 6 7 8 i j j i r
        done
        printf 'keys q\nexpect-exit 0 60\n'
    } | "$SCREEN" -r 30 -c 100 -- sh -c '"$0" "$1"; [ $? -le 1 ]' "$MEMTOP" $pid >"$TMP/out" 2>&1 ||
        { bad=$((bad + 1)); sed 's/^/# /' "$TMP/out"; }
    runs=$((runs + 1))
done
is $bad 0 "the viewer: $runs times"

exec 9>&-
wait $pid
is "$? $(cat "$TMP/victim")" '0 done' 'the process goes on as if nothing had been'
"$MEMTOP" stat -- "$VICTIMS/hostile" "$MEMTOP_DIR" 2 >"$TMP/out" 2>"$TMP/err"
is $? 0 'stat reports what was put back in the end'

done_testing

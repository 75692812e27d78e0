#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Recordings: of a CMD and of a process; ended by it, by ^C, by kill -9 of either;
# marks, times, bounded size, what is left after a power cut, full disks.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

cd "$TMP" || exit 1
steady=$VICTIMS/steady

# total NAME FILE [OPTION]..: of the report of a file.
total() {
    name=$1
    shift
    "$MEMTOP" report --json --top 0 -o total.json "$@" && value "j['totals']['$name']" total.json
}

# start: the victim, its input at 3, its pid in $victim.
start() {
    rm -f in
    mkfifo in
    : >said
    LD_PRELOAD=$MEMTOP_AGENT MEMTOP_KEEP=1 "$steady" <in >said &
    victim=$!
    exec 3>in
    within 60 grep -q steady said
}

# obey LETTER: the victim does it.
obey() {
    echo "$1" >&3
    within 60 grep -q "got $1" said
}

# record OPTION..: of the victim; waits for its first snapshot.
record() {
    rm -f rec
    "$MEMTOP" record -o rec "$@" "$victim" 2>err &
    recorder=$!
    within 60 [ -s rec ]
}

# has LIVE [OPTION]..: rec says so.
has() {
    wanted=$1
    shift
    [ "$(total live_blocks rec "$@")" = "$wanted" ]
}

# ---- of a CMD
"$MEMTOP" record --output=rec --keep --interval=0.05 -- "$VICTIMS/known_counts" >out 2>err
is $? 0 'a CMD is recorded'
grep -q 'memtop: rec: .* snapshots, ' err
ok $? 'which is said'
segment=$(echo "$MEMTOP_DIR"/memtop-*-*)
for name in allocations frees live_bytes bytes_allocated peak_bytes; do
    is "$(total $name rec)" "$(total $name "$segment")" "at its end it has the same $name"
done
"$MEMTOP" report --at '#1' rec >out 2>err
is "$? $(wc -c <err)" '0 0' 'its first snapshot, from before most modules were known, can be read'
"$MEMTOP" clean >/dev/null
"$MEMTOP" record -o rec -- sh -c 'exit 7' 2>err
is $? 7 'its status is passed on'
"$MEMTOP" record -o rec -- sh -c 'kill -9 $$' 2>err
is $? 137 'also when it is killed'
is "$(total allocations rec | grep -cE '^[0-9]+$')" 1 'and then there is a recording'
"$MEMTOP" report rec | grep -q 'killed by'
ok $? 'which knows of it'
"$MEMTOP" record -o none -- /nonexistent 2>err
is $? 127 'a CMD that there is not'
"$MEMTOP" record 12 -o x 2>err
is $? 2 'options behind the pid'

# ---- of a process, until it is told to stop
start
record --interval 0.05
first=$(total live_blocks rec)
[ "$first" -ge 1000 ]
ok $? 'the first snapshot comes at once'
obey m
within 60 has $((first + 1000))
ok $? 'others follow'
"$MEMTOP" mark "$victim" 'in between' >/dev/null
obey m
within 60 has $((first + 2000))
kill -TERM $recorder
wait $recorder
is $? 0 'a signal ends it'
is "$(total live_blocks rec)" $((first + 2000)) 'with the last state'
is "$(total live_blocks rec --at '#1')" "$first" '--at the first snapshot'
is "$(total live_blocks rec --at 0s)" "$first" '--at a time'
marked=$(total live_blocks rec --at 'in between')
[ "$marked" = $((first + 1000)) ] || [ "$marked" = $((first + 2000)) ]
ok $? "--at a mark: $marked"
is "$(total live_blocks rec --at end)" $((first + 2000)) '--at the end'
"$MEMTOP" report --at nothing rec 2>err
is "$? $(grep -c 'no such mark' err)" '1 1' 'a mark that there is not'
"$MEMTOP" export --format folded --value live_blocks --at '#1' rec |
    awk '{ n += $NF } END { print n }' >n
is "$(cat n)" "$first" 'export --at'

# ---- after a power cut: the end is missing, or not what it was
size=$(stat -c %s rec)
count=$("$MEMTOP" export --at '#999999' --format folded rec 2>&1 | sed 's/.* has \([0-9]*\) snap.*/\1/')
head -c $((size - 10)) rec >cut
"$MEMTOP" report cut >out 2>err
is "$? $(grep -c "what comes before it, $((count - 1)) snapshots" err)" '0 1' \
    'one that is cut off is read as far as it is whole'
{ head -c $((size - 10)) rec; head -c 4096 /dev/zero; } >zeros
"$MEMTOP" report zeros >out 2>err
is "$? $(grep -c "what comes before it, $((count - 1)) snapshots" err)" '0 1' 'so is one with zeros'
head -c 100 rec >cut
"$MEMTOP" report cut >out 2>err
is "$? $(grep -c 'no whole snapshot' err)" '1 1' 'one with none is refused'

# ---- kill -9 of the recorder, and of the process
record --interval 0.02
within 60 has $((first + 2000)) --at '#3'
kill -KILL $recorder
wait $recorder 2>/dev/null
"$MEMTOP" report rec >out 2>err
is $? 0 'a recorder that is killed leaves a recording'
record --interval 0.02
kill -KILL "$victim"
wait "$victim" 2>/dev/null
wait $recorder
is $? 0 'a process that is killed ends its recording'
is "$("$MEMTOP" report --json rec | sed -n 's/^"state": "\(.*\)",$/\1/p')" killed 'which says so'

# ---- bounded
start
record --interval 0.01 --max-size 100K
within 120 has $((first)) --at '#100'
long=no
for i in 1 2 3 4 5 6; do
    obey m
    within 60 has $((first + i * 1000)) || long='not seen'
    [ "$(stat -c %s rec)" -le $((100 * 1024 + 20000)) ] || long=$(stat -c %s rec)
done
is $long no 'a file that may have 100 K does not become longer'
kill -TERM $recorder
wait $recorder
is "$? $(find . -name 'rec.*' | wc -l)" '0 0' 'and leaves no other files'
is "$(total live_blocks rec --at '#1')" "$first" 'its first snapshot is still there'
is "$(total live_blocks rec)" $((first + 6000)) 'and so is its last'

# ---- a disk that is full
rm -f rec
(
    ulimit -f 16
    "$MEMTOP" record --interval 0.01 -o rec "$victim" 2>err
    echo $? >status
) &
recorder=$!
within 120 [ -s status ]
is "$(cat status) $(grep -c 'may not become so large: the recording stops here' err)" '1 1' \
    'it says when the file cannot grow'
"$MEMTOP" report rec >out 2>err
is "$? $(wc -c <err)" '0 0' 'what was recorded is whole'
obey q
wait $recorder
wait "$victim"

done_testing

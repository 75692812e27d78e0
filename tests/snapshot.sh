#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Snapshots in files: the same figures as those of the process that stands still,
# through report and export; full disks, foreign and damaged files.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

cd "$TMP" || exit 1
mkfifo in
PYTHONMALLOC=malloc LD_PRELOAD=$MEMTOP_AGENT "$PYTHON" -c '
import json, sys
kept = [json.dumps({i: str(i) * 20}) for i in range(300)]
print("ready", flush=True)
sys.stdin.readline()' <in >said &
target=$!
exec 3>in
within 60 grep -q ready said || skip_all 'python3 does not get ready'

run 'a snapshot' "$MEMTOP" snapshot -o snap "$target"
run 'one with its blocks' "$MEMTOP" snapshot --blocks --output=blocks "$target"
run 'one under a name of its own' "$MEMTOP" snapshot "$target"
is "$(find . -name "memtop-$target-*.snapshot" | wc -l)" 1 'which tells whose it is'
"$MEMTOP" snapshot "$target" -o /dev/stdout >piped 2>&1
is "$(head -c 6 piped)" MEMTOP 'into a pipe'
is "$(find . -name '*.??????' ! -name '*.snapshot' | wc -l)" 0 'no temporary file stays'

# Times are those of a clock that is measured better and better: leave them out.
figures() { # TARGET
    "$MEMTOP" report --json --top 300 -o report.json "$1" && "$PYTHON" -c '
import json
j = json.load(open("report.json"))
def timeless(x):
    if isinstance(x, dict):
        return {k: timeless(v) for k, v in x.items() if not k.endswith(("_s", "_ns"))}
    return [timeless(v) for v in x] if isinstance(x, list) else x
for key, v in timeless(j).items():
    print(key, *(v if isinstance(v, list) else [v]), sep="\n")'
}
figures "$target" >live.json
[ "$(wc -l <live.json)" -gt 300 ]
ok $? 'the process has something to report'
for file in snap blocks; do
    figures "$file" >file.json
    cmp live.json file.json
    ok $? "report $file says the same of everything"
done
for format in folded speedscope openmetrics; do
    "$MEMTOP" export --format "$format" -o live.out "$target"
    "$MEMTOP" export --format "$format" -o file.out snap
    cmp live.out file.out && [ -s live.out ]
    ok $? "export --format $format is the same"
done
for format in pprof flamegraph csv dhat; do
    "$MEMTOP" export --format "$format" -o out "$target"
    "$PYTHON" "$srcdir/tests/export_sums.py" "$format" out >live.sums
    "$MEMTOP" export --format "$format" -o out snap
    "$PYTHON" "$srcdir/tests/export_sums.py" "$format" out >file.sums
    [ -s live.sums ] && cmp live.sums file.sums
    ok $? "export --format $format has the same sums"
done

# The process goes, the file stays.
echo >&3
wait "$target"
figures snap >file.json
cmp live.json file.json
ok $? 'also without the process'

"$MEMTOP" report --at end snap >/dev/null
is $? 0 '--at end'
"$MEMTOP" export --format folded --at 1s snap >/dev/null 2>err
is "$? $(grep -c 'is no recording' err)" '1 1' 'it is no recording'
"$MEMTOP" report --at peak --tree flat snap | grep -q 'python3'
is $? 0 'it knows its peak'

# ---- what cannot be read
fails() { # TEXT WORDS COMMAND..
    text=$1 words=$2
    shift 2
    "$@" >/dev/null 2>err
    status=$?
    grep -q "$words" err
    is "$status $?" '1 0' "$text"
}
size=$(stat -c %s snap)
head -c $((size / 2)) snap >cut
fails 'half a file' 'cut off or damaged' "$MEMTOP" report cut
cp snap flipped
printf '\377' | dd of=flipped bs=1 seek=$((size / 3)) conv=notrunc 2>/dev/null
printf '\000' | dd of=flipped bs=1 seek=$((size / 3 + 1)) conv=notrunc 2>/dev/null
fails 'a damaged one' 'damaged' "$MEMTOP" export --format folded flipped
fails 'a foreign one' 'no segment, snapshot or recording' "$MEMTOP" report "$srcdir/README.md"
fails 'none' 'No such file' "$MEMTOP" report missing
fails 'a folder' '.' "$MEMTOP" report .
fails 'no process' 'no such process' "$MEMTOP" snapshot 999999999

# ---- a full disk
segment=kept
MEMTOP_DIR=$TMP LD_PRELOAD=$MEMTOP_AGENT MEMTOP_KEEP=1 "$VICTIMS/known_counts" >/dev/null
segment=$(echo "$TMP"/memtop-*-[0-9]*[0-9])
run 'of a segment' "$MEMTOP" snapshot -o known "$segment"
echo before >small
(
    ulimit -f 1
    "$MEMTOP" snapshot -o small "$segment" 2>err
    echo $? >status
)
is "$(cat status) $(cat small)" '1 before' 'a file that may not grow leaves what was there'
grep -q 'may not become so large' err
ok $? 'and says why'
is "$(find . -name 'small.*' | wc -l)" 0 'and nothing half-written'
if [ "$(id -u)" = 0 ] && mkdir disk && mount -t tmpfs -o size=4k none disk 2>/dev/null; then
    head -c 4096 /dev/zero >disk/full
    fails 'a full disk' 'the disk is full' "$MEMTOP" snapshot -o disk/snap "$segment"
    is "$(find disk -type f)" disk/full 'nothing is left on it'
    umount disk
else
    skip 'no file system can be mounted here'
fi

done_testing

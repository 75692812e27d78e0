#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# memtop diff: two runs, two builds, a run against a mark in it or out of a file, its
# tables, and the gate.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

holds() { # EXPRESSION TEXT: of the JSON in out
    is "$(value "$1" "$TMP/out")" True "$2" || head -c 2000 "$TMP/out" | sed 's/^/# /'
}

follows_schema() {
    run "$1" "$PYTHON" "$srcdir/tests/schema.py" "$srcdir/docs/memtop.schema.json" "$TMP/out"
}

# keep NAME COMMAND...: run it and leave its segment in $TMP/NAME.
keep() {
    local name=$1 segment
    shift
    MEMTOP_KEEP=1 LD_PRELOAD=$MEMTOP_AGENT "$@" >/dev/null || ok 1 "$* runs"
    segment=$(ls "$MEMTOP_DIR"/memtop-*)
    mv "$segment" "$TMP/$name"
}

# ---- two runs of a victim
keep none "$VICTIMS/leaky" none
keep all "$VICTIMS/leaky" all
status 0 'two runs' "$MEMTOP" diff "$TMP/none" "$TMP/all"
says out '^  growth \+6.15 KiB in \+12 blocks, \+12 allocations' 'the growth'
says out '^   \+4.88 KiB +\+1 +\+1 +0 B +4.88 KiB  new$' 'a new call site'
says out '^    lose_big \(leaky.c:[0-9]+, leaky\)$' 'and its stack'
status 0 'the other way round' "$MEMTOP" diff "$TMP/all" "$TMP/none"
says out '^   -4.88 KiB +-1 +-1 +4.88 KiB +0 B  vanished$' 'it has vanished'
status 0 'a run and itself' "$MEMTOP" diff "$TMP/all" "$TMP/all"
says out 'no call site has changed' 'nothing is different'
status 0 '--json' "$MEMTOP" diff --json "$TMP/none" "$TMP/all"
follows_schema 'it follows the schema'
holds 'j["growth"]["live_bytes"] == 6300 and
       sum(s["growth"]["live_bytes"] for s in j["sites"]) == 6300' 'the sites make up the growth'
holds '[(s["change"], s["frames"][0]["function"], s["growth"]["live_blocks"]) for s in j["sites"]] ==
       [("new", "lose_big", 1), ("new", "lose_small", 10), ("new", "reach", 1)]' \
    'the largest changes first'
status 0 'all tables' "$MEMTOP" diff --json --sites --tree standard --sizes --threads \
    "$TMP/none" "$TMP/all"
follows_schema 'they follow the schema'
holds 'sum(r["live_bytes"] for r in j["tree"]["rows"] if r["depth"] == 0) == 6300' \
    'the tree makes up the growth'
holds 'sum(r["growth"]["live_bytes"] for r in j["sizes"]) == 6300' 'so do the sizes'
holds '[(r["name"], r["growth"]["allocations"]) for r in j["threads"]] == [("leaky", 12)]' \
    'threads are known by name'
status 0 '--tree inverted, as text' "$MEMTOP" diff --tree inverted "$TMP/none" "$TMP/all"
says out '^  \+4.88 KiB +79% +\+4.88 KiB +\+1 +\+1  lose_big' 'is signed'
status 0 '--filter' "$MEMTOP" diff --json --filter function:lose_small "$TMP/none" "$TMP/all"
holds 'j["growth"]["live_bytes"] == 1000 and j["b"]["totals"]["live_blocks"] == 10' \
    'growth is that of what passes'
status 0 '--sort and --top' "$MEMTOP" diff --json --sort allocations --top 1 "$TMP/none" "$TMP/all"
holds '[s["frames"][0]["function"] for s in j["sites"]] == ["lose_small"]' 'choose'
status 0 '--at peak' "$MEMTOP" diff --json --at peak "$TMP/none" "$TMP/all"
holds 'j["growth"]["live_bytes"] == 6300' 'compares the peaks'

# ---- the gate
status 0 'growth that just fits' "$MEMTOP" diff --fail-above 6300 "$TMP/none" "$TMP/all"
status 1 'growth of a byte too many' "$MEMTOP" diff --fail-above 6299 "$TMP/none" "$TMP/all"
says err '^memtop: growth of 6300 bytes, .*%, is above 6299$' 'is told'
status 1 '--fail-above 0' "$MEMTOP" diff --fail-above 0 "$TMP/none" "$TMP/all"
status 0 'of what shrank' "$MEMTOP" diff --fail-above 0 "$TMP/all" "$TMP/none"
status 1 'a percentage' "$MEMTOP" diff --fail-above 10% "$TMP/none" "$TMP/all"
status 0 'a large one' "$MEMTOP" diff --fail-above 100000% "$TMP/none" "$TMP/all"
status 1 'with units' "$MEMTOP" diff --fail-above 6K --json "$TMP/none" "$TMP/all"
holds 'j["gate"] == {"fail_above": "6K", "failed": True}' 'the JSON knows'
status 0 'with a filter, of what passes' "$MEMTOP" diff --fail-above 1000 --filter lose_small \
    "$TMP/none" "$TMP/all"

# ---- usage
status 2 'one heap' "$MEMTOP" diff "$TMP/none"
status 2 'two and --mark' "$MEMTOP" diff --mark x "$TMP/none" "$TMP/all"
status 2 'no limit' "$MEMTOP" diff --fail-above lots "$TMP/none" "$TMP/all"
status 1 'a file that is not there' "$MEMTOP" diff "$TMP/none" "$TMP/missing"
status 1 '--at a time of what is no recording' "$MEMTOP" diff --at 1s "$TMP/none" "$TMP/all"
says err 'is no recording' 'says why'

# ---- two builds: lines and addresses move, functions stay
cat >"$TMP/build.c" <<'END'
#include <stdlib.h>
#ifdef MORE
__attribute__((noinline)) void *fresh(void) { return malloc(70); }
#endif
__attribute__((noinline)) void *stays(int n) { void *volatile p = malloc(100); return n ? stays(n - 1) : p; }
__attribute__((noinline)) void *grows(int n) { void *volatile p = malloc(n); return p; }
int main(void)
{
    stays(3);
#ifdef MORE
    void *volatile p = fresh();
    grows(2000);
    return !p;
#endif
    grows(1000);
    return 0;
}
END
mkdir "$TMP/1" "$TMP/2"
if ${CC:-gcc} -g -O1 -o "$TMP/1/build" "$TMP/build.c" &&
    ${CC:-gcc} -g -O0 -DMORE -o "$TMP/2/build" "$TMP/build.c"; then
    keep one "$TMP/1/build"
    keep two "$TMP/2/build"
    status 0 'two builds' "$MEMTOP" diff --json "$TMP/one" "$TMP/two"
    holds '[(s["change"], s["frames"][0]["function"], s["growth"]["live_bytes"]) for s in j["sites"]] ==
           [("same", "grows", 1000), ("new", "fresh", 70)]' 'are matched by functions'
else
    skip 'no compiler'
fi

# ---- a mark out of a file
"$PYTHON" - "$TMP" <<'END'
import json, sys
j = json.dumps
f = lambda a, fr, b, bf: {"allocations": a, "frees": fr, "bytes_allocated": b, "bytes_freed": bf}
sites = [dict(f(4, 0, 400, 0), stack=[0, 1]), dict(f(9, 9, 90, 90), stack=[2, 1])]
json.dump({"schema": "memtop-mark/1", "name": "base", "command": "leaky old",
           "realtime_s": 1.5, "wall_s": 0.5, "tier": "exact", "estimated": False,
           "totals": f(13, 9, 490, 90),
           "frames": ["leaky!lose_small leaky.c:3", "leaky!main leaky.c:5", "leaky!gone"],
           "sites": sites}, open(sys.argv[1] + "/mark", "w"))
END
status 0 'a mark and a run' "$MEMTOP" diff --json --filter module:leaky "$TMP/mark" "$TMP/all"
follows_schema 'it follows the schema'
holds 'j["a"]["kind"] == "mark" and j["a"]["totals"]["live_bytes"] == 400 and j["partial"]' \
    'the figures of the mark'
status 1 'a mark has no sizes' "$MEMTOP" diff --sizes "$TMP/mark" "$TMP/all"
status 0 'a mark and itself' "$MEMTOP" diff "$TMP/mark" "$TMP/mark"
says out 'no call site has changed' 'nothing is different'
echo '{"schema": "memtop-mark/1", "sites": 3' >"$TMP/broken"
status 1 'a mark that is damaged' "$MEMTOP" diff "$TMP/broken" "$TMP/all"

# ---- snapshots in files
if "$MEMTOP" snapshot --help >/dev/null 2>&1; then
    for name in none all; do
        "$MEMTOP" snapshot -o "$TMP/$name.memtop" "$TMP/$name" 2>/dev/null
    done
    status 0 'snapshots in files' "$MEMTOP" diff --json "$TMP/none.memtop" "$TMP/all.memtop"
    holds 'j["a"]["kind"] == "snapshot" and [s["growth"]["live_bytes"] for s in j["sites"]] ==
           [5000, 1000, 300]' 'are as good as segments'
fi

# ---- a process against a mark in it
mkfifo "$TMP/in"
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/marks" <"$TMP/in" >"$TMP/said" &
pid=$!
exec 3>"$TMP/in"
within 20 grep -q ready "$TMP/said"
echo a >&3
within 20 sh -c '[ "$(grep -c ready "$0")" = 2 ]' "$TMP/said"
# born MARKS: bytes of the blocks that live and were made behind so many marks.
born() {
    "$PYTHON" - "$TMP/said" "$1" <<'END'
import sys
last, rows = [], []
for line in open(sys.argv[1]):
    if line.startswith("ready"):
        last, rows = rows, []
    elif line.startswith("block"):
        rows.append(line.split())
print(sum(int(r[2]) for r in last if int(r[3]) >= int(sys.argv[2])))
END
}
status 0 '--mark' "$MEMTOP" diff --json --mark a "$pid"
follows_schema 'it follows the schema'
holds "j['births'] and j['growth']['live_bytes'] == $(born 3)" 'what was born since is the growth'
holds '[s["frames"][0]["function"] for s in j["sites"]] in (["make_small"], ["add"]) and
       sum(s["growth"]["live_bytes"] for s in j["sites"]) == j["growth"]["live_bytes"]' \
    'by its call site'
holds 'j["a"]["totals"]["live_bytes"] + j["growth"]["live_bytes"] == j["b"]["totals"]["live_bytes"]' \
    'before and since are all that lives'
status 0 'an older mark' "$MEMTOP" diff --json --mark first --tree flat "$pid"
holds "j['growth']['live_bytes'] == $(born 1)" 'is one from before anybody looked'
status 1 'a gate since a mark' "$MEMTOP" diff --mark a --fail-above 1K "$pid"
status 1 '--mark of a file' "$MEMTOP" diff --mark a "$TMP/mark"
status 1 '--mark that is not there' "$MEMTOP" diff --mark nonesuch "$pid"
says err 'no such mark' 'says so'
status 0 'the process against a run' "$MEMTOP" diff --json "$TMP/none" "$pid"
holds 'j["b"]["totals"]["live_bytes"] > 3000000' 'is looked at as it runs'
echo q >&3
exec 3>&-
wait $pid

done_testing

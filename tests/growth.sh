#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The segment starts small, grows with what is alive and shrinks again; at its cap,
# and on a file system that is full, the program goes on and the losses are told.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

grows=$VICTIMS/grows

# Expressions on a report.
balanced='(lambda t: t["allocations"] - t["frees"] == t["live_blocks"]
           and t["bytes_allocated"] - t["bytes_freed"] == t["live_bytes"])(j["totals"])'
odd='[j["totals"][k] for k in ("missed_frees", "foreign_frees", "lost", "unattributed")]'
handed='sum(n for f, n in j["functions"].items() if "free" not in f)'

holds() { # expression, text
    is "$(value "$1" "$TMP/json")" True "$2" ||
        value 'j["totals"], j["agent"]' "$TMP/json" | sed 's/^/# /'
}

"$MEMTOP" stat --json -o "$TMP/json" -- "$grows" 1 1 1 >"$TMP/out"
is "$(cat "$TMP/out")" 1 'a program with few blocks'
holds 'j["agent"]["segment_bytes"] <= 3 << 20' 'its segment is no larger than 3 MiB'

"$MEMTOP" stat --json -o "$TMP/json" -- "$grows" 1 200000 2 >"$TMP/out"
is "$(cat "$TMP/out")" 400000 'a heap that grows and shrinks'
holds 'j["totals"]["peak_blocks"] >= 200000' 'it was large'
holds 'j["agent"]["segment_bytes"] <= 3 << 20' 'its segment is small again'
holds "$balanced" 'the figures add up'
holds "$odd == [0, 0, 0, 0]" 'nothing is lost or missed'

"$MEMTOP" stat --json -o "$TMP/json" -- "$grows" 4 20000 12 >"$TMP/out"
is "$(cat "$TMP/out")" 960000 'the same in four threads that free the blocks of others'
holds "$balanced" 'the figures add up'
holds "$odd == [0, 0, 0, 0]" 'nothing is lost or missed'
holds 'j["totals"]["live_blocks"] < 20' 'all frees were seen'

# Each allocation is either recorded or lost, and no free of a lost block is foreign.
at_the_cap() {
    holds 'j["agent"]["memory_cap_reached"]' 'the cap was reached'
    holds 'j["totals"]["lost"] > 0 and j["totals"]["lost_bytes"] > 0' 'the losses are told'
    holds "$balanced" 'the figures add up'
    holds "j['totals']['allocations'] + j['totals']['lost'] == $handed" 'all calls are counted'
    holds 'j["totals"]["foreign_frees"] == 0' 'no free is taken for a foreign one'
    holds 'j["totals"]["lost"] - j["totals"]["lost_frees"] < 20' 'frees of lost blocks are told'
}
MEMTOP_MEMORY=2M "$MEMTOP" stat --json -o "$TMP/json" -- "$grows" 1 300000 2 >"$TMP/out"
is "$(cat "$TMP/out")" 600000 'with MEMTOP_MEMORY=2M'
at_the_cap
MEMTOP_MEMORY=2M "$MEMTOP" stat -o "$TMP/text" -- "$grows" 1 300000 1 >/dev/null
grep -q 'memory for recording ran out' "$TMP/text" && grep -q '^ *lost  ' "$TMP/text"
ok $? 'the text report says what was lost and why'

on_tmpfs() { # size, command...
    unshare -m sh -c 'mount -t tmpfs -o "size=$0" tmpfs "$MEMTOP_DIR" && exec "$@"' "$@"
}
if [ "$(id -u)" = 0 ] && on_tmpfs 1m true 2>/dev/null; then
    is "$(on_tmpfs 1m env LD_PRELOAD="$MEMTOP_AGENT" "$grows" 1 100000 1)" 100000 \
        'on a file system of 1 MiB the program runs'
    on_tmpfs 64m "$MEMTOP" stat --json -o "$TMP/json" -- "$grows" 1 1500000 1 >"$TMP/out"
    is "$(cat "$TMP/out")" 1500000 'on one of 64 MiB, too'
    at_the_cap
    # The file system fills up under the cap.
    on_tmpfs 8m sh -c 'dd if=/dev/zero of="$MEMTOP_DIR/other" bs=1M count=2 2>/dev/null
        ("$@"; echo $? >"$0") & while kill -0 $! && ! [ -e "$0.go" ]; do
            for f in "$MEMTOP_DIR"/memtop-*; do [ -e "$f" ] && : >"$0.go"; done; done
        dd if=/dev/zero of="$MEMTOP_DIR/rest" bs=64K 2>/dev/null; wait' "$TMP/status" \
        env LD_PRELOAD="$MEMTOP_AGENT" "$grows" 1 300000 2 >"$TMP/out"
    is "$(cat "$TMP/out" "$TMP/status" | tr '\n' ' ')" '600000 0 ' \
        'when others fill it up, the program goes on'
else
    ok 0 'on a full file system # SKIP needs root to mount one'
fi

done_testing

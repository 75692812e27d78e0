#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The compact mode: memory is what is promised, and whatever needs birth stamps says
# that there are none. compact_counts.sh has the figures.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

# ---- what is said
stat=("$MEMTOP" stat --json -o "$TMP/json")
run '--compact' "${stat[@]}" --compact -- "$VICTIMS/reallocs"
is "$(value 'j["agent"]["compact"], j["lifetimes"]' "$TMP/json")" '(True, None)' \
    'the document says so, and has no lifetimes'
is "$(value '[t["reallocations"] > 10000 and t["lost"] + t["missed_frees"] + t["foreign_frees"] == 0
    and t["allocations"] - t["frees"] == t["live_blocks"] for t in [j["totals"]]]' "$TMP/json")" \
    '[True]' 'reallocs lose nothing'
run 'without it' "${stat[@]}" -- "$VICTIMS/reallocs"
is "$(value 'j["agent"]["compact"], len(j["lifetimes"]) > 0' "$TMP/json")" '(False, True)' \
    'there are'
"$MEMTOP" stat --compact -o "$TMP/text" -- "$VICTIMS/reallocs" >/dev/null
is "$(grep -c '^recorded: exact, compact$\|note: no birth stamps in compact mode' "$TMP/text")" 2 \
    'the text does, too'
MEMTOP_COMPACT=1 "$MEMTOP" stat --tier counters -o "$TMP/text" -- "$VICTIMS/reallocs" >/dev/null
grep -q '^recorded: counters only, compact$' "$TMP/text"
ok $? 'with counters only'

# A block that is freed twice: the C library ends the program.
cat >"$TMP/twice.py" <<'END'
import ctypes
c = ctypes.CDLL(None)
c.malloc.restype = ctypes.c_void_p
c.free.argtypes = [ctypes.c_void_p]
p = c.malloc(1000)
c.free(p)
c.free(p)
END
for mode in 0 1; do
    MEMTOP_COMPACT=$mode "${stat[@]}" -- "$PYTHON" "$TMP/twice.py" >/dev/null 2>&1
    is "$(value 'j["agent"]["compact"], j["totals"]["foreign_frees"]' "$TMP/json")" \
        "($([ $mode = 1 ] && echo True || echo False), 1)" "a double free is a foreign one ($mode)"
done

# ---- a process that runs: marks, files
start() { # NAME=VALUE...: $victim
    rm -f "$TMP/in"
    mkfifo "$TMP/in"
    env "$@" "$VICTIMS/marks" <"$TMP/in" >"$TMP/said" &
    victim=$!
    exec 3>"$TMP/in"
    within 20 grep -q ready "$TMP/said"
}
stop() {
    echo q >&3
    wait "$victim"
    is $? 0 "$1"
}
start LD_PRELOAD="$MEMTOP_AGENT" MEMTOP_COMPACT=1
"$MEMTOP" diff --mark first "$victim" >"$TMP/out" 2>"$TMP/err"
is "$? $(grep -c 'no birth stamps in compact mode.*recording' "$TMP/err")" '1 1' \
    'diff --mark says why not, and what to do'
is "$("$MEMTOP" mode "$victim")" 'exact, compact' 'the mode'
figures() { # TARGET
    "$MEMTOP" report --json -o "$TMP/json" "$1" &&
        value '{k: v for k, v in j["totals"].items() if k != "peak_s"}, j["sizes"],
            [s["live_bytes"] for s in j["sites"]], j["agent"]["compact"], j["lifetimes"]' "$TMP/json"
}
figures "$victim" >"$TMP/live"
run 'a snapshot with its blocks' "$MEMTOP" snapshot --blocks -o "$TMP/snap" "$victim"
figures "$TMP/snap" | cmp - "$TMP/live"
ok $? 'says the same'
stop 'the program ends as ever'

# ---- loaded into a process that runs
if [ "$(uname -m)" = x86_64 ]; then
    start NOTHING=1
    if "$MEMTOP" inject --compact "$victim" >/dev/null 2>"$TMP/err"; then
        echo a >&3
        # shellcheck disable=SC2016
        within 20 sh -c '[ "$(grep -c ready "$1")" = 2 ]' - "$TMP/said"
        "$MEMTOP" report --json -o "$TMP/json" "$victim"
        is "$(value 'j["agent"]["compact"], j["totals"]["live_blocks"] > 0' "$TMP/json")" \
            '(True, True)' 'inject --compact'
        "$MEMTOP" detach "$victim" >/dev/null 2>&1
        "$MEMTOP" inject "$victim" >/dev/null 2>&1
        echo a >&3
        # shellcheck disable=SC2016
        within 20 sh -c '[ "$(grep -c ready "$1")" = 3 ]' - "$TMP/said"
        "$MEMTOP" report --json -o "$TMP/json" "$victim"
        is "$(value 'j["agent"]["compact"], j["totals"]["live_blocks"] > 0' "$TMP/json")" \
            '(False, True)' 'and again without'
    else
        skip "$(head -n 1 "$TMP/err")"
    fi
    stop 'that program, too'
else
    skip 'the injector knows x86-64 only'
fi

# ---- memory, with a tenth of the blocks that docs/memory.md measures
"$BASH" "$srcdir/bench/rss.sh" "$builddir" 1000000 >"$TMP/rss"
sed 's/^/# /' "$TMP/rss"
awk '{ ratio[$1] = $5 }
    END { exit !(ratio["plain"] == 1 && ratio["standard"] > 1.3 && ratio["standard"] <= 1.5 &&
                 ratio["compact"] > 1.1 && ratio["compact"] <= 1.25) }' "$TMP/rss"
ok $? 'memory: 1.5 times the plain program, 1.25 times when compact'

done_testing

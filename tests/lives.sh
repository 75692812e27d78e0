#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Short-lived blocks by call site: they add up to what the lifetimes say, in reports,
# files, trees and tables; and where they are not counted nobody says 0.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

# said EXPRESSION FILE WANTED DESCRIPTION: `short` is a function's part in the sites.
said() {
    is "$(value "[$1 for short in [lambda name: sum(s['short_lived'] for s in j['sites']
        if s['frames'] and s['frames'][0]['function'] == name)]][0]" "$2")" "$3" "$4"
}

status 0 'a report' "$MEMTOP" stat --json -o "$TMP/json" -- "$VICTIMS/lives" </dev/null
said '"%s %s" % (short("lasting"), short("staying"))' "$TMP/json" '0 0' 'long lives are not short'
said 'short("passing")' "$TMP/json" 3000 'all temporary ones are'
# Now and then the machine takes the processor away for longer.
said '19000 < short("brief") <= 20000 and 1900 < short("brisk") <= 2000' "$TMP/json" True \
    'and those of an instant'
said 'sum(s["short_lived"] for s in j["sites"]) - j["totals"]["short_lived"]' "$TMP/json" 0 \
    'call sites add up to the totals'
said 'sum(l["frees"] for l in j["lifetimes"] if l["below_ns"] <= j["totals"]["short_below_ns"])
    + j["totals"]["temporary"] - j["totals"]["short_lived"]' "$TMP/json" 0 \
    'and these are what the lifetimes say, with the temporary ones'
said '100000 < j["totals"]["short_below_ns"] < 2000000' "$TMP/json" True 'below a millisecond or so'

MEMTOP_KEEP=1 LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/lives" </dev/null >/dev/null &
pid=$!
wait "$pid"
status 0 'in text' "$MEMTOP" report --sort short_lived "$pid"
says out '^  short-lived +2[0-9],[0-9]{3} .*  freed in under ' 'the totals'
says out '^  [0-9,]{5,} short-lived: .*% of its allocations, freed in under' 'and the sites'
is "$(grep -m1 -o 'brief\|brisk\|passing\|lasting' "$TMP/out")" brief 'the most of them first'
status 0 'as a tree' "$MEMTOP" report --tree flat --sort short_lived --json -o "$TMP/tree" "$pid"
is "$(value 'sum(r["self"]["short_lived"] for r in j["tree"]["rows"]) -
    j["totals"]["short_lived"]' "$TMP/tree")" 0 'a tree has all of them'
status 0 'a file' "$MEMTOP" snapshot -o "$TMP/file" "$pid"
"$MEMTOP" report --json --sites "$pid" >"$TMP/live"
"$MEMTOP" report --json --sites "$TMP/file" >"$TMP/filed"
is "$(value '[(s["id"], s["short_lived"]) for s in j["sites"]], j["totals"]["short_lived"]' "$TMP/filed")" \
    "$(value '[(s["id"], s["short_lived"]) for s in j["sites"]], j["totals"]["short_lived"]' "$TMP/live")" \
    'has the same'
"$MEMTOP" export "$TMP/file" --format csv -o "$TMP/csv" >/dev/null
is "$("$PYTHON" -c 'import csv, sys
print(sum(int(r["short_lived"]) for r in csv.DictReader(open(sys.argv[1]))))' "$TMP/csv")" \
    "$(value 'j["totals"]["short_lived"]' "$TMP/live")" 'and so has a table'
status 2 'diff has no such column' "$MEMTOP" diff --sort short_lived "$TMP/file" "$TMP/file"

# ---- where nothing is known
"$MEMTOP" stat --compact --json -o "$TMP/json" -- "$VICTIMS/lives" </dev/null >/dev/null
"$MEMTOP" stat --compact -o "$TMP/text" -- "$VICTIMS/lives" </dev/null >/dev/null
is "$(value 'j["totals"]["short_lived"], j["totals"]["short_below_ns"],
    {s["short_lived"] for s in j["sites"]}' "$TMP/json")" '(None, None, {None})' 'the compact mode'
is "$(grep -c short-lived "$TMP/text")" 0 'has no word of them'
# A file that was written before they were counted, behind a byte of the fuzz test's.
tail -c +2 "$srcdir/tests/fuzz/corpus/archive/file" >"$TMP/old"
"$MEMTOP" report --json "$TMP/old" >"$TMP/json"
is "$(value 'j["totals"]["short_lived"], {s["short_lived"] for s in j["sites"]}' "$TMP/json")" \
    '(None, {None})' 'nor have old files'
status 1 'what is not known is no order' "$MEMTOP" report --sort short_lived "$TMP/old"
says err 'short_lived is not known here' 'and why'

status 1 'nor a flame graph' "$MEMTOP" export --format folded --value short_lived "$TMP/old"
says err 'short_lived: is not known here' 'which says why'
"$MEMTOP" export --format flamegraph "$TMP/old" >"$TMP/page" &&
    ! grep -q '"short_lived", false' "$TMP/page" && grep -q '"temporary", false' "$TMP/page"
ok $? 'one of all values leaves it out'

"$MEMTOP" clean >/dev/null
done_testing

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# memtop report: its tables, moments, orders and filters, as text and JSON, on
# victims of known figures and on real programs; the schema in docs/.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

holds() { # EXPRESSION TEXT: of the JSON in out
    is "$(value "$1" "$TMP/out")" True "$2"
}

follows_schema() { # TEXT [--lines] FILE...
    local text=$1
    shift
    run "$text" "$PYTHON" "$srcdir/tests/schema.py" "$srcdir/docs/memtop.schema.json" "$@"
}

# ---- a victim of which all is known: 100 blocks of 1000 bytes stay
MEMTOP_KEEP=1 LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/known_counts" >"$TMP/known"
known=$(ls "$MEMTOP_DIR"/memtop-*)
want() { sed -n "s/^$1=//p" "$TMP/known"; }

status 0 'the usual report' "$MEMTOP" report --json "$known"
cp "$TMP/out" "$TMP/usual"
holds 'sorted(k for k in j if k in ("sizes", "lifetimes", "threads", "tree", "sites")) ==
       ["lifetimes", "sites", "sizes", "threads"]' 'has all tables but the tree'
for part in sites sizes threads; do
    status 0 "--$part" "$MEMTOP" report --json --$part "$known"
    holds "[k for k in j if k in ('sizes', 'lifetimes', 'threads', 'tree', 'sites')] == ['$part']" \
        'is all there is'
    # Times are converted anew by each reader.
    timeless="[{k: v for k, v in r.items() if not k.endswith('_s')} for r in j['$part']]"
    is "$(value "$timeless" "$TMP/out")" "$(value "$timeless" "$TMP/usual")" \
        "and the same as in the usual report"
done

for mode in standard inverted flat; do
    status 0 "--tree $mode" "$MEMTOP" report --json --tree $mode "$known"
    follows_schema "$mode follows the schema" "$TMP/out"
    for figure in allocations frees bytes_allocated live_bytes live_blocks temporary peak_bytes; do
        if [ $mode = standard ]; then
            sum="sum(r['$figure'] for r in j['tree']['rows'] if r['depth'] == 0)"
        else
            sum="sum(r['self']['$figure'] for r in j['tree']['rows'] if r['depth'] == 0)"
        fi
        holds "$sum == $(want $figure)" "$mode: the rows make up all $figure"
    done
    holds 'any(r["function"] == "leaks" and r["live_bytes"] == 100000 and r["live_blocks"] == 100
               for r in j["tree"]["rows"])' "$mode: the leaking function has its 100,000 bytes"
done
status 0 '--tree, as text' "$MEMTOP" report --tree inverted "$known"
says out '^ +97.7 KiB  100% +97.7 KiB +100 +100  leaks \(known_counts.c:' 'is the same'

status 0 '--filter' "$MEMTOP" report --json --filter function:leaks "$known"
holds '[s["live_blocks"] for s in j["sites"]] == [100] and j["filter"]["live_bytes"] == 100000' \
    'chooses the sites, and their sum is there'
status 0 '--filter with a regex' "$MEMTOP" report --json --filter '/^(leaks|temporaries)$/' "$known"
holds 'sum(s["temporary"] for s in j["sites"]) == 300 and j["filter"]["sites"] == len(j["sites"])' \
    'chooses, too'
status 0 '--filter that nothing matches' "$MEMTOP" report --json --filter module:nowhere "$known"
holds 'j["sites"] == [] and j["filter"]["allocations"] == 0' 'leaves nothing'
status 0 '--filter by file' "$MEMTOP" report --json --sites --filter file:known_counts "$known"
holds "sum(s['allocations'] for s in j['sites']) == $(want allocations)" 'finds all of this file'
status 0 '--sort' "$MEMTOP" report --json --sites --sort allocations "$known"
holds '[s["allocations"] for s in j["sites"]] ==
       sorted((s["allocations"] for s in j["sites"]), reverse=True)' 'puts the largest first'
status 0 '--sort of sizes and threads' "$MEMTOP" report --json --sizes --threads --sort frees "$known"
holds '[s["frees"] for s in j["sizes"]] == sorted((s["frees"] for s in j["sizes"]), reverse=True)' \
    'the same'
status 0 '--top' "$MEMTOP" report --json --sites --tree flat --sizes --top 2 "$known"
holds '[len(j["sites"]), len(j["tree"]["rows"]), len(j["sizes"])] == [2, 2, 2] and j["tree"]["cut"]' \
    'limits each table'

# ---- moments
status 0 '--at peak' "$MEMTOP" report --json --sites --tree inverted --at peak "$known"
holds "j['at']['moment'] == 'peak' and j['at']['live_bytes'] == $(want peak_bytes)" \
    'is when live bytes were highest'
holds "sum(s['live_bytes'] for s in j['sites']) == $(want peak_bytes)" 'the sites make it up'
holds "sum(r['self']['live_bytes'] for r in j['tree']['rows'] if r['depth'] == 0) ==
       $(want peak_bytes)" 'so does the tree'
status 0 '--at end' "$MEMTOP" report --json --sites --at end "$known"
holds '"at" not in j and sum(s["live_bytes"] for s in j["sites"]) == 100000' 'is the end'
status 0 '--at a time' "$MEMTOP" report --json --at 0s "$known"
holds 'j["at"]["partial"] and j["at"]["s"] == 0' 'is what the history knows'
follows_schema 'which follows the schema' "$TMP/out"
status 1 '--at a time that never was' "$MEMTOP" report --at 99h "$known"
says err 'history goes from' 'says what there is'
status 1 '--at a mark' "$MEMTOP" report --at 'no such mark' "$known"
says err 'holds the figures of the peak' 'says what there is'

# ---- usage
status 2 '--tree without a mode' "$MEMTOP" report --tree sideways "$known"
status 2 '--sort by nothing' "$MEMTOP" report --sort colour "$known"
status 2 '--sort by what the table lacks' "$MEMTOP" report --threads --sort peak_bytes "$known"
status 2 '--filter of threads' "$MEMTOP" report --threads --filter x "$known"
status 2 '--filter with a bad regex' "$MEMTOP" report --filter '/(/' "$known"
says err 'filter' 'says so'
status 2 '--at peak of sizes' "$MEMTOP" report --sizes --at peak "$known"

# ---- the live stream
mkfifo "$TMP/in"
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/marks" <"$TMP/in" >"$TMP/said" &
pid=$!
exec 3>"$TMP/in"
within 30 grep -q ready "$TMP/said"
"$MEMTOP" report --json --watch 0.1 --top 3 "$pid" >"$TMP/stream" 2>"$TMP/err" &
stream=$!
within 30 sh -c '[ "$(wc -l <"$0")" -ge 2 ]' "$TMP/stream"
echo a >&3
within 30 sh -c '[ "$(grep -c ready "$0")" -ge 2 ]' "$TMP/said"
lines=$(wc -l <"$TMP/stream")
within 30 sh -c '[ "$(wc -l <"$0")" -ge "$1" ]' "$TMP/stream" $((lines + 2))
"$MEMTOP" report --json --watch 0.05 --sites --top 1 "$pid" >"$TMP/other" &
other=$!
within 30 test -s "$TMP/other"
kill -INT $other # which sh set to be ignored in the background
kill -TERM $other
wait $other
is $? 0 '--watch ends well on a signal'
is "$(tail -c 1 "$TMP/other" | od -An -c | tr -d ' ')" '\n' 'with a whole line'
"$MEMTOP" report --json --watch 0.05 "$pid" 2>"$TMP/pipe" | head -n 1 >/dev/null
is "$(cat "$TMP/pipe")" '' 'a reader that goes away is no complaint'
echo q >&3
exec 3>&-
wait $stream
is "$?:$(cat "$TMP/err")" 0: '--watch ends well with the process'
follows_schema 'each line is a report' --lines "$TMP/stream"
"$PYTHON" - "$TMP/stream" >"$TMP/out" <<'END'
import json, sys
j = [json.loads(line) for line in open(sys.argv[1])]
counts = [d["totals"]["allocations"] for d in j]
print(json.dumps({"rising": counts == sorted(counts), "more": counts[0] < counts[-1],
                  "states": sorted({d["state"] for d in j}), "last": j[-1]["state"]}))
END
holds 'j["rising"] and j["more"]' 'they follow what the process does'
holds 'j["last"] == "exited" and "running" in j["states"]' 'and the last one tells of its end'
status 2 '--watch without --json' "$MEMTOP" report --watch 1 "$known"
status 0 '--watch of what has ended' "$MEMTOP" report --json --watch 1 "$known"
is "$(wc -l <"$TMP/out")" 1 'is one line'

# ---- real programs
export MEMTOP_KEEP=1
LD_PRELOAD=$MEMTOP_AGENT PYTHONMALLOC=malloc "$PYTHON" -S -c 'x = [str(i) for i in range(9999)]'
if command -v sqlite3 >/dev/null; then
    LD_PRELOAD=$MEMTOP_AGENT sqlite3 "$TMP/db" \
        'create table t(a, b); with recursive n(i) as (select 1 union all select i + 1 from n
         limit 20000) insert into t select i, hex(i) from n; select count(*) from t;' >/dev/null
fi
unset MEMTOP_KEEP
i=0
for segment in "$MEMTOP_DIR"/memtop-*; do
    i=$((i + 1))
    program=$("$MEMTOP" report --json --sizes "$segment" | "$PYTHON" -c \
        'import json, sys; print(json.load(sys.stdin)["executable"].split("/")[-1])')
    for how in '' '--tree standard' '--tree inverted' '--tree flat' '--at peak' \
        '--filter module:libc' '--sizes --threads --sort allocations'; do
        how="--top 100 $how"
        # shellcheck disable=SC2086
        "$MEMTOP" report --json $how "$segment" >"$TMP/doc-$i-${how//[^a-z]/}" || ok 1 "$how"
    done
    follows_schema "all reports on $program follow the schema" "$TMP"/doc-$i-*
    "$MEMTOP" report --json --tree standard "$segment" >"$TMP/out"
    holds 'sum(r["live_bytes"] for r in j["tree"]["rows"] if r["depth"] == 0) ==
           j["totals"]["live_bytes"]' "$program: the tree makes up the live bytes"
    holds 'all(abs(r["depth"] - p["depth"]) >= 0 and r["depth"] <= p["depth"] + 1
               for p, r in zip(j["tree"]["rows"], j["tree"]["rows"][1:]))' \
        "$program: no row is deeper than one below the row before it"
    cp "$TMP/doc-$i-toptreeinverted" "$TMP/out"
    holds 'len(j["tree"]["rows"]) <= 140 and
           max(r["live_bytes"] for r in j["tree"]["rows"]) == j["tree"]["rows"][0]["live_bytes"]' \
        "$program: the largest rows only, the largest first"
    "$MEMTOP" report --tree standard --sites --sizes --threads "$segment" >"$TMP/text"
    is "$(tail -n +2 "$TMP/text" | LC_ALL=C.UTF-8 grep -cE '^.{101,}')" 0 "$program: text keeps to 100 columns"
done
"$MEMTOP" list --json >"$TMP/list"
follows_schema 'memtop list --json follows it, too' "$TMP/list"

done_testing

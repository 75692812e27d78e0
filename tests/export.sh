#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# memtop export: what each format's own consumers make of it, and that the
# figures are those of the report.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

VALUES='live_bytes live_blocks allocations bytes_allocated temporary short_lived peak_bytes'

# A run that is over, so that all doors have the same figures.
"$MEMTOP" stat --keep -o "$TMP/report" -- "$PYTHON" -c '
import json
kept = [json.dumps({i: str(i) * 20}) for i in range(3000)]
import os
os.abort()' 2>/dev/null
segment=$(echo "$MEMTOP_DIR"/memtop-*-*)
run 'the report' "$MEMTOP" report --json -o "$TMP/json" "$segment"

# What the report's sites add up to: read once, for it is long.
sum_report() {
    value "'\n'.join(f'{v} {sum(s[v] for s in j[\"sites\"])}' for v in
        '$VALUES frees bytes_freed peak_blocks'.split())" "$TMP/json" >"$TMP/reported"
}
reported() { # VALUE
    sed -n "s/^$1 //p" "$TMP/reported"
}
sum_report

# export FORMAT [OPTION]...: into $TMP/out.
export_to() {
    text="export --format $*"
    run "$text" "$MEMTOP" export "$segment" --output "$TMP/out" --format "$@"
}

# sums FORMAT: "NAME SUM" of each value in $TMP/out.
sums() {
    "$PYTHON" "$srcdir/tests/export_sums.py" "$1" "$TMP/out"
}

# browse PAGE: what a browser makes of it, as HTML.
browse() {
    timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$TMP/chromium" \
        --dump-dom "file://$TMP/$1" 2>/dev/null
}
echo '<body><script>document.body.append(6 * 7)</script>' >"$TMP/try.html"
has_browser() {
    command -v chromium >/dev/null && browse try.html | grep -q 42
}
has_browser && browser=yes || browser=no

is "$(reported live_bytes)" "$(value 'j["totals"]["live_bytes"]' "$TMP/json")" \
    'the sites make up the total'
[ "$(reported temporary)" -gt 0 ] && [ "$(reported live_bytes)" -gt 0 ]
ok $? 'which is not nothing'

# ---- folded
for value in $VALUES; do
    export_to folded --value "$value"
    is "$(sums folded)" "value $(reported "$value")" "folded: the same $value"
done
is "$(grep -cE '(^|;)Py_BytesMain;' "$TMP/out" | sed 's/[1-9][0-9]*/some/')" some 'with names'
export_to folded --value peak_bytes --inverted
is "$(sums folded)" "value $(reported peak_bytes)" 'inverted: the same'
is "$(sed 's/ [0-9]*$//; s/;.*//' "$TMP/out" | grep -cx '_start')" 0 'none begins at _start'

# ---- flamegraph
same_values() { # FORMAT NAME=VALUE..: sums of a format that holds several
    format=$1
    shift
    sums "$format" >"$TMP/sums"
    for pair; do
        is "$(sed -n "s|^${pair%=*} ||p" "$TMP/sums")" "$(reported "${pair#*=}")" \
            "$format: the same ${pair#*=}"
    done
}

export_to flamegraph
# shellcheck disable=SC2046
same_values flamegraph $(for value in $VALUES; do echo "$value=$value"; done)
grep -qE '(src|href)=|url\(|@import' "$TMP/out"
is $? 1 'it asks for no other file'
if [ $browser = yes ]; then
    mv "$TMP/out" "$TMP/page.html"
    for value in $VALUES; do
        browse "page.html#value=$value" >"$TMP/dom"
        is "$(sed -n 's/.*<body data-total="\([0-9]*\)".*/\1/p' "$TMP/dom")" \
            "$(reported "$value")" "a browser finds the same $value"
    done
    # A click on the second row zooms to it, Escape returns.
    grep -v '^</body>\|^</html>' "$TMP/page.html" >"$TMP/clicks.html"
    cat >>"$TMP/clicks.html" <<'END'
<script>{
const r = canvas.getBoundingClientRect();
canvas.dispatchEvent(new MouseEvent("click",
    { clientX: r.left + 3, clientY: r.top + 1.5 * ROW, bubbles: true }));
const zoomed = state.focus.parent === root && !$("reset").disabled;
dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
const back = state.focus === root;
$("search").value = "Py.*Main";
$("search").dispatchEvent(new Event("input"));
document.body.dataset.result = [zoomed, back, pattern.test("Py_BytesMain"),
    /^matches: .*%$/.test($("matched").textContent)].join();
}</script></body></html>
END
    browse "clicks.html#view=icicle" >"$TMP/dom"
    grep -q 'data-result="true,true,true,true"' "$TMP/dom"
    ok $? 'click, Escape and search do what they say'
else
    skip 'there is no chromium that works'
fi

# Compared with the same interpreter with more in it.
mkdir "$TMP/more"
MEMTOP_DIR="$TMP/more" "$MEMTOP" stat --keep -o "$TMP/report" -- "$PYTHON" -c '
kept = bytes(5000000)
import os
os.abort()' 2>/dev/null
more=$(echo "$TMP/more"/memtop-*-*)
"$MEMTOP" report --json -o "$TMP/more.json" "$more"
export_to flamegraph --against "$more"
sums flamegraph >"$TMP/sums"
is "$(grep -c short_lived "$TMP/sums")" 0 'a comparison has no short lives'
for value in $VALUES; do
    [ $value != short_lived ] || continue
    is "$(sed -n "s|^$value ||p; s|^old_$value ||p" "$TMP/sums" | tr '\n' ' ')" \
        "$(reported "$value") $(value "sum(s['$value'] for s in j['sites'])" "$TMP/more.json") " \
        "a comparison has both sides' $value"
done
if [ $browser = yes ]; then
    colour() { # NEW OLD: totals, colour of all, and whether a stack is found on both sides
        "$MEMTOP" export "$1" --against "$2" --format flamegraph |
            grep -v '^</body>\|^</html>' >"$TMP/change.html"
        cat >>"$TMP/change.html" <<'END'
<script>{
const [r, , b] = paint.getImageData(5 * devicePixelRatio, 3 * devicePixelRatio, 1, 1).data;
const met = n => n.total && n.old || n.kids && [...n.kids.values()].some(met);
document.body.dataset.result = [r > b + 20 ? "red" : b > r + 20 ? "blue" : "grey",
    root.total, root.old, [...root.kids.values()].some(met)].join();
}</script></body></html>
END
        browse 'change.html#view=icicle' | sed -n 's/.*data-result="\([^"]*\)".*/\1/p'
    }
    bytes=$(reported live_bytes)
    more_bytes=$(value 'j["totals"]["live_bytes"]' "$TMP/more.json")
    is "$(colour "$segment" "$more")" "blue,$bytes,$more_bytes,true" 'what has shrunk is blue'
    is "$(colour "$more" "$segment")" "red,$more_bytes,$bytes,true" 'what has grown is red'
    is "$(colour "$more" "$more")" "grey,$more_bytes,$more_bytes,true" 'what is the same is grey'
else
    skip 'there is no chromium that works'
fi

# ---- pprof
pprof_values='alloc_objects/count=allocations alloc_space/bytes=bytes_allocated
    inuse_objects/count=live_blocks inuse_space/bytes=live_bytes'
export_to pprof
# shellcheck disable=SC2086
same_values pprof $pprof_values
is "$(sums pprof | tr '\n' ' ' | tr -d '0-9')" \
    'default inuse_space alloc_objects/count  alloc_space/bytes  inuse_objects/count  inuse_space/bytes  ' \
    'sample types in the order of Go, and no others'
if command -v go >/dev/null; then
    GOCACHE="$TMP/go" HOME="$TMP" go tool pprof -top -nodecount=5 -unit=B "$TMP/out" \
        >"$TMP/top" 2>"$TMP/err"
    ok $? 'go tool pprof -top'
    grep -q "of $(reported live_bytes)B total" "$TMP/top"
    ok $? 'it says the same live_bytes'
else
    skip 'there is no go'
fi
export_to pprof --value peak_bytes
same_values pprof peak_space/bytes=peak_bytes
is "$(sums pprof | sed -n 1p)" 'default peak_space' 'the peak is shown first when asked for'

# ---- speedscope
for value in $VALUES; do
    export_to speedscope --value "$value"
    is "$(sums speedscope)" "value $(reported "$value")" "speedscope: the same $value"
done

# ---- csv
export_to csv
# shellcheck disable=SC2046
same_values csv $(for value in $VALUES frees bytes_freed peak_blocks; do echo "$value=$value"; done)

# ---- openmetrics, prometheus
for format in openmetrics prometheus; do
    export_to $format
    sums $format >"$TMP/sums"
    for pair in live_bytes=live_bytes live_blocks=live_blocks allocations_total=allocations \
        allocated_bytes_total=bytes_allocated temporary_allocations_total=temporary \
        peak_bytes=peak_bytes; do
        is "$(sed -n "s|^memtop_heap_${pair%=*} ||p" "$TMP/sums")" \
            "$(value "j['totals']['${pair#*=}']" "$TMP/json")" "$format: the same ${pair#*=}"
    done
    is "$(sed -n 's/^memtop_heap_calls_total //p' "$TMP/sums")" \
        "$(value 'sum(j["functions"].values())' "$TMP/json")" "$format: the same calls"
done
# The strictest reader of OpenMetrics, where the system's python has it.
strict='import sys
from prometheus_client.openmetrics.parser import text_fd_to_metric_families as parse
print(len(list(parse(open(sys.argv[1])))))'
if python=/usr/bin/python3 && $python -c 'import prometheus_client' 2>/dev/null; then
    "$MEMTOP" export "$segment" --format openmetrics -o "$TMP/metrics"
    is "$($python -c "$strict" "$TMP/metrics")" "$(grep -c '^# TYPE' "$TMP/metrics")" \
        'OpenMetrics are accepted by prometheus_client'
else
    skip 'there is no prometheus_client'
fi
if command -v promtool >/dev/null; then
    run 'promtool check metrics' promtool check metrics <"$TMP/out"
else
    skip 'there is no promtool'
fi

# ---- massif
export_to massif
same_values massif peak=peak_bytes end=live_bytes
if command -v ms_print >/dev/null; then
    ms_print "$TMP/out" >"$TMP/printed" 2>"$TMP/err"
    is "$?:$(cat "$TMP/err")" 0: 'ms_print'
    grep -q "^->.*(.*B) 0x[0-9A-F]*: [a-zA-Z_]" "$TMP/printed" && ! grep -q 'B):' "$TMP/printed"
    ok $? 'which prints the tree'
else
    skip 'there is no ms_print'
fi

# ---- dhat
export_to dhat
same_values dhat tb=bytes_allocated tbk=allocations gb=peak_bytes gbk=peak_blocks eb=live_bytes \
    ebk=live_blocks
viewer=/usr/libexec/valgrind/dh_view.js
if [ -r $viewer ] && [ $browser = yes ]; then
    {
        echo "<meta charset=utf-8><script src='file://$viewer'></script><body>"
        echo '<script type="application/json" id="file">'
        cat "$TMP/out"
        echo '</script><script>onload = () => { onLoad(); gFilename = "heap";
            gData = JSON.parse(document.getElementById("file").textContent);
            tryFunc(() => { buildTree(); displayTree(); }); }</script></body>'
    } >"$TMP/dhat.html"
    browse dhat.html | sed 's/<[^>]*>//g' >"$TMP/dom"
    grep -q "Total: *$(reported bytes_allocated | sed ':a; s/\B[0-9]\{3\}\>/,&/; ta') bytes" "$TMP/dom"
    ok $? 'dh_view shows the same total'
else
    skip 'there is no dh_view, or no chromium that works'
fi

# ---- heaptrack
heaptrack_values='live=live_bytes peak=peak_bytes allocations=allocations temporary=temporary'
export_to heaptrack
# shellcheck disable=SC2086
same_values heaptrack $heaptrack_values
if command -v heaptrack_print >/dev/null; then
    mv "$TMP/out" "$TMP/heaptrack.gz" # it goes by the name
    for pair in leaked=live_bytes peak=peak_bytes allocations=allocations temporary=temporary; do
        heaptrack_print --disable-builtin-suppressions --flamegraph-cost-type "${pair%=*}" \
            -F "$TMP/stacks" "$TMP/heaptrack.gz" >"$TMP/printed" 2>"$TMP/err"
        is "$?:$(awk '{ n += $NF } END { printf "%d", n }' "$TMP/stacks")" \
            "0:$(reported "${pair#*=}")" "heaptrack_print finds the same ${pair#*=}"
    done
    grep -q "^calls to allocation functions: $(reported allocations) " "$TMP/printed" &&
        grep -q "^temporary memory allocations: $(reported temporary) " "$TMP/printed"
    ok $? 'and says so'
    grep -q Py_BytesMain "$TMP/stacks"
    ok $? 'with names'
else
    skip 'there is no heaptrack_print'
fi

# ---- one snapshot file, the same totals through every door
run 'a snapshot in a file' "$MEMTOP" snapshot "$segment" -o "$TMP/file"
"$MEMTOP" report --json -o "$TMP/json" "$TMP/file"
sum_report
for mode in standard inverted flat; do
    "$MEMTOP" report --json --tree $mode -o "$TMP/$mode.json" "$TMP/file"
done
sum_of() { # FORMAT NAME [OPTION]..
    format=$1 name=$2
    shift 2
    "$MEMTOP" export "$TMP/file" -o "$TMP/out" --format "$format" "$@" && sums "$format" |
        sed -n "s|^$name ||p"
}
# What the formats with names of their own call a value; nothing where they lack it.
name_in() { # FORMAT VALUE
    case $1:$2 in
    pprof:live_bytes) echo inuse_space/bytes ;;
    pprof:live_blocks) echo inuse_objects/count ;;
    pprof:allocations) echo alloc_objects/count ;;
    pprof:bytes_allocated) echo alloc_space/bytes ;;
    pprof:temporary) echo temporary_objects/count ;;
    pprof:short_lived) echo short_lived_objects/count ;;
    pprof:peak_bytes) echo peak_space/bytes ;;
    dhat:live_bytes) echo eb ;;
    dhat:live_blocks) echo ebk ;;
    dhat:allocations) echo tbk ;;
    dhat:bytes_allocated) echo tb ;;
    dhat:peak_bytes) echo gb ;;
    heaptrack:live_bytes) echo live ;;
    heaptrack:allocations) echo allocations ;;
    heaptrack:temporary) echo temporary ;;
    heaptrack:peak_bytes) echo peak ;;
    massif:live_bytes) echo end ;;
    massif:peak_bytes) echo peak ;;
    esac
}
for value in $VALUES; do
    total=$(value "j['totals']['$value']" "$TMP/json")
    doors="report=$(reported "$value")"
    for mode in standard inverted; do
        doors+=" $mode=$(value "sum(r['$value'] for r in j['tree']['rows'] if r['depth'] == 0)" \
            "$TMP/$mode.json")"
    done
    doors+=" flat=$(value "sum(r['self']['$value'] for r in j['tree']['rows'])" "$TMP/flat.json")"
    for format in folded speedscope; do
        doors+=" $format=$(sum_of $format value --value "$value")"
    done
    doors+=" inverted=$(sum_of folded value --inverted --value "$value")"
    doors+=" flamegraph=$(sum_of flamegraph "$value") csv=$(sum_of csv "$value")"
    doors+=" pprof=$(sum_of pprof "$(name_in pprof "$value")" --value "$value")"
    for format in dhat heaptrack massif; do
        name=$(name_in $format "$value")
        [ -z "$name" ] || doors+=" $format=$(sum_of $format "$name")"
    done
    is "$(echo "$doors" | sed "s/=$total\>//g")" "$(echo "$doors" | sed 's/=[0-9]*//g')" \
        "$value: $total through every door"
done

# ---- what is refused, and what fails
wrong() { # TEXT OPTION..
    text=$1
    shift
    "$MEMTOP" export "$@" >"$TMP/out" 2>"$TMP/err"
    is "$?:$(wc -l <"$TMP/err"):$(wc -c <"$TMP/out")" 2:1:0 "$text"
}
wrong 'no format' "$segment"
wrong 'an unknown format' "$segment" --format jpeg
wrong 'a value for a format that holds all' "$segment" --format csv --value live_bytes
wrong 'a profile of changes' "$segment" --format pprof --against "$segment"
wrong 'an inverted profile' "$segment" --format pprof --inverted
wrong 'an unknown value' "$segment" --format folded --value beauty
"$MEMTOP" export "$TMP/none" --format folded 2>"$TMP/err"
is $? 1 'no such segment'
"$MEMTOP" export "$segment" --format flamegraph --against "$TMP/none" 2>"$TMP/err"
is "$?:$(wc -l <"$TMP/err")" 1:1 'nothing to compare with'
"$MEMTOP" export "$segment" --format folded -o "$TMP/no/dir" 2>"$TMP/err"
is $? 1 'a file that cannot be created'
formats=$("$MEMTOP" export --help | sed -n '/^Formats:/,/^$/s/^  \([a-z]*\) .*/\1/p')
ok $? '--help'
for format in $formats; do
    grep -q "^## $format\$" "$srcdir/docs/export.md"
    ok $? "$format is explained in docs/export.md"
    [ -w /dev/full ] || continue
    "$MEMTOP" export "$segment" --format "$format" >/dev/full 2>"$TMP/err"
    is "$?:$(wc -l <"$TMP/err")" 1:1 "$format on a full disk"
    "$MEMTOP" export "$segment" --format "$format" >&- 2>"$TMP/err"
    is $? 1 "$format on a closed stdout"
done

done_testing

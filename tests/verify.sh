#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# MEMTOP_VERIFY: stacks are what other unwinders see, on programs that are made
# to mislead and on some real ones; and verification is seen to work.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

[ "$(uname -m)" = x86_64 ] && ! readelf -d "$MEMTOP_AGENT" | grep -q 'NEEDED.*libunwind' ||
    skip_all 'the unwinder of this build is one of those to compare with'

# right NAME MINIMUM PARTIAL COMMAND...: at least so many stacks are compared and
# none is wrong; PARTIAL is `some` where frames without unwind information occur. $sites:
# how many call sites are written; a hundred thousand take python seconds to read.
right() {
    local name=$1 minimum=$2 partial=$3
    shift 3
    if ! command -v "$1" >/dev/null; then
        skip "there is no $1"
        return
    fi
    MEMTOP_VERIFY=${every:-1} "$MEMTOP" stat --json --top "${sites:-0}" -o "$TMP/json" -- "$@" \
        >"$TMP/out" 2>&1 </dev/null
    is "$?" 0 "$name: ends well" || sed 's/^/# /' "$TMP/out"
    verify='j["verify"]'
    is "$(value "$verify['mismatches']" "$TMP/json")" 0 "$name: no stack is wrong" ||
        value "'\n'.join(k + ' ' + str(v) for k, v in $verify['examples'][0].items())" \
            "$TMP/json" | sed 's/^/# /'
    is "$(value "$verify['checks'] >= $minimum" "$TMP/json")" True \
        "$name: $(value "$verify['checks']" "$TMP/json") stacks were compared"
    [ "$partial" = some ] ||
        is "$(value "$verify['partial']" "$TMP/json")" 0 "$name: each to its end"
}

plugin() {
    for path in "$VICTIMS/$1.so" "$VICTIMS/.libs/$1.so"; do
        [ -e "$path" ] && echo "$path" && return
    done
}

"$MEMTOP" stat --json -o "$TMP/json" -- true
is "$(value 'j["verify"]["checks"]' "$TMP/json")" 0 'nothing is compared unless it is wanted'

for variant in '' _O0 _fp; do
    sites=1000000 right "verify_walk$variant" 8000 none "$VICTIMS/verify_walk$variant" 1 2 known
    is "$(value 'len(j["sites"]) > 1000 and sum("incomplete" in s for s in j["sites"])' \
        "$TMP/json")" 0 \
        "verify_walk$variant: each stack is complete"
    right "verify_walk$variant with unknown code" 8000 some "$VICTIMS/verify_walk$variant" 2 2
    right "verify_walk$variant with unknown frames" 8000 some \
        "$VICTIMS/verify_walk$variant" 3 2 framed
done
right verify_throw 10000 none "$VICTIMS/verify_throw"
right verify_reload 500 none "$VICTIMS/verify_reload" "$(plugin verify_plugin1)" \
    "$(plugin verify_plugin2)"
right sigalloc 10 some "$VICTIMS/sigalloc"
every=50 right cross_thread_free 1000 none "$VICTIMS/cross_thread_free"

right perl 100 none perl -e 'my %h; $h{$_ % 97} .= "x" x ($_ % 50) for 1 .. 2000;'
PYTHONMALLOC=malloc every=10 right python3 2000 some "$PYTHON" -c \
    'import json, re; json.dumps(re.findall("[a-z]+", "a few words" * 100))'

MEMTOP_VERIFY=7 "$MEMTOP" stat --json -o "$TMP/json" -- "$VICTIMS/verify_walk" 3 2 known >"$TMP/out"
is "$(value 'abs(j["totals"]["allocations"] / j["verify"]["checks"] - 7) < 1' "$TMP/json")" \
    True 'one in seven stacks is compared'
MEMTOP_VERIFY=1 "$MEMTOP" stat -o "$TMP/text" -- "$VICTIMS/verify_throw" >"$TMP/out"
grep -q 'verified stacks .*[0-9]' "$TMP/text"
ok $? 'the text report says how many'

done_testing

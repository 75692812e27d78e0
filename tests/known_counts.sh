#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A report says exactly what a program did that knows it: known_counts prints
# what it must say. It leaves no room for an oracle that errs in the same way.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

# expect: each key=value line on stdin against the report.
expect() {
    while IFS='=' read -r key wanted; do
        case $key in
        functions.*) got=$(value "j['functions']['${key#*.}']" "$TMP/json") ;;
        *) got=$(value "j['totals']['$key']" "$TMP/json") ;;
        esac
        is "$got" "$wanted" "$key"
    done <"$1"
}

"$MEMTOP" stat --json -o "$TMP/json" -- "$VICTIMS/known_counts" >"$TMP/known" 2>"$TMP/err"
is $? 0 'known_counts runs' || sed 's/^/# /' "$TMP/err"
is "$(grep -c = "$TMP/known")" 24 'it knows 24 figures'
echo 'lost=0' >>"$TMP/known"
expect "$TMP/known"

done_testing

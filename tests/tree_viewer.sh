#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The call tree in a terminal, on a program that holds still.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

steady=$VICTIMS/steady
LC_ALL=C.UTF-8
export LC_ALL
unset NO_COLOR

# screen DESCRIPTION ROWS COLUMNS SCRIPT COMMAND...: every step must hold.
screen() {
    text=$1 rows=$2 cols=$3
    printf '%s\n' "$4" >"$TMP/script"
    shift 4
    run "$text" "$SCREEN" -r "$rows" -c "$cols" -s "$TMP/script" -- "$@"
}

screen 'three modes, opening and closing' 24 80 'wait make_rows
keys t
wait "Tree]"
wait "callers above callees"
match "^ 977K .*main  steady$"
match "^ 977K .*  make_rows  steady$"
keys <Left>
wait! "  make_rows"
keys <Right>
match "  make_rows  steady$"
keys <Enter>
wait! "  make_rows"
keys i
wait "callees above callers"
match "^ 977K +[0-9]+% +977K +1.00k .*▸ make_rows  steady$"
keys +
match "^ 977K +[0-9]+% +0 +1.00k .* main  steady$"
keys i
wait "one row per function"
match "^ 977K +[0-9]+% +0 +1.00k .* main  steady$"
match "^ 977K +[0-9]+% +977K +1.00k .* make_rows  steady$"
click #LIVE
click #LIVE
match "^ +0 +0% +0 +0 .* churn  steady$"
keys <F5>p
wait PAUSED
resize 5 20
wait "terminal too small"
resize 60 200
wait "Tree]"
match "^ 977K .* make_rows  steady$"' "$MEMTOP" run -- "$steady"

done_testing

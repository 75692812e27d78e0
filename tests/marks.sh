#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Marks: those that a program sets, those of memtop mark, and none of them
# where the agent is not there.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

status() { # WANTED TEXT COMMAND...
    wanted=$1 text=$2
    shift 2
    "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
    is "$?" "$wanted" "$text"
}

status 2 'mark without a process' "$MEMTOP" mark
status 2 'mark of a word' "$MEMTOP" mark word
status 1 'mark of no process' "$MEMTOP" mark 4194303
status 0 'mark --help' "$MEMTOP" mark --help
echo q | "$VICTIMS/marks" >"$TMP/out"
is "$?" 0 'memtop_mark does nothing without the agent'

mkfifo "$TMP/in"
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/marks" <"$TMP/in" >"$TMP/said" &
victim=$!
exec 3>"$TMP/in"
within 5 grep -q ready "$TMP/said"
status 0 'mark of a program that rests' "$MEMTOP" mark "$victim" 'from a script'
grep -q 'next allocates' "$TMP/out"
ok $? 'which it will notice'
echo a >&3
# shellcheck disable=SC2016
within 5 sh -c '[ "$(grep -c ready "$1")" = 2 ]' - "$TMP/said"
chmod a-w "$MEMTOP_DIR"/memtop-"$victim"-*
if [ "$(id -u)" = 0 ]; then
    skip 'root may write to all files'
else
    status 1 'mark where nothing may be written' "$MEMTOP" mark "$victim"
fi
echo q >&3
wait "$victim"
is "$?" 0 'the program ends as ever'
status 1 'mark of a program that has ended' "$MEMTOP" mark "$victim"

done_testing

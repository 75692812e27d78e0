#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The terminal that the viewer's tests rely on tells the truth: it sees what is
# there, it fails where something is not, and its keys, sizes and signals arrive.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

screen() { # description wanted-status script-lines -- command...
    text=$1 wanted=$2
    printf '%s\n' "$3" >"$TMP/script"
    shift 3
    "$SCREEN" -r 6 -c 30 -s "$TMP/script" "$@" >"$TMP/out" 2>"$TMP/err"
    got=$?
    is "$got" "$wanted" "$text" || sed 's/^/# /' "$TMP/err"
}

screen 'text is found, the exit status too' 0 'wait "two words"
expect-exit 7' -- sh -c 'echo some two words here; exit 7'
screen 'text that is not there is missed' 1 'wait nowhere 0.3' -- sh -c 'echo here; read -r x'
grep -q '^# |here$' "$TMP/err"
ok $? 'and the screen is shown'
screen 'text is in a row' 0 'row 2 ^tw[o]$' -- sh -c 'printf "one\ntwo\n"; read -r x'
screen 'text in another row is missed' 1 'row 1 two 0.3' -- sh -c 'printf "one\ntwo\n"; read -r x'
screen 'another exit status is noticed' 1 'expect-exit 0' -- sh -c 'exit 1'
screen 'a signal is a status' 0 'wait up
signal TERM
expect-exit 143' -- sh -c 'echo up; read -r x'
screen 'text that goes is waited for' 0 'wait "old text"
keys \n
wait! "old text"
match ^n[e]w' -- sh -c 'echo old text; read -r x; printf "\033[H\033[2Jnew text"; read -r x'
screen 'keys arrive as a terminal sends them' 0 'wait up
keys a\x62<F1><Up><PgDn><Space>\<\\\n
wait "ab^[OP^[[A^[[6~ <\"' -- sh -c 'stty -echo; echo up; exec cat -v'
screen 'the size arrives' 0 'wait "6 30"
resize 9 40
wait "9 40"' -- bash -c 'trap "stty size" WINCH; stty size; while :; do read -r -t 0.1; done'
screen '^Z stops the command, CONT wakes it' 0 'wait up
keys <C-z>
expect-stop
signal CONT
keys word\n
wait again:word' -- sh -c 'echo up; read -r x; echo "again:$x"; read -r x'
screen 'UTF-8, wide characters and styles' 0 "wait done
dump $TMP/text
styles $TMP/styles" -- sh -c \
    'printf "\\303\\251\\344\\270\\255x\\n\\033[1mb\\033[0;4mu\\033[0;7mr\\033[0;31mc\\033[0m.\\ndone"; read -r x'
is "$(sed -n 1p "$TMP/text")" "$(printf '\303\251\344\270\255x')" 'the text is dumped as it is'
is "$(sed -n 2p "$TMP/styles" | cut -c 1-6)" 'BURC..' 'so are the styles'

done_testing

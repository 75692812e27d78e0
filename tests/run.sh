#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# memtop run in a terminal: CMD has a terminal of its own that outlives the
# viewer, whatever becomes of the viewer; exit statuses; who is refused.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

# screen TEXT SCRIPT COMMAND...
screen() {
    text=$1
    printf '%s\n' "$2" >"$TMP/script"
    shift 2
    "$SCREEN" -s "$TMP/script" -- "$@" >"$TMP/out" 2>"$TMP/err"
    ok $? "$text" || sed 's/^/# /' "$TMP/err"
}

# A program that waits for a file "go", then prints more than a pty holds.
cat >"$TMP/program" <<'END'
cd "$1" || exit 9
tty >tty
stty size >size
echo $$ >pid
until [ -e go ]; do sleep 0.02; done
seq 20000
echo end >ended
exit 5
END
begin() {
    rm -f "$TMP"/go "$TMP"/ended "$TMP"/saved "$TMP"/pid
}
pid_is_gone() {
    ! kill -0 "$(cat "$TMP/pid")" 2>/dev/null || grep -q '^State:.Z' "/proc/$(cat "$TMP/pid")/status"
}

# ---- the viewer is killed
begin
screen 'the viewer is killed while CMD runs' 'wait Overview
signal KILL
expect-exit 137' "$MEMTOP" run --output "$TMP/saved" -- sh "$TMP/program" "$TMP"
within 10 test -s "$TMP/pid" && kill -0 "$(cat "$TMP/pid")"
ok $? 'CMD goes on'
case $(cat "$TMP/tty") in
/dev/pts/*) ok 0 'it has a terminal' ;;
*) ok 1 "it has a terminal: $(cat "$TMP/tty")" ;;
esac
is "$(cut -d ' ' -f 2 "$TMP/size")" 80 'as wide as the one that it was started from'
run 'it can be reported' "$MEMTOP" report "$(cat "$TMP/pid")"
touch "$TMP/go"
within 10 test -e "$TMP/ended"
ok $? 'its output does not block it'
within 10 pid_is_gone
ok $? 'it ends'
within 10 sh -c "tail -n 1 '$TMP/saved' | grep -q ^20000"
ok $? 'and all of its output is saved'
within 10 sh -c "[ -z \"\$(ls '$MEMTOP_DIR')\" ]"
ok $? 'then nothing is left behind'

# ---- the viewer ends by a signal
begin
screen 'the viewer is terminated while CMD runs' 'wait Overview
signal TERM
expect-exit 0' "$MEMTOP" run --output "$TMP/saved" -- sh "$TMP/program" "$TMP"
touch "$TMP/go"
within 10 test -e "$TMP/ended"
ok $? 'CMD goes on to its end'

# ---- the viewer is left
begin
screen 'CMD is left running' 'wait Overview
keys q
wait "eave"
keys l
wait "goes on"
expect-exit 0' "$MEMTOP" run --output "$TMP/saved" -- sh "$TMP/program" "$TMP"
within 10 test -s "$TMP/pid" && kill -0 "$(cat "$TMP/pid")"
ok $? 'CMD goes on'
touch "$TMP/go"
within 10 test -e "$TMP/ended"
ok $? 'and comes to its end'
begin
touch "$TMP/go"
screen 'the exit status is passed on' 'wait "exited"
keys q
expect-exit 5' "$MEMTOP" run -- sh "$TMP/program" "$TMP"
screen 'a signal too' 'wait "killed"
keys q
expect-exit 137' "$MEMTOP" run -- sh -c 'kill -KILL $$'
screen 'a program that ends at once is shown' 'wait "exited"
keys q
expect-exit 0' "$MEMTOP" run -- true
within 10 sh -c "[ -z \"\$(ls '$MEMTOP_DIR')\" ]"
ok $? 'nothing is left behind'

# ---- programs that cannot be shown
echo 'int main(void) { return 4; }' >"$TMP/four.c"
if ${CC:-gcc} -static -o "$TMP/four" "$TMP/four.c" 2>/dev/null; then
    screen 'a static program is refused' 'wait "statically linked"
expect-exit 1' "$MEMTOP" run -- "$TMP/four"
else
    skip 'no static C library'
fi
screen 'a command that does not exist' 'wait "command not found"
expect-exit 127' "$MEMTOP" run -- no-such-command-here

done_testing

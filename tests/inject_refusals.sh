#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Processes that memtop inject refuses, and what it says, once more than in inject.sh:
# kinds of programs, debuggers, containers, directories. What is not installed is skipped.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

[ "$(uname -m)" = x86_64 ] || skip_all 'the injector knows x86-64 only'
compiler=${CC:-gcc}
chmod 755 "$TMP"

# start COMMAND...: with an input that stays open as fd 3, until it is "ready".
start() {
    rm -f "$TMP/in" "$TMP/out"
    mkfifo "$TMP/in"
    "$@" <"$TMP/in" >"$TMP/out" 2>"$TMP/said" &
    pid=$!
    exec 3>"$TMP/in"
    within 60 grep -q ready "$TMP/out"
}

finish() { # TEXT
    (echo >&3) 2>/dev/null
    exec 3>&-
    wait $pid
    is $? 0 "$1"
}

untouched() {
    ! grep -q libmemtop "/proc/$1/maps" && grep -q '^TracerPid:.0$' "/proc/$1/status"
}

# refused TEXT PID PATTERN [COMMAND..]: by inject, and by the list where it is asked plainly.
refused() {
    local text=$1 victim=$2 pattern=$3
    shift 3
    "$@" "$MEMTOP" inject "$victim" 2>"$TMP/err"
    is $? 1 "$text is refused"
    grep -qE "$pattern" "$TMP/err"
    ok $? 'and it is explained' || sed 's/^/# /' "$TMP/err"
    [ $# = 0 ] || return 0
    "$MEMTOP" list | grep -E "^ *$victim " >"$TMP/list"
    grep -qE " no .*($pattern)" "$TMP/list"
    ok $? 'the list says the same' || sed 's/^/# /' "$TMP/list"
}

start "$VICTIMS/alloc_threads" 0
"$MEMTOP" inject $pid 2>"$TMP/err" || {
    grep -qE 'ptrace_scope|SYS_PTRACE|may not be traced' "$TMP/err" && skip_all "$(cat "$TMP/err")"
}
finish 'one that can be attached ends well'

# ---- programs
cat >"$TMP/plain.c" <<'END'
#include <unistd.h>
int main(void) { char c; return write(1, "ready\n", 6) != 6 || read(0, &c, 1) != 1; }
END
built() { # NAME COMPILER FLAGS..: TMP/NAME
    local name=$1
    shift
    command -v "$1" >/dev/null && "$@" -o "$TMP/$name" "$TMP/plain.c" 2>/dev/null &&
        "$TMP/$name" <<<x >/dev/null 2>&1 || { skip "no program that is $name: $*"; return 1; }
}
program() { # NAME PATTERN COMPILER FLAGS..
    local name=$1 pattern=$2
    shift 2
    built "$name" "$@" || return
    start "$TMP/$name"
    refused "a program that is $name" $pid "$pattern"
    untouched $pid
    ok $? 'and untouched'
    finish 'and ends well'
}
program musl 'musl' musl-gcc
program static-musl 'statically' musl-gcc -static
program static-pie 'statically' $compiler -static-pie
program 32-bit '32-bit' $compiler -m32
program tsan 'sanitizer' $compiler -fsanitize=thread
program lsan 'sanitizer' $compiler -fsanitize=leak
program static-asan 'sanitizer' $compiler -fsanitize=address -static-libasan
program stripped-asan 'sanitizer' $compiler -fsanitize=address -static-libasan -s
program static-tsan 'sanitizer' $compiler -fsanitize=thread -static-libtsan
program clang-asan 'sanitizer' clang -fsanitize=address
program clang-msan 'sanitizer' clang -fsanitize=memory

# One that detects undefined behaviour only has the usual malloc.
if built ubsan $compiler -fsanitize=undefined; then
    start "$TMP/ubsan"
    run 'a program that is ubsan can be attached' "$MEMTOP" inject $pid
    run 'and detached' "$MEMTOP" detach $pid
    finish 'and ends well'
fi

# A malloc within the program passes through no slot: that is said.
start "$VICTIMS/held_own"
"$MEMTOP" inject $pid 2>"$TMP/err"
is $? 0 'a program with a malloc of its own can be attached' || sed 's/^/# /' "$TMP/err"
echo >&3
within 20 grep -q done "$TMP/out"
"$MEMTOP" report --json $pid >"$TMP/json"
is "$(value 'j["agent"]["foreign_heap"], j["attach"]["before_source"]' "$TMP/json")" \
    "(True, None)" 'the report knows that its malloc is not seen'
"$MEMTOP" report $pid | grep -q 'its own malloc'
ok $? 'and says so'
"$MEMTOP" detach $pid 2>/dev/null
exec 3>&-
wait $pid
is $? 0 'it ends well'

# ---- who watches it
if command -v gdb >/dev/null; then
    mkfifo "$TMP/gdb.in"
    gdb -q -batch -ex run --args "$VICTIMS/alloc_threads" 0 <"$TMP/gdb.in" >"$TMP/gdb" 2>&1 &
    gdb=$!
    exec 4>"$TMP/gdb.in"
    if within 60 grep -q ready "$TMP/gdb"; then
        refused 'a program under gdb' "$(pgrep -P $gdb alloc_threads)" 'traced already.*gdb'
    else
        skip "gdb does not run programs here: $(tail -n 1 "$TMP/gdb")"
    fi
    echo >&4
    exec 4>&-
    wait $gdb
    is $? 0 'gdb ends well'
else
    skip 'gdb is not installed'
fi
if command -v valgrind >/dev/null; then
    start valgrind -q "$VICTIMS/alloc_threads" 0
    if [ -s "$TMP/out" ]; then
        refused 'a program under valgrind' $pid 'valgrind'
        finish 'valgrind ends well'
    else
        kill -KILL $pid
        skip 'valgrind does not run programs here'
    fi
else
    skip 'valgrind is not installed'
fi
# shellcheck disable=SC2016
sh -c 'exec "$0" inject $$' "$MEMTOP" 2>"$TMP/err"
is "$?:$(grep -c 'it is this memtop' "$TMP/err")" 1:1 'memtop itself is refused'

# ---- containers
if [ "$(id -u)" = 0 ] && unshare -Urpf --mount-proc true 2>/dev/null; then
    start "$VICTIMS/alloc_threads" 0
    refused 'a process outside, to root of a user namespace,' $pid 'another user namespace' \
        unshare -Ur
    untouched $pid
    ok $? 'and untouched'
    finish 'and ends well'
    start unshare -Urpf --mount-proc "$VICTIMS/alloc_threads" 0
    inner=$(pgrep -P $pid)
    run 'a process within user and pid namespaces can be attached from outside' \
        "$MEMTOP" inject "$inner"
    within 20 "$MEMTOP" report "$inner"
    ok $? 'and records'
    run 'and detached' "$MEMTOP" detach "$inner"
    finish 'and ends well'
else
    skip 'no user namespaces here'
fi

# ---- where the segment goes
if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --clear-groups true 2>/dev/null; then
    start setpriv --reuid=65534 --clear-groups "$VICTIMS/alloc_threads" 0
    mkdir -m 700 "$TMP/closed"
    MEMTOP_DIR=$TMP/closed "$MEMTOP" inject $pid 2>"$TMP/err"
    is $? 1 "root's directory is none for a process of nobody's"
    grep -qE 'MEMTOP_DIR.*closed.*chmod 1777' "$TMP/err"
    ok $? 'and it says what to do' || sed 's/^/# /' "$TMP/err"
    chmod 1777 "$TMP/closed"
    run 'then it can be attached' env MEMTOP_DIR="$TMP/closed" "$MEMTOP" inject $pid
    run 'by root, who reads its segment' env MEMTOP_DIR="$TMP/closed" "$MEMTOP" report $pid
    is "$(stat -c '%u %a' "$TMP/closed"/memtop-$pid-*)" '65534 600' 'which is its own'
    run 'and detached' env MEMTOP_DIR="$TMP/closed" "$MEMTOP" detach $pid
    MEMTOP_DIR=$TMP/nowhere "$MEMTOP" inject $pid 2>"$TMP/err"
    is "$?:$(grep -c 'MEMTOP_DIR.*nowhere' "$TMP/err")" 1:1 'a directory that there is not'
    finish 'and ends well'
else
    skip 'no other user to be'
fi

done_testing

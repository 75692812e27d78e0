# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What script tests share. Use it like this (bash or POSIX sh):
#
#     . "${srcdir:-.}/tests/lib.sh"
#     ok "$?" "the last command succeeded"
#     is "$got" "$wanted" "two strings are equal"
#     run "a command that must succeed" COMMAND ARGUMENTS...
#     within 5 sh -c '[ -e file ]' || ...   # wait for a condition
#     done_testing                          # plan and exit status; last line
#
# The harness gives MEMTOP, MEMTOP_AGENT, ORACLE, SCREEN, VICTIMS, srcdir and
# builddir; run by hand, the build in the present directory is taken. TMP is a
# directory of the test's own, and MEMTOP_DIR one on the default file system
# where its segments go; both are removed at the end.

srcdir=${srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
builddir=${builddir:-$PWD}
MEMTOP=${MEMTOP:-$builddir/memtop}
MEMTOP_AGENT=${MEMTOP_AGENT:-$builddir/.libs/libmemtop.so}
ORACLE=${ORACLE:-$builddir/tests/.libs/liboracle.so}
SCREEN=${SCREEN:-$builddir/tests/screen}
VICTIMS=${VICTIMS:-$builddir/tests/victims}
export MEMTOP_AGENT

TMP=$(mktemp -d)
export XDG_CONFIG_HOME=/dev/null # the viewer begins anew each time
shm=/dev/shm
[ -w $shm ] || shm=/tmp
MEMTOP_DIR=$(mktemp -d $shm/memtop-test.XXXXXX)
export MEMTOP_DIR

# What was left running goes: each process with a segment here is the test's.
clean_up() {
    for segment in "$MEMTOP_DIR"/memtop-*-*; do
        pid=${segment##*/memtop-}
        start=${pid#*-} pid=${pid%%-*}
        case $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d ' ' -f 20) in
        "$start") kill -KILL "$pid" ;;
        esac
    done
    rm -rf "$TMP" "$MEMTOP_DIR"
}
trap clean_up EXIT

tests=0
failures=0

# ok STATUS TEXT: it holds if STATUS is 0.
ok() {
    tests=$((tests + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tests - $2"
    else
        echo "not ok $tests - $2"
        failures=$((failures + 1))
    fi
    return "$1"
}

is() {
    if [ "$1" = "$2" ]; then
        ok 0 "$3"
    else
        ok 1 "$3"
        printf 'got    %s\nwanted %s\n' "$1" "$2" | sed 's/^/# /'
        return 1
    fi
}

# run TEXT COMMAND...: its output is shown when it fails.
run() {
    text=$1
    shift
    if "$@" >"$TMP/run.out" 2>&1; then
        ok 0 "$text"
    else
        ok 1 "$text (status $?)"
        sed 's/^/# /' "$TMP/run.out"
        return 1
    fi
}

skip() {
    tests=$((tests + 1))
    echo "ok $tests # SKIP $1"
}

# skip_all WHY: the whole script cannot run here.
skip_all() {
    echo "1..0 # SKIP $1"
    exit 0
}

# within SECONDS COMMAND...: poll until it succeeds; 1 after the deadline.
within() {
    deadline=$(($(date +%s) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -le "$deadline" ] || return 1
        sleep 0.02
    done
}

done_testing() {
    echo "1..$tests"
    [ "$failures" = 0 ]
    exit
}

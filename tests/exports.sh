#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the agent shows to the program it is loaded into, and what it asks of
# it, are the two lists beside this test: nothing more, nothing less.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
export LC_ALL=C

names() { # list: its names without comments
    sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$1" | sort -u
}

symbols() { # nm's options: dynamic symbols without their versions
    nm -D "$@" "$MEMTOP_AGENT" | awk '{ sub(/@.*/, "", $NF); print $NF }' | sort -u
}

symbols --defined-only | grep -vx 'LIBMEMTOP.*\|MEMTOP_.*' >"$TMP/exports"
names "$srcdir/tests/agent_exports.txt" >"$TMP/exports.allowed"
is "$(comm -23 "$TMP/exports" "$TMP/exports.allowed")" '' 'nothing is exported by accident'
is "$(comm -13 "$TMP/exports" "$TMP/exports.allowed")" '' 'all of the family is exported'

# What a hook reaches must not lock, allocate or print.
# libunwind's names do not count where it is the unwinder.
symbols --undefined-only | grep -v '^_UL*[a-z]' >"$TMP/imports"
names "$srcdir/tests/agent_imports.txt" >"$TMP/imports.allowed"
is "$(comm -23 "$TMP/imports" "$TMP/imports.allowed")" '' 'only harmless functions are imported'

# It must not bring libraries along, nor lazy binding, nor be unloaded.
readelf -dW "$MEMTOP_AGENT" >"$TMP/dynamic"
is "$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$TMP/dynamic" |
    grep -v '^libc\.so\|^ld-linux\|^libunwind' | tr '\n' ' ')" '' 'it needs libc only'
grep -q 'FLAGS.*NOW' "$TMP/dynamic"
ok $? 'its symbols are bound when it is loaded'
grep -q 'NODELETE' "$TMP/dynamic"
ok $? 'it is never unloaded'
is "$(grep -c TEXTREL "$TMP/dynamic")" 0 'its text is not relocated'

# Initial-exec thread-local storage is scarce: dlopen fails where it runs out.
tls=$(readelf -lW "$MEMTOP_AGENT" | awk '$1 == "TLS" { print $6 }')
[ "$((${tls:-0}))" -le 64 ]
ok $? "thread-local storage is at most 64 bytes ($((${tls:-0})))"

done_testing

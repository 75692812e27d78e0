#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Source lines in the viewer: around an allocation, of each frame of a stack, of the
# call tree's row, and what is said where there are none.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/viewer.sh"

recursion=$VICTIMS/recursion
sources=$(cd "$srcdir" && pwd)

# A victim that may have been compiled anywhere: its sources are here.
screen 'around an allocation, and up the stack' 24 80 'wait hold
tab Sites
wait "hold  recursion.c"
keys <Enter>
match "recursion.c:[0-9]+$"
match "^▸ +[0-9]+ +keep\(malloc\(hidden\(size\)\)\);$"
match "^ frame 1 of [0-9]"
keys <Down>
match "^▸ +[0-9]+ +hold\([0-9]+, [0-9]+\);$"
keys <End>
wait! "hold("
keys <Home>
match "^▸ +[0-9]+ +keep\(malloc\(hidden\(size\)\)\);$"
resize 5 20
wait "terminal too small"
resize 60 200
match "^▸ +[0-9]+ +keep"
keys q
wait "Stack of call site"
match " ▸ +[0-9]+ +keep\(malloc\(hidden\(size\)\)\);$"
keys t
wait "The selected row"
keys <Down>
match "▸ +[0-9]+ +(walk|hold|even|odd)\(.*\);$"' \
    "$MEMTOP" run --source "$TMP" --source "$sources" -- "$recursion"

# One that was compiled from a file that is changed afterwards.
if command -v gcc >/dev/null; then
    mkdir "$TMP/src" "$TMP/fresh"
    cat >"$TMP/src/own.c" <<'END'
#include <stdlib.h>
#include <unistd.h>
void *kept;
int main(void)
{
	kept = malloc(12345);	/* the one */
	for (char c; read(0, &c, 1) > 0;)
		continue;
	return kept == 0;
}
END
    (cd "$TMP" && gcc -g -O0 -o own src/own.c)
    screen 'named from where it was compiled' 24 80 'wait main
tab Sites
wait "main  own.c"
keys <Enter>
match "src/own.c:6$"
match "^▸ +6 +kept = malloc\(12345\);   /\* the one \*/$"' "$MEMTOP" run -- "$TMP/own"
    MEMTOP_KEEP=1 LD_PRELOAD=$MEMTOP_AGENT "$TMP/own" </dev/null &
    wait $!
    run 'a file of it' "$MEMTOP" snapshot -o "$TMP/file" $!
    "$MEMTOP" clean >/dev/null
    screen 'a file knows where that was' 24 80 'wait main
tab Sites
wait "main  own.c"
keys <Enter>
match "^▸ +6 +kept = malloc\(12345\);"' "$MEMTOP" view "$TMP/file"
    touch "$TMP/src/own.c" -d tomorrow
    screen 'changed since' 24 80 'wait main
tab Sites
wait "main  own.c"
keys <Enter>
wait "changed since the program was built"
match "^▸ +6 +kept"' "$MEMTOP" run -- "$TMP/own"
    rm "$TMP/src/own.c"
    mkfifo "$TMP/src/own.c"
    screen 'no file, but a FIFO' 24 80 'wait main
tab Sites
wait "main  own.c"
keys <Enter>
wait "no ordinary file"
keys q
wait SITE' "$MEMTOP" run -- "$TMP/own"
    rm "$TMP/src/own.c"
    screen 'not there' 24 80 'wait main
tab Sites
wait "main  own.c"
keys <Enter>
wait "not here; --source=DIR says where it is"' "$MEMTOP" run -- "$TMP/own"
else
    skip 'no gcc'
fi

done_testing

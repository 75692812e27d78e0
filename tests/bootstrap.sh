#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./bootstrap asks for the packages that are missing and for no others. Nothing
# is installed here: dpkg-query, sudo and autoreconf are stand-ins, and the user
# is nobody in particular.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

mkdir "$TMP/bin" "$TMP/tree"
cp "$srcdir/bootstrap" "$TMP/tree/"
stand_in() { # NAME, its text on stdin
    { echo '#!/bin/sh'; cat; } >"$TMP/bin/$1"
    chmod 755 "$TMP/bin/$1"
}
stand_in id <<<'echo 1000'
stand_in apt-get <<<'exit 1'
stand_in autoreconf <<<'exit 0'
stand_in systemctl <<<'exit 0'
stand_in sudo <<<"echo \"\$*\" >>'$TMP/asked'"

# The states that dpkg has words for, by package.
stand_in dpkg-query <<'END'
for package; do :; done
case $package in
automake) echo not-installed ;;
libtool) exit 1 ;;
gcc) printf 'not-installed\ninstalled\n' ;;
make) echo config-files ;;
*) echo installed ;;
esac
END
PATH=$TMP/bin:$PATH run 'with packages missing' "$TMP/tree/bootstrap"
is "$(grep installing "$TMP/run.out" | tr -s ' ' | sed 's/ $//')" \
    'bootstrap: installing: automake libtool make' 'it says which'
grep -q 'apt-get .*install automake libtool make' "$TMP/asked"
ok $? 'and asks for those' || sed 's/^/# /' "$TMP/asked"

stand_in dpkg-query <<<'echo installed'
rm "$TMP/asked"
PATH=$TMP/bin:$PATH run 'with none missing' "$TMP/tree/bootstrap"
[ ! -e "$TMP/asked" ]
ok $? 'nobody is asked for anything'
done_testing

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each test that docs/reliability.md names exists, and says what is quoted there.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
page=$srcdir/docs/reliability.md

grep -oE '`[a-z_]+\.sh` "[^"]*"' "$page" | sort -u >"$TMP/named"
is "$(while IFS='"' read -r file text _; do
    file=${file#\`} file=${file%%\`*}
    grep -qF -- "$text" "$srcdir/tests/$file" || echo "$file: $text"
done <"$TMP/named")" '' 'each script says what is quoted'
[ "$(wc -l <"$TMP/named")" -gt 40 ]
ok $? 'there are many'
is "$(grep -oE '`test_[a-z_]+`' "$page" | tr -d '`' | sort -u | while read -r test; do
    [ -e "$srcdir/tests/$test.c" ] || echo "$test"
done)" '' 'each unit test exists'
is "$(grep -oE '`(src|tests)/[a-z_/.]+`' "$page" | tr -d '`' | sort -u | while read -r path; do
    [ -e "$srcdir/$path" ] || echo "$path"
done)" '' 'each path exists'
is "$(grep -E '^\|' "$page" | grep -vE '^\| hazard|^\| program|^\|---' |
    grep -vE '`(test_[a-z_]+|[a-z_]+\.sh)|by design|the same' )" '' 'each hazard has a test'

done_testing

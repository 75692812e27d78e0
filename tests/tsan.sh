#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The agent's logic in many threads under ThreadSanitizer: no race, and the figures
# are right.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

races=$builddir/tests/test_races_tsan
[ -x "$races" ] || skip_all 'the compiler has no ThreadSanitizer'

# Where addresses are too random for it, they are not.
"$races" >"$TMP/out" 2>&1
status=$?
if grep -q 'unexpected memory mapping' "$TMP/out"; then
    setarch -R "$races" >"$TMP/out" 2>&1
    status=$?
fi
is $status 0 'threads that hand blocks to each other, end, attach and change the tier'
is "$(grep -A 12 -m 3 'WARNING: ThreadSanitizer' "$TMP/out")" '' 'without a race'
[ $failures = 0 ] || grep -E '^(not ok|#|SUMMARY)' "$TMP/out" | sed 's/^/# /'
grep -q '^1\.\.' "$TMP/out"
ok $? 'to the end'
done_testing

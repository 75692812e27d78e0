#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the compact mode all figures are as exact as in the other: the same claims.
# compact_oracle.sh has more.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

again() { # TEXT COMMAND...
    local text=$1
    shift
    run "$text" env MEMTOP_COMPACT=1 "$@"
}
again 'a program that knows its counts' "$BASH" "$srcdir/tests/known_counts.sh"
again 'parts of the shadow heap come and go' "$builddir/tests/test_shrink"
again 'threads that race' "$builddir/tests/test_races"

done_testing

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A program whose own malloc hides the agent's is told from one that does not.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

report() { # victim
    "$MEMTOP" stat --json -o "$TMP/json" -- "$VICTIMS/$1"
    is $? 0 "$1 runs"
}

report own_malloc
is "$(value 'j["agent"]["foreign_heap"]' "$TMP/json")" True 'a malloc of its own is noticed'

report address_taken
is "$(value 'j["agent"]["foreign_heap"]' "$TMP/json")" False "the address of ours is none"
is "$(value 'j["functions"]["malloc"] >= 100' "$TMP/json")" True 'and calls through it are counted'

# Otherwise the victim proves nothing.
readelf -h "$VICTIMS/address_taken" | grep -q 'Type: *EXEC'
ok $? 'address_taken is not position independent'

done_testing

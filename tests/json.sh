# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What script tests that read reports share; comes after lib.sh.

# The interpreter itself, in case that python3 is a script that finds it.
PYTHON=$(python3 -c 'import sys; print(sys.executable)') || skip_all 'there is no python3'

# value EXPRESSION FILE: what comes of a python expression on the JSON `j`.
value() {
    "$PYTHON" -c 'import json, sys
j = json.load(open(sys.argv[2]))
print(eval("(" + sys.argv[1] + ")"))' \
        "$1" "$2"
}

# status WANTED TEXT COMMAND...: its output is in $TMP/out and $TMP/err.
status() {
    wanted=$1 text=$2
    shift 2
    "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
    is "$?" "$wanted" "$text" || sed 's/^/# /' "$TMP/err"
}

# says FILE PATTERN TEXT: `out` or `err` has a line that matches.
says() {
    grep -qE -- "$2" "$TMP/$1"
    ok $? "$3" || sed 's/^/# /' "$TMP/$1"
}

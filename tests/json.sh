# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What script tests that read reports share; comes after lib.sh.

# value EXPRESSION FILE: what comes of a python expression on the JSON `j`.
value() {
    python3 -c 'import json, sys; j = json.load(open(sys.argv[2])); print(eval(sys.argv[1]))' \
        "$1" "$2"
}

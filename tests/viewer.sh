# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
#
# What tests that drive the viewer in a terminal share, after lib.sh:
#
#     screen DESCRIPTION ROWS COLUMNS SCRIPT COMMAND...
#
# runs the command in a terminal of that size; each step of the script must hold, as
# tests/screen.c has them. TERMINAL names another one than xterm-256color.

LC_ALL=C.UTF-8
export LC_ALL
unset NO_COLOR

screen() {
    text=$1 rows=$2 cols=$3
    printf '%s\n' "$4" >"$TMP/script"
    shift 4
    run "$text" "$SCREEN" -r "$rows" -c "$cols" -t "${TERMINAL:-xterm-256color}" \
        -s "$TMP/script" -- "$@"
}

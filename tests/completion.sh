#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The options of each command are the same in --help, in the man page, and in what bash
# and zsh complete. Adding an option means adding it to all four.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

help_commands() {
    "$MEMTOP" --help | sed -n '/COMMAND \.\./,/^memtop COMMAND/s/^  \([a-z]*\)  *[A-Z].*/\1/p'
}

help_options() { # COMMAND
    "$MEMTOP" "$1" --help | sed -n '/^Options:/,/^$/s/^  .... *\(--[a-z-]*\).*/\1/p' | sort
}

# An option's entry in the man page begins with its names, behind .B or the like, and
# goes on with the commands that have it, as in ".RB ( list ", " stat )".
man_options() { # COMMAND
    awk -v command="$1" '
        /^\.SH/ { inside = /^\.SH OPTIONS/ }
        !inside { next }
        /^\.TP/ { names = ""; getline; head = $0; gsub(/\\-/, "-", head)
                  while (match(head, /--[a-z][a-z-]*/)) {
                      names = names substr(head, RSTART, RLENGTH) "\n"
                      head = substr(head, RSTART + RLENGTH) } }
        /^\.RB \( / { list = $0; gsub(/[",()]/, " ", list)
                      if (index(list " ", " " command " ")) printf "%s", names }
    ' "$srcdir/man/memtop.1" | cat - <(echo --help) | sort -u
}

bash_options() { # COMMAND
    bash -c 'memtop() { "$MEMTOP" "$@"; }
        compopt() { :; }
        . "$srcdir/completion/memtop.bash"
        COMP_WORDS=(memtop "$1" -) COMP_CWORD=2
        _memtop
        printf "%s\n" "${COMPREPLY[@]}"' bash "$1" 2>/dev/null |
        sed -n 's/^\(--[a-z-]*\)=*$/\1/p' | grep -v '^--$' | sort -u
}

zsh_options() { # COMMAND
    zsh -f -c 'words=(memtop "$1" -) CURRENT=3
        _arguments() { print -rl -- "$@" }
        _alternative() { : }
        _describe() { : }
        . "$srcdir/completion/_memtop"' zsh "$1" 2>/dev/null |
        sed -n 's/^\(([^)]*)\)*\**\(--[a-z-]*\)=*-*\[.*/\2/p' | sort -u
}

zsh_commands() {
    sed -n "/^    commands=(/,/^    )/s/^ *'\([a-z]*\):.*/\1/p" "$srcdir/completion/_memtop" | sort
}

bash_commands() {
    bash -c 'memtop() { :; }
        . "$srcdir/completion/memtop.bash"
        COMP_WORDS=(memtop "") COMP_CWORD=1
        _memtop
        printf "%s\n" "${COMPREPLY[@]}"' 2>/dev/null | grep -v '^-' | sort
}

export MEMTOP srcdir
commands=$(help_commands)
[ "$(echo "$commands" | wc -l)" -ge 9 ]
ok $? 'there are commands'
is "$(bash_commands)" "$(echo "$commands" | sort)" 'bash completes all commands'
is "$(zsh_commands)" "$(echo "$commands" | sort)" 'zsh completes all commands'
for command in $commands; do
    grep -qE "^\.BR? (memtop )?$command|^\.BI $command|^\.B memtop $command" "$srcdir/man/memtop.1"
    ok $? "$command is in the man page"
    wanted=$(help_options "$command")
    is "$(man_options "$command")" "$wanted" "options of $command: the man page has those of --help"
    is "$(bash_options "$command")" "$wanted" "options of $command: bash has those of --help"
    if command -v zsh >/dev/null; then
        is "$(zsh_options "$command")" "$wanted" "options of $command: zsh has those of --help"
    else
        skip 'there is no zsh'
    fi
done
if command -v zsh >/dev/null; then
    run 'zsh can read its completion' zsh -f -n "$srcdir/completion/_memtop"
else
    skip 'there is no zsh'
fi
run 'bash can read its completion' bash -n "$srcdir/completion/memtop.bash"

done_testing

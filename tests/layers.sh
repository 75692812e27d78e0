#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The table of docs/architecture.md, checked: who may include what, where the
# narrow doors are, how long a file may be, and that nothing was left out of
# the build.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
cd "$srcdir" || exit 1

# none TEXT OFFENDERS: there are none.
none() {
    is "$2" '' "$1"
}

sources() { # folders...
    find "$@" -name '*.[ch]' -o -name '*.cc' | sort
}

# Includes of ours in a folder, other than those that match a pattern.
ours_except() { # folder pattern
    sources "$1" | xargs grep -nE '^ *# *include +"' | grep -vE "include +\"($2)"
}

# Files in src that include a header matching a pattern, except some files.
users_except() { # pattern-of-header pattern-of-files
    sources src | xargs grep -lE "^ *# *include +[<\"]($1)" | grep -vE "^($2)"
}

none 'src/shared includes nothing but itself' "$(ours_except src/shared 'shared/')"
none 'src/agent includes agent/ and shared/ only' \
    "$(ours_except src/agent '(agent|shared)/')"
none 'src/tui never includes agent/' "$(ours_except src/tui '(tui|shared)/')"
none 'src/tui/reader includes shared/, itself and the snapshot only' \
    "$(ours_except src/tui/reader '(shared|tui/reader)/|tui/model/snapshot\.h')"
none 'src/tui/model includes shared/ and itself only' \
    "$(ours_except src/tui/model '(shared|tui/model)/')"
none 'src/tui/report includes shared/, tui/model/, itself and format.h only' \
    "$(ours_except src/tui/report '(shared|tui/model|tui/report)/|tui/view/format\.h')"
none 'src/tui/export includes shared/, tui/model/, tui/report/ and itself only' \
    "$(ours_except src/tui/export '(shared|tui/model|tui/report|tui/export)/')"
none 'src/tui/file includes shared/, tui/model/ and itself only' \
    "$(ours_except src/tui/file '(shared|tui/model|tui/file)/')"
none 'src/tui/inject includes shared/, tui/reader/proc.h and itself only' \
    "$(ours_except src/tui/inject '(shared|tui/inject)/|tui/reader/proc\.h')"
none 'src/tui/view includes shared/, tui/model/, tui/reader/, tui/file/ and itself only' \
    "$(ours_except src/tui/view '(shared|tui/model|tui/view|tui/reader|tui/file)/')"

none 'curses is in src/tui/view/screen_curses.c only' \
    "$(users_except 'n?curses|term\.h|ncursesw/' 'src/tui/view/screen_curses\.c')"
none 'elfutils is in src/tui/model, src/tui/inject and the diagnosis only' \
    "$(users_except 'elfutils/|libelf|gelf|dwarf' 'src/tui/(model/|inject/|command/diagnose\.c)')"
none 'ptrace is in src/tui/inject/tracee.c only' \
    "$(users_except 'sys/ptrace|linux/ptrace' 'src/tui/inject/tracee\.c')"
none 'the demangler is in src/tui/model only' \
    "$(users_except '(libiberty/)?demangle\.h' 'src/tui/model/')"
none 'jansson is where JSON is written or read only' \
    "$(users_except 'jansson' 'src/tui/(report/(report_json|diff_json|piece)|command/list|model/mark_file|export/json_text)\.[ch]')"
none 'zlib and zstd are where files are packed only' \
    "$(users_except 'zlib|zstd' 'src/tui/(export/gzip|file/section)\.c')"
none 'the terminal emulator is in the view and its commands only' \
    "$(users_except 'vterm' 'src/tui/(view|command)/')"

raw='seg_(header|section|thread|site|node|module|second|region|block|overflow|globals)'
none 'the raw segment is touched in src/tui/reader only' \
    "$(sources src/tui | xargs grep -lE "\\bstruct $raw\\b" | grep -v '^src/tui/reader/')"
none 'the agent uses no stdio, no threads, no log' \
    "$(sources src/agent | xargs grep -nE '^ *# *include +<(stdio|pthread|syslog|libunwind)\.h>' |
        grep -v '^src/agent/stack_libunwind\.c:.*libunwind')"

none 'docs/architecture.md has a row for each folder' \
    "$(find src -mindepth 1 -type d ! -path src/tui ! -name '.*' | sort | while read -r folder; do
        grep -q "^| \`$folder\` |" docs/architecture.md || echo "$folder"
    done)"
none 'no source has over 600 lines' \
    "$(sources src | xargs wc -l | awk '$2 != "total" && $1 > 600')"
none 'each source says its licence' \
    "$(sources src tests | xargs grep -LF 'SPDX-License-Identifier: Apache-2.0')"
none 'no line has over 100 columns' \
    "$(sources src tests | LC_ALL=C.UTF-8 xargs grep -nE '^.{101,}')"
none 'Makefile.am lists each source' \
    "$({ sources src tests; find tests -name '*.sh'; } | while read -r file; do
        grep -qwF "$file" Makefile.am || echo "$file"
    done)"

done_testing

# SPDX-License-Identifier: Apache-2.0
# bash completion for memtop(1)

_memtop_pids() {
    memtop list 2>/dev/null | awk '$1 ~ /^[0-9]+$/ { print $1 }'
}

_memtop() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} word i
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W \
            "run attach inject detach list stat report diff export snapshot record view mark clean mode keys --help --version $(_memtop_pids)" -- "$cur")
        return
    fi
    case $command in
    run | stat | record)
        # Behind the options is a command of its own.
        for ((i = 2; i < COMP_CWORD; i++)); do
            word=${COMP_WORDS[i]}
            case $word in
            -o | --output | -n | --top | -f | --follow | -m | --memory | --preload | -t | --tier | \
                -s | --sample | --max-peak | --max-allocations | --suppress | --view | --sort | \
                --filter | --source)
                [[ ${COMP_WORDS[i + 1]-} == = ]] && ((i++)) # bash splits at =
                ((i++))
                ;;
            --) ((i++)) && break ;;
            -*) ;;
            *) break ;;
            esac
        done
        if ((i < COMP_CWORD)) || { ((i == COMP_CWORD)) &&
            [[ $cur != -* || ${COMP_WORDS[i - 1]} == -- ]]; }; then
            declare -F _command_offset >/dev/null && _command_offset "$i"
            return
        fi
        ;;
    esac
    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
    [[ $cur == = ]] && cur=
    case $prev in
    --source)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return
        ;;
    -o | --output | --preload | --suppress | --rename-file)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    -f | --follow)
        mapfile -t COMPREPLY < <(compgen -W 'all none' -- "$cur")
        return
        ;;
    -t | --tier)
        mapfile -t COMPREPLY < <(compgen -W 'counters exact sampled' -- "$cur")
        return
        ;;
    --format)
        word=$(memtop export --help 2>/dev/null | sed -n '/^Formats:/,/^$/s/^  \([a-z]*\) .*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
        return
        ;;
    --value)
        word='live_bytes live_blocks allocations bytes_allocated temporary short_lived peak_bytes'
        mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
        return
        ;;
    --tree)
        mapfile -t COMPREPLY < <(compgen -W 'standard inverted flat' -- "$cur")
        return
        ;;
    --at)
        mapfile -t COMPREPLY < <(compgen -W 'peak end' -- "$cur")
        return
        ;;
    --sort)
        word='live_bytes live_blocks allocations frees bytes_allocated temporary'
        word+=' short_lived peak_bytes peak_blocks self'
        mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
        return
        ;;
    --watch | --filter | --rename | --demangler | --mark | --fail-above | --max-peak | --max-allocations | \
        --fail-on-leak | -n | --top | -m | --memory | -s | --sample | -i | --interval | --max-size)
        return
        ;;
    esac
    case $command in
    report | diff | export)
        if [[ $cur == */* || -e $cur ]]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return
        fi
        ;;
    esac
    case $command in
    run) word='--ascii --view= --sort= --filter= --source= --output= --keep --follow= --memory= --tier= --sample= --compact --preload= --help --' ;;
    stat)
        word='--json --output= --top= --keep --follow= --memory= --tier= --sample= --compact --preload='
        word+=' --fail-on-leak --max-peak= --max-allocations= --suppress= --all-leaks --help --'
        ;;
    list) word='--json --help' ;;
    attach) word="--ascii --view= --sort= --filter= --source= --keep --follow= --memory= --tier= --sample= --compact --help $(_memtop_pids)" ;;
    inject) word="--keep --follow= --memory= --tier= --sample= --compact --help $(_memtop_pids)" ;;
    detach) word="--help $(_memtop_pids)" ;;
    mark) word="--help $(_memtop_pids)" ;;
    mode)
        word="--sample= --help $(_memtop_pids)"
        ((COMP_CWORD > 2)) && word='counters exact sampled --sample= --help'
        ;;
    diff)
        word='--json --output= --top= --sites --tree= --sizes --threads --at= --sort= --filter='
        word+=' --rename= --rename-file= --demangler='
        word+=" --mark= --fail-above= --help $(_memtop_pids)"
        ;;
    report)
        word='--watch= --json --output= --top= --sites --tree= --sizes --threads --at= --sort= --filter='
        word+=" --rename= --rename-file= --demangler= --help $(_memtop_pids)"
        ;;
    export)
        word='--format= --value= --inverted --against= --at= --output= --rename= --rename-file='
        word+=" --demangler= --help $(_memtop_pids)"
        ;;
    record)
        word="--output= --interval= --max-size= --keep --follow= --memory= --tier= --sample= --compact"
        word+=" --preload= --help -- $(_memtop_pids)"
        ;;
    view) word="--at= --ascii --view= --sort= --filter= --source= --help $(compgen -f -- "$cur")" ;;
    snapshot) word="--output= --blocks --help $(_memtop_pids)" ;;
    *) word=--help ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
}

complete -F _memtop memtop

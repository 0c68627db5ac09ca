#compdef envsync
# Completes envsync in zsh, after compinit: eval "$(envsync completion zsh)"

_envsync() {
    local kind current="${(Q)PREFIX}"
    local -a answer before
    before=("${(@Q)words[2,CURRENT-1]}")
    (( CURRENT > 2 )) || before=()
    answer=("${(@f)$(command envsync completion --answer zsh "=$current" "${before[@]}" 2>/dev/null)}")
    kind=${answer[1]}
    shift answer
    if [[ $current == --*=* ]]; then compset -P '*='; fi
    if (( $#answer )); then _describe envsync answer; fi
    case $kind in
        files) _files ;;
        folders) _files -/ ;;
        commands) _command_names -e ;;
    esac
}

if [[ ${funcstack[1]-} == _envsync ]]; then
    _envsync "$@"
elif (( $+functions[compdef] )); then
    compdef _envsync envsync
fi

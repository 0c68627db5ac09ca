# Completes envsync in bash 3.2 and newer: eval "$(envsync completion bash)"

_envsync() {
    local kind= word current=${COMP_WORDS[COMP_CWORD]}
    case $current in = | :) current= ;; esac
    COMPREPLY=()
    {
        IFS= read -r kind
        while IFS= read -r word; do COMPREPLY+=("$word"); done
    } < <(command envsync completion --answer bash "=${COMP_LINE:0:COMP_POINT}" \
        "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    case $kind in
        files) set -- -f ;;
        folders) set -- -d ;;
        commands) set -- -c ;;
        *) return 0 ;;
    esac
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen "$1" -- "$current")
    if [ "$1" != -c ]; then compopt -o filenames 2>/dev/null; fi
    return 0
}

complete -F _envsync envsync

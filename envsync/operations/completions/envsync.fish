# Completes envsync in fish: envsync completion fish > ~/.config/fish/completions/envsync.fish

function __envsync_complete
    set -l current (commandline -ct)
    set -l before (commandline -opc)
    set -e before[1]
    set -l answer (command envsync completion --answer fish "=$current" $before 2>/dev/null)
    switch "$answer[1]"
        case files
            __fish_complete_path "$current"
        case folders
            __fish_complete_directories "$current"
        case commands
            complete -C "$current"
    end
    set -e answer[1]
    if test (count $answer) -gt 0
        printf '%s\n' $answer
    end
end

complete -c envsync -e
complete -c envsync -f -a '(__envsync_complete)'

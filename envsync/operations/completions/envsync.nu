# Completes envsync in Nushell, beside what others complete; see `envsync completion`.

let envsync_others = $env.config.completions?.external?.completer?
$env.config.completions.external.enable = true
$env.config.completions.external.completer = {|spans|
    if $spans.0 == "envsync" {
        let before = ($spans | skip 1 | drop 1)
        let current = ($spans | last)
        let answer = (
            do { ^envsync completion --answer nushell $"=($current)" ...$before } | complete
            | get stdout | lines
        )
        if ($answer | get 0?) in ["files" "folders"] {
            null
        } else {
            $answer | skip 1 | each {|line|
                let parts = ($line | split row "\t")
                {value: $parts.0, description: ($parts | get 1? | default "")}
            }
        }
    } else if $envsync_others != null {
        do $envsync_others $spans
    }
}

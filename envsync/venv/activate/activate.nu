# Enter this environment in nushell: `overlay use @@BIN@@/activate.nu`; `deactivate` leaves it.

export-env {
    # Nushell says where this file is, also after the environment was moved.
    let moved = ($env.FILE_PWD? | default "" | path dirname)
    let root = if ($moved | path join "pyvenv.cfg" | path exists) { $moved } else { @@ROOT@@ }
    let bin = ($root | path join "@@BIN@@")
    let name = if "Path" in $env { "Path" } else { "PATH" }

    # What was there before this or another activation. Not text, so no program is handed it.
    let before = if "_ENVSYNC_BEFORE" in $env {
        $env._ENVSYNC_BEFORE
    } else {
        {
            path: (if $name in $env { $env | get $name } else { [] })
            prompt: ($env.PROMPT_COMMAND? | default "")
        }
    }
    let folders = if ($before.path | describe) == "string" {
        $before.path | split row (char esep)
    } else {
        $before.path
    }
    load-env {
        _ENVSYNC_BEFORE: $before
        VIRTUAL_ENV: $root
        VIRTUAL_ENV_PROMPT: @@PROMPT@@
        $name: ($folders | where $it != "" | prepend $bin)
    }
    # What is nothing isn't handed to programs, and unlike what is hidden it comes back.
    if "PYTHONHOME" in $env { $env.PYTHONHOME = null }

    if ($env.VIRTUAL_ENV_DISABLE_PROMPT? | default "") == "" {
        $env.PROMPT_COMMAND = {||
            let shown = if ($before.prompt | describe) == "closure" {
                do $before.prompt
            } else {
                $before.prompt
            }
            "(" + @@PROMPT@@ + ") " + $shown
        }
    }
}

export alias deactivate = overlay hide activate

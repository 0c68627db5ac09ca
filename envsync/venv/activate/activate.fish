# Enter this environment in fish: `source @@BIN@@/activate.fish`; `deactivate` leaves it.
# Names that begin with _OLD_VIRTUAL_ hold the shell's own values until then.

set -l root @@ROOT@@
set -l here (builtin realpath -- (status filename) 2>/dev/null)
set -l there (builtin realpath -- $root/@@BIN@@/activate.fish 2>/dev/null)
if test "$here" != "$there"
    set root (string replace -r '/[^/]*/[^/]*$' '' -- $here)
end
if not test -f "$root/pyvenv.cfg"; or string match -q '*:*' -- "$root"
    echo "activate: this environment was moved to where it can't be used; make it anew" >&2
    return 1
end

# Another environment, of whatever tool, is left first.
if set -q VIRTUAL_ENV; and functions -q deactivate
    deactivate nondestructive
end

function deactivate -d "Leave the virtual environment"
    if set -q _OLD_VIRTUAL_SAVED
        for name in PATH PYTHONHOME VIRTUAL_ENV VIRTUAL_ENV_PROMPT
            set -l old _OLD_VIRTUAL_$name
            if set -q $old
                set -gx $name $$old
                set -eg $old
            else
                set -eg $name
            end
        end
        set -eg _OLD_VIRTUAL_SAVED
    end
    if set -q _OLD_FISH_PROMPT_OVERRIDE
        set -eg _OLD_FISH_PROMPT_OVERRIDE
        functions -e fish_prompt
        if functions -q _old_fish_prompt
            functions -c _old_fish_prompt fish_prompt
            functions -e _old_fish_prompt
        end
        functions -e _envsync_status
    end
    if test "$argv[1]" != nondestructive
        functions -e deactivate
    end
end

for name in PATH PYTHONHOME VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    set -eg _OLD_VIRTUAL_$name
    if set -q $name
        set -g _OLD_VIRTUAL_$name $$name
    end
end
set -g _OLD_VIRTUAL_SAVED yes

set -gx VIRTUAL_ENV $root
set -gx VIRTUAL_ENV_PROMPT @@PROMPT@@
set -gx PATH $VIRTUAL_ENV/@@BIN@@ $PATH
set -eg PYTHONHOME

if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"
    functions -e _old_fish_prompt
    if functions -q fish_prompt
        functions -c fish_prompt _old_fish_prompt
    end
    set -g _OLD_FISH_PROMPT_OVERRIDE $VIRTUAL_ENV

    function _envsync_status
        return $argv[1]
    end

    function fish_prompt
        set -l last $status
        printf '(%s) ' $VIRTUAL_ENV_PROMPT
        if functions -q _old_fish_prompt
            _envsync_status $last
            _old_fish_prompt
        end
    end
end

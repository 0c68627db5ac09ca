# Enter this environment in csh or tcsh: `source @@BIN@@/activate.csh`; `deactivate` leaves it.
# Variables whose names begin with _OLD_VIRTUAL_ hold the shell's own values until then.

# Where this is set, a backslash also quotes inside the quotes below.
if ( $?backslash_quote ) then
    unset backslash_quote
    set _envsync_backslash_quote
endif

set _envsync_root = @@ROOT@@
if ( ! -f "$_envsync_root/pyvenv.cfg" ) then
    echo "activate: this environment was moved, and csh cannot tell where to; make it anew"
else

# Another environment, of whatever tool, is left first.
if ( $?VIRTUAL_ENV ) then
    if ( "`alias deactivate`" != "" ) eval deactivate nondestructive
endif

# A line that names a missing variable fails even where it is not to be run; eval puts that off.
alias _envsync_save 'unset _OLD_VIRTUAL_\!:1; if ( $?\!:1 ) eval '\''set _OLD_VIRTUAL_\!:1 = "$\!:1"'\'
alias _envsync_restore 'if ( $?_OLD_VIRTUAL_\!:1 ) eval '\''setenv \!:1 "$_OLD_VIRTUAL_\!:1"'\''; if ( ! $?_OLD_VIRTUAL_\!:1 ) unsetenv \!:1; unset _OLD_VIRTUAL_\!:1'
alias _envsync_leave '_envsync_restore PATH; _envsync_restore PYTHONHOME; _envsync_restore VIRTUAL_ENV; _envsync_restore VIRTUAL_ENV_PROMPT; if ( $?_OLD_VIRTUAL_PROMPT ) eval '\''set prompt = "$_OLD_VIRTUAL_PROMPT"'\''; unset _OLD_VIRTUAL_PROMPT _OLD_VIRTUAL_SAVED; rehash'
alias deactivate 'if ( $?_OLD_VIRTUAL_SAVED ) eval _envsync_leave; if ( "\!:*" != "nondestructive" ) unalias deactivate _envsync_leave _envsync_restore'

_envsync_save PATH
_envsync_save PYTHONHOME
_envsync_save VIRTUAL_ENV
_envsync_save VIRTUAL_ENV_PROMPT
unset _OLD_VIRTUAL_PROMPT
set _OLD_VIRTUAL_SAVED
unalias _envsync_save

setenv VIRTUAL_ENV "$_envsync_root"
setenv VIRTUAL_ENV_PROMPT @@PROMPT@@
unsetenv PYTHONHOME
# An empty entry of PATH would mean the current folder, so none is made of an empty PATH.
setenv PATH "${VIRTUAL_ENV}/@@BIN@@"
if ( $?_OLD_VIRTUAL_PATH ) then
    if ( "$_OLD_VIRTUAL_PATH" != "" ) setenv PATH "${PATH}:$_OLD_VIRTUAL_PATH"
endif

set _envsync_prompt
if ( $?VIRTUAL_ENV_DISABLE_PROMPT ) then
    if ( "$VIRTUAL_ENV_DISABLE_PROMPT" != "" ) unset _envsync_prompt
endif
if ( $?_envsync_prompt && $?prompt ) then
    set _OLD_VIRTUAL_PROMPT = "$prompt"
    set _envsync_prompt = @@LABEL@@
    set prompt = "($_envsync_prompt) $prompt"
endif
unset _envsync_prompt

endif

unset _envsync_root
if ( $?_envsync_backslash_quote ) then
    unset _envsync_backslash_quote
    set backslash_quote
endif
rehash

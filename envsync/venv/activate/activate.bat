@rem Enter this environment in cmd.exe: `@@BIN@@\activate.bat`; `deactivate` leaves it.
@rem Variables whose names begin with _OLD_VIRTUAL_ hold the shell's own values until then.
@rem No parentheses around lines: a closing one in PATH would end the block.

@rem This file is UTF-8; the code page is put back at the end.
@set "_ENVSYNC_CODEPAGE="
@for /f "tokens=2 delims=:." %%a in ('"%SystemRoot%\System32\chcp.com"') do @set "_ENVSYNC_CODEPAGE=%%a"
@if defined _ENVSYNC_CODEPAGE "%SystemRoot%\System32\chcp.com" 65001 >nul

@rem Another environment is left first; other tools save the prompt only where they change it.
@if not defined VIRTUAL_ENV set "_OLD_VIRTUAL_SAVED="
@if not defined VIRTUAL_ENV set "_OLD_VIRTUAL_PATH="
@if defined _OLD_VIRTUAL_PATH if not defined _OLD_VIRTUAL_SAVED if defined PROMPT if not defined _OLD_VIRTUAL_PROMPT set "_OLD_VIRTUAL_PROMPT=%PROMPT%"
@if defined _OLD_VIRTUAL_PATH set "_OLD_VIRTUAL_SAVED=yes"
@rem `call` would read a path a second time, so it is given none.
@if defined _OLD_VIRTUAL_SAVED pushd "%~dp0" && call .\deactivate.bat & popd
@for %%v in (PATH PROMPT PYTHONHOME ENV ENV_PROMPT) do @set "_OLD_VIRTUAL_%%v="

@set "_OLD_VIRTUAL_SAVED=yes"
@if defined PATH set "_OLD_VIRTUAL_PATH=%PATH%"
@if defined PROMPT set "_OLD_VIRTUAL_PROMPT=%PROMPT%"
@if defined PYTHONHOME set "_OLD_VIRTUAL_PYTHONHOME=%PYTHONHOME%"
@if defined VIRTUAL_ENV set "_OLD_VIRTUAL_ENV=%VIRTUAL_ENV%"
@if defined VIRTUAL_ENV_PROMPT set "_OLD_VIRTUAL_ENV_PROMPT=%VIRTUAL_ENV_PROMPT%"

@for %%i in ("%~dp0..") do @set "VIRTUAL_ENV=%%~fi"
@set @@SET_PROMPT@@
@set "PYTHONHOME="
@if defined PATH set "PATH=%VIRTUAL_ENV%\@@BIN@@;%PATH%"
@if not defined PATH set "PATH=%VIRTUAL_ENV%\@@BIN@@"

@if defined VIRTUAL_ENV_DISABLE_PROMPT goto :rest
@if not defined PROMPT set "PROMPT=$P$G"
@set @@SET_LABEL@@
:rest

@if defined _ENVSYNC_CODEPAGE "%SystemRoot%\System32\chcp.com" %_ENVSYNC_CODEPAGE% >nul
@set "_ENVSYNC_CODEPAGE="

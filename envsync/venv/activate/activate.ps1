# Enter this environment in PowerShell: `. @@BIN@@/activate.ps1`; `deactivate` leaves it.

if ($PSScriptRoot -like "*$([System.IO.Path]::PathSeparator)*") {
    Write-Error "activate: this environment was moved to where it can't be used; make it anew"
    return
}

# Another environment, of whatever tool, is left first.
if ($env:VIRTUAL_ENV -and (Test-Path -LiteralPath 'function:deactivate')) {
    deactivate -NonDestructive
}

function global:deactivate([switch] $NonDestructive) {
    if (Test-Path -LiteralPath 'variable:_EnvsyncSaved') {
        foreach ($name in $global:_EnvsyncSaved.Keys) {
            if ($null -eq $global:_EnvsyncSaved[$name]) {
                Remove-Item -LiteralPath "env:$name" -ErrorAction Ignore
            }
            else {
                Set-Item -LiteralPath "env:$name" -Value $global:_EnvsyncSaved[$name]
            }
        }
        Remove-Variable -Name '_EnvsyncSaved' -Scope Global
    }
    if (Test-Path -LiteralPath 'variable:_EnvsyncPrompt') {
        Set-Item -LiteralPath 'function:prompt' -Value $global:_EnvsyncPrompt
        Remove-Variable -Name '_EnvsyncPrompt' -Scope Global
    }
    if (-not $NonDestructive) {
        Remove-Item -LiteralPath 'function:deactivate' -ErrorAction Ignore
    }
}

# No methods of .NET are called: a locked-down PowerShell allows none.
$global:_EnvsyncSaved = @{}
& {
    foreach ($name in 'PATH', 'PYTHONHOME', 'VIRTUAL_ENV', 'VIRTUAL_ENV_PROMPT') {
        $global:_EnvsyncSaved[$name] = $null
        if (Test-Path -LiteralPath "env:$name") {
            $global:_EnvsyncSaved[$name] = (Get-Item -LiteralPath "env:$name").Value
        }
    }
}

$env:VIRTUAL_ENV = Split-Path -Parent $PSScriptRoot
$env:VIRTUAL_ENV_PROMPT = @@PROMPT@@
if ($env:PATH) {
    $env:PATH = $PSScriptRoot + [System.IO.Path]::PathSeparator + $env:PATH
}
else {
    $env:PATH = $PSScriptRoot
}
Remove-Item -LiteralPath 'env:PYTHONHOME' -ErrorAction Ignore

if (-not $env:VIRTUAL_ENV_DISABLE_PROMPT -and (Test-Path -LiteralPath 'function:prompt')) {
    $global:_EnvsyncPrompt = $function:prompt

    function global:prompt {
        Write-Host -NoNewline "($env:VIRTUAL_ENV_PROMPT) "
        & $global:_EnvsyncPrompt
    }
}

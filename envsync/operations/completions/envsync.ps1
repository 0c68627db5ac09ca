# Completes envsync in PowerShell: envsync completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName envsync -ScriptBlock {
    param($word, $ast, $point)
    $before = @($ast.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $point } |
        ForEach-Object {
            if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
                $_.Value
            } else {
                $_.Extent.Text
            }
        })
    $program = Get-Command envsync -CommandType Application -ErrorAction Ignore |
        Select-Object -First 1
    if (-not $program) { return }
    # Nothing in answer lets PowerShell itself complete files.
    & $program completion --answer powershell "=$word" @before 2>$null |
        Select-Object -Skip 1 |
        ForEach-Object {
            $name, $text = $_ -split "`t", 2
            if (-not $text) { $text = $name }
            [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $text)
        }
}

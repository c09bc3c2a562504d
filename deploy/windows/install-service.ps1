<#
.SYNOPSIS
  Installs Rollcall as a Windows service, or removes it.

.DESCRIPTION
  Puts rollcall.exe and the service wrapper WinSW into "Program Files\Rollcall", makes "ProgramData\Rollcall" with its
  folders for secrets, state and logs, checks the configuration, and starts the service under an account of its own,
  NT SERVICE\Rollcall, which may read the configuration and write state and logs, and nothing else.

  Running it again updates the program and keeps configuration, secrets and state.

.EXAMPLE
  .\install-service.ps1 -Rollcall .\rollcall.exe -WinSW .\WinSW-x64.exe -Config .\rollcall.yml -ScrapedFrom 192.0.2.10

.EXAMPLE
  .\install-service.ps1 -Uninstall
#>
[CmdletBinding(DefaultParameterSetName = 'Install')]
param(
    # The program.
    [Parameter(Mandatory = $true, ParameterSetName = 'Install')]
    [ValidateScript({ Test-Path -LiteralPath $_ -PathType Leaf })]
    [string] $Rollcall,

    # The wrapper: WinSW 2.12 or later.
    [Parameter(Mandatory = $true, ParameterSetName = 'Install')]
    [ValidateScript({ Test-Path -LiteralPath $_ -PathType Leaf })]
    [string] $WinSW,

    # rollcall.yml; without it the one that is there already.
    [Parameter(ParameterSetName = 'Install')]
    [string] $Config,

    # Addresses that may reach the port, those of your Prometheus servers; without it no rule of the firewall is made.
    [Parameter(ParameterSetName = 'Install')]
    [string[]] $ScrapedFrom,

    # Removes service, program and rule; configuration, secrets and state stay.
    [Parameter(Mandatory = $true, ParameterSetName = 'Uninstall')]
    [switch] $Uninstall
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$service = 'Rollcall'
$account = 'NT SERVICE\Rollcall'
$program = Join-Path $env:ProgramFiles 'Rollcall'
$data = Join-Path $env:ProgramData 'Rollcall'
$wrapper = Join-Path $program 'rollcall-service.exe'
$configFile = Join-Path $data 'rollcall.yml'
$rule = 'Rollcall (Prometheus)'

# Runs a program and stops where it fails.
function Invoke-Checked {
    param([string] $File, [string[]] $Arguments)
    & $File @Arguments
    if ($LASTEXITCODE -ne 0) { throw "$File $Arguments ended with $LASTEXITCODE" }
}

# Rights on a folder: SYSTEM and the administrators everything, the service what is given here, nobody else anything.
function Set-Rights {
    param([string] $Folder, [string] $Rights)
    Invoke-Checked icacls.exe @(
        $Folder, '/inheritance:r', '/grant:r', '*S-1-5-18:(OI)(CI)F', '*S-1-5-32-544:(OI)(CI)F', "${account}:(OI)(CI)$Rights", '/Q'
    )
}

$identity = New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())
if (-not $identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    throw 'Run this as an administrator.'
}

$installed = $null -ne (Get-Service -Name $service -ErrorAction SilentlyContinue)
if ($installed) { Stop-Service -Name $service }

if ($Uninstall) {
    if ($installed) { Invoke-Checked $wrapper @('uninstall') }
    Get-NetFirewallRule -DisplayName $rule -ErrorAction SilentlyContinue | Remove-NetFirewallRule
    if (Test-Path -LiteralPath $program) { Remove-Item -LiteralPath $program -Recurse }
    Write-Output "Removed. Configuration, secrets and state are still in $data."
    return
}

foreach ($folder in $program, $data, "$data\secrets", "$data\state", "$data\logs") {
    New-Item -ItemType Directory -Path $folder -Force | Out-Null
}
Copy-Item -LiteralPath $Rollcall -Destination (Join-Path $program 'rollcall.exe') -Force
Copy-Item -LiteralPath $WinSW -Destination $wrapper -Force
Copy-Item -LiteralPath (Join-Path $PSScriptRoot 'rollcall-service.xml') -Destination $program -Force
if ($Config) { Copy-Item -LiteralPath $Config -Destination $configFile -Force }
if (-not (Test-Path -LiteralPath $configFile)) { throw "There is no ${configFile}: give one with -Config." }

# Errors in the configuration are reported here, and not in a log.
Invoke-Checked (Join-Path $program 'rollcall.exe') @('check', $configFile)

if (-not $installed) { Invoke-Checked $wrapper @('install') }
# An account that Windows keeps for this service alone, without a password.
Invoke-Checked sc.exe @('config', $service, 'obj=', $account)
Invoke-Checked sc.exe @('sidtype', $service, 'unrestricted')

# The account exists only now.
Set-Rights -Folder $data -Rights 'RX'
Set-Rights -Folder "$data\secrets" -Rights 'RX'
Set-Rights -Folder "$data\state" -Rights 'M'
Set-Rights -Folder "$data\logs" -Rights 'M'

if ($ScrapedFrom) {
    Get-NetFirewallRule -DisplayName $rule -ErrorAction SilentlyContinue | Remove-NetFirewallRule
    New-NetFirewallRule -DisplayName $rule -Direction Inbound -Action Allow -Protocol TCP -LocalPort 10077 `
        -RemoteAddress $ScrapedFrom -Program (Join-Path $program 'rollcall.exe') | Out-Null
}

Start-Service -Name $service
# Windows PowerShell takes what a program says on stderr for an error of its own.
$ErrorActionPreference = 'Continue'
foreach ($attempt in 1..20) {
    & (Join-Path $program 'rollcall.exe') healthcheck 2>$null
    if ($LASTEXITCODE -eq 0) {
        Write-Output "Rollcall runs: http://127.0.0.1:10077/"
        return
    }
    Start-Sleep -Seconds 1
}
throw "Rollcall does not answer; see $data\logs."

import { powershellWord } from '../../protocol/shell-words.ts';
import type { SmallFile } from './archive.ts';
import { ED25519_CSHARP } from './ed25519-csharp.ts';
import { INSTALL_EXIT, type InstallFacts, keyWords } from './install-facts.ts';

/**
 * `install.ps1` of a package for Windows, for Windows PowerShell 5.1 and PowerShell 7: checks the executable, then lets it
 * install itself as a service. The .NET of 5.1 has no Ed25519, so it brings the check in C# (`ed25519-csharp.ts`). Where PowerShell is
 * restricted (Constrained Language Mode: neither Add-Type nor methods of most types) hash and Authenticode have to do.
 */
export function installPs1(facts: InstallFacts): SmallFile {
  const word = powershellWord;
  const content = `#Requires -Version 5.1
<#
.SYNOPSIS
Installs the Outrunner agent of this folder as a service, or brings the one that is there up to date.
.DESCRIPTION
Nothing of this folder runs before it is checked against what stands in this script.
Exit: 0 done, ${INSTALL_EXIT.usage} wrong option, ${INSTALL_EXIT.notGenuine} not genuine, ${INSTALL_EXIT.wrongPlatform} for another platform; others are the agent's own.
.PARAMETER User
For you alone, without administrator rights.
.PARAMETER Name
Name of the service (${facts.serviceName}); another name is another Runner on this computer.
.PARAMETER NoStart
Do not start it yet.
.PARAMETER Replace
Take the place of another Runner that has this name here.
.PARAMETER Proxy
Reach the coordinator through this proxy, like http://host:port.
.PARAMETER Ca
File with certificates in PEM of a private authority to trust.
.PARAMETER Uninstall
Take the service away; configuration and identity stay.
.PARAMETER Purge
With -Uninstall: those too.
.PARAMETER Check
Check the package, take over proxy and CA, install nothing.
#>
[CmdletBinding()]
param(
  [switch] $User,
  [string] $Name = '',
  [switch] $NoStart,
  [switch] $Replace,
  [string] $Proxy = '',
  [string] $Ca = '',
  [switch] $Uninstall,
  [switch] $Purge,
  [switch] $Check,
  [switch] $Help
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Executable = ${word(facts.executable)}
$Sha256 = ${word(facts.sha256)}
$Listed = ${word(facts.listed)}
$ReleaseKey = ${word(facts.keyBytes)}
$Mode = "$($ExecutionContext.SessionState.LanguageMode)"

$Ed25519 = @'
${ED25519_CSHARP}'@

function Stop-Install([int] $Code, [string] $Line) {
  # A restricted PowerShell lets nobody call methods of the console.
  if ($Mode -eq 'FullLanguage') { [Console]::Error.WriteLine("outrunner: $Line") } else { Write-Warning "outrunner: $Line" }
  exit $Code
}

# Says why the signature cannot be checked here; nothing when it is right. One that is wrong ends the script.
function Test-Signature {
  if ($Mode -ne 'FullLanguage') { return "PowerShell runs in $Mode here, in which nothing can be compiled" }
  try {
    # A session in which this script ran before has it already.
    if ($null -eq ('OutrunnerEd25519' -as [type])) { Add-Type -TypeDefinition $Ed25519 -IgnoreWarnings }
  } catch {
    return 'Add-Type does not work here: ' + ($_.Exception.Message -replace '\\s+', ' ' -replace '[. ]+$', '')
  }
  $key = [Convert]::FromBase64String($ReleaseKey)
  $signed = [IO.File]::ReadAllBytes((Join-Path $PSScriptRoot 'release.signed'))
  $signature = [IO.File]::ReadAllBytes((Join-Path $PSScriptRoot 'release.sig'))
  if (-not [OutrunnerEd25519]::Verify($key, $signed, $signature)) {
    Stop-Install ${INSTALL_EXIT.notGenuine} 'the signature of release.signed is wrong. Download the package again.'
  }
  return ''
}

function Test-Package {
  foreach ($file in @($Executable, 'runner.json', 'release.json', 'release.signed', 'release.sig')) {
    if (-not (Test-Path -LiteralPath (Join-Path $PSScriptRoot $file) -PathType Leaf)) {
      Stop-Install ${INSTALL_EXIT.notGenuine} "$file is missing here. Unpack the whole package again."
    }
  }
  $path = Join-Path $PSScriptRoot $Executable
  $found = (Get-FileHash -LiteralPath $path -Algorithm SHA256).Hash.ToLowerInvariant()
  if ($found -cne $Sha256) {
    Stop-Install ${INSTALL_EXIT.notGenuine} "$Executable is not what was released: its SHA-256 is $found instead of $Sha256. Download it again."
  }
  $signed = Get-Content -LiteralPath (Join-Path $PSScriptRoot 'release.signed') -Raw -Encoding UTF8
  if (-not $signed.Contains($Listed)) {
    Stop-Install ${INSTALL_EXIT.notGenuine} 'release.signed does not list this executable. Download the package again.'
  }
  $unchecked = Test-Signature
  $authenticode = Get-AuthenticodeSignature -LiteralPath $path
  switch ("$($authenticode.Status)") {
    'Valid' { $said = "signed by $($authenticode.SignerCertificate.Subject)" }
    'NotSigned' { $said = 'not signed' }
    'HashMismatch' {
      Stop-Install ${INSTALL_EXIT.notGenuine} "$Executable was changed after it was signed. Download it again."
    }
    default { $said = 'signed by somebody whom this computer does not trust' }
  }
  if ($unchecked -eq '') {
    Write-Output ${word(`outrunner: SHA-256 and signature are right (${keyWords(facts)}).`)}
  } else {
    Write-Output "outrunner: SHA-256 is right. The signature was not checked: $unchecked."
  }
  Write-Output "outrunner: Authenticode: $said."
}

function Set-Configuration([string] $ProxyUrl, [string] $CaText) {
  $path = Join-Path $PSScriptRoot 'runner.json'
  $config = [IO.File]::ReadAllText($path) | ConvertFrom-Json
  if ($ProxyUrl -ne '') { $config | Add-Member -NotePropertyName 'proxy' -NotePropertyValue $ProxyUrl -Force }
  if ($CaText -ne '') { $config | Add-Member -NotePropertyName 'ca' -NotePropertyValue $CaText -Force }
  $text = ($config | ConvertTo-Json -Depth 10) + "\`n"
  [IO.File]::WriteAllText($path, $text, (New-Object Text.UTF8Encoding($false)))
}

if ($Help) {
  Get-Help -Name $PSCommandPath -Detailed
  exit 0
}
if ($Name -ne '' -and $Name -cnotmatch '^[a-z][a-z0-9-]{0,30}$') {
  Stop-Install ${INSTALL_EXIT.usage} '-Name must be 1 to 31 small letters, digits and hyphens, a letter first.'
}
if ($Purge -and -not $Uninstall) { Stop-Install ${INSTALL_EXIT.usage} '-Purge goes with -Uninstall.' }
if ($Proxy -ne '' -and $Proxy -notmatch '^(https?|socks(4a?|5h?)?)://[^/?#\\s"\\\\]+/?$') {
  Stop-Install ${INSTALL_EXIT.usage} '-Proxy must be like http://host:port or socks5://host:port.'
}
if ($Mode -ne 'FullLanguage' -and ($Proxy -ne '' -or $Ca -ne '')) {
  Stop-Install ${INSTALL_EXIT.usage} "PowerShell runs in $Mode here, in which -Proxy and -Ca cannot be taken over; put them into runner.json."
}
$caText = ''
if ($Ca -ne '') {
  if (-not (Test-Path -LiteralPath $Ca -PathType Leaf)) { Stop-Install ${INSTALL_EXIT.usage} "-Ca: $Ca cannot be read." }
  $file = [IO.File]::ReadAllText((Resolve-Path -LiteralPath $Ca).ProviderPath)
  $blocks = [regex]::Matches($file, '-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\\s]+-----END CERTIFICATE-----')
  foreach ($block in $blocks) { $caText += $block.Value.Replace("\`r", '') + "\`n" }
  if ($caText -eq '') { Stop-Install ${INSTALL_EXIT.usage} "-Ca: $Ca holds no whole certificate in PEM." }
}
if (-not [Environment]::Is64BitOperatingSystem -or [Environment]::OSVersion.Platform -ne 'Win32NT') {
  Stop-Install ${INSTALL_EXIT.wrongPlatform} ${word(`this package is for ${facts.label}. Download the one for this computer.`)}
}
try {
  Test-Package
  if (-not $Uninstall -and ($Proxy -ne '' -or $caText -ne '')) { Set-Configuration $Proxy $caText }
  if ($Check) { exit 0 }
  if ($Uninstall) {
    $arguments = @('service', 'uninstall')
    if ($Purge) { $arguments += '--purge' }
  } else {
    $arguments = @('service', 'install', '--config', (Join-Path $PSScriptRoot 'runner.json'))
    if ($NoStart) { $arguments += '--no-start' }
    if ($Replace) { $arguments += '--replace' }
  }
  if ($User) { $arguments += '--user' }
  if ($Name -ne '') { $arguments += @('--name', $Name) }
  # What a program writes to its error stream is no exception of ours.
  $ErrorActionPreference = 'Continue'
  & (Join-Path $PSScriptRoot $Executable) @arguments
  $code = $LASTEXITCODE
} catch {
  Stop-Install 1 $_.Exception.Message
}
exit $code
`;
  return { name: 'install.ps1', mode: 0o644, content: content.replaceAll('\n', '\r\n') };
}

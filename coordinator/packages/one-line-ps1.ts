import { powershellWord } from '../../protocol/shell-words.ts';
import type { OneLineFacts } from './one-line-facts.ts';

/**
 * What `irm … | iex` runs, or with options `& ([scriptblock]::Create((irm …))) -User`. It never says `exit`, which would
 * close the window of whoever pasted it: what fails is thrown, and PowerShell ends with 1 by itself.
 */
export function oneLinePs1(facts: OneLineFacts): string {
  const word = powershellWord;
  const found = facts.packages.find(({ platform }) => platform === 'win-x64');
  const archive = found?.archive ?? null;
  if (archive === null) {
    return refusalPs1(
      'the executable for Windows x64 is not built on this coordinator. Build it there with: npm run build:agents win-x64',
    );
  }
  const text = `param(
  [switch] $User,
  [string] $Name = '',
  [switch] $NoStart,
  [switch] $Replace,
  [switch] $Foreground,
  [string] $Proxy = '',
  [string] $Ca = ''
)
function Install-Outrunner {
  Set-StrictMode -Version 2.0
  $ErrorActionPreference = 'Stop'
  $ProgressPreference = 'SilentlyContinue'
  $url = ${word(facts.packageUrl)}
  $folder = ${word(facts.folder)}
  $size = ${archive.size}
  $sha256 = ${word(archive.sha256)}
  if (-not [Environment]::Is64BitOperatingSystem -or [Environment]::OSVersion.Platform -ne 'Win32NT') {
    throw 'outrunner: this script is for Windows x64.'
  }
  if ($Ca -ne '' -and -not (Test-Path -LiteralPath $Ca -PathType Leaf)) { throw "outrunner: -Ca: $Ca cannot be read." }
  if ($Foreground -and (Test-Path -LiteralPath $folder)) {
    throw "outrunner: $folder is here already; start it with $folder\\start.ps1"
  }
  $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
  $administrator = (New-Object Security.Principal.WindowsPrincipal($identity)).IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
  if (-not $administrator -and -not $User -and -not $Foreground) {
    throw 'outrunner: a service of the computer needs an administrator: open PowerShell as one, or add -User.'
  }
  $work = Join-Path ([IO.Path]::GetTempPath()) ('outrunner-' + [Guid]::NewGuid().ToString('N'))
  [void] (New-Item -ItemType Directory -Path $work)
  try {
    # The token is read from a file of this user: what stands in arguments others can see.
    $request = Join-Path $work 'request.json'
    $utf8 = New-Object Text.UTF8Encoding($false)
    [IO.File]::WriteAllText($request, ${word(JSON.stringify({ token: facts.token, platform: 'win-x64' }))}, $utf8)
    $package = Join-Path $work 'package.zip'
    $trusted = $Ca
    $way = $Proxy
    ${facts.ca === null ? '' : `if ($trusted -eq '') { $trusted = Join-Path $work 'ca.pem'; [IO.File]::WriteAllText($trusted, ${word(facts.ca)}, $utf8) }`}
    ${facts.proxy === null ? '' : `if ($way -eq '') { $way = ${word(facts.proxy)} }`}
    if ($way -eq '' -and $env:HTTPS_PROXY) { $way = $env:HTTPS_PROXY }
    Write-Output "outrunner: fetching the package for Windows x64 ($size bytes)"
    if ($trusted -ne '' -or $way -match '^socks') {
      # PowerShell takes neither certificates nor SOCKS; the curl that comes with Windows 10 and later does.
      $settings = 'url = "' + $url + '"' + "\`n" + 'ssl-revoke-best-effort' + "\`n"
      if ($way -ne '') { $settings += 'proxy = "' + $way.Replace('\\', '\\\\').Replace('"', '\\"') + '"' + "\`n" }
      if ($trusted -ne '') {
        $path = (Resolve-Path -LiteralPath $trusted).ProviderPath
        $settings += 'cacert = "' + $path.Replace('\\', '\\\\').Replace('"', '\\"') + '"' + "\`n"
      }
      $config = Join-Path $work 'curl.txt'
      [IO.File]::WriteAllText($config, $settings, $utf8)
      & curl.exe -sS -f -K $config -H 'content-type: application/json' --data-binary "@$request" -o $package
      if ($LASTEXITCODE -ne 0) { throw 'outrunner: the package could not be fetched; the line above says why.' }
    } else {
      [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
      $call = @{
        Uri = $url
        Method = 'Post'
        ContentType = 'application/json'
        Body = [IO.File]::ReadAllText($request)
        OutFile = $package
        UseBasicParsing = $true
      }
      if ($way -ne '') {
        $address = [Uri] $way
        $call['Proxy'] = $address.GetLeftPart([UriPartial]::Scheme) + $address.Authority.Split('@')[-1]
        if ($address.UserInfo -ne '') {
          $parts = $address.UserInfo.Split([char[]] ':', 2)
          $secret = New-Object Security.SecureString
          foreach ($letter in [Uri]::UnescapeDataString($parts[-1]).ToCharArray()) { $secret.AppendChar($letter) }
          $call['ProxyCredential'] = New-Object Management.Automation.PSCredential([Uri]::UnescapeDataString($parts[0]), $secret)
        }
      }
      try {
        Invoke-WebRequest @call
      } catch {
        throw "outrunner: the package could not be fetched: $($_.Exception.Message)"
      }
    }
    $came = (Get-Item -LiteralPath $package).Length
    if ($came -ne $size) { throw "outrunner: the package is not whole: $came of $size bytes came. Try again." }
    $hash = (Get-FileHash -LiteralPath $package -Algorithm SHA256).Hash.ToLowerInvariant()
    if ($hash -cne $sha256) {
      throw "outrunner: the package is not what was announced: its SHA-256 is $hash instead of $sha256."
    }
    Expand-Archive -LiteralPath $package -DestinationPath $work
    $unpacked = Join-Path $work $folder
    $engine = (Get-Process -Id $PID).Path
    $arguments = @()
    if ($Foreground) { $arguments += '-Check' }
    if ($User) { $arguments += '-User' }
    if ($Name -ne '') { $arguments += @('-Name', $Name) }
    if ($NoStart) { $arguments += '-NoStart' }
    if ($Replace) { $arguments += '-Replace' }
    if ($Proxy -ne '') { $arguments += @('-Proxy', $Proxy) }
    if ($Ca -ne '') { $arguments += @('-Ca', (Resolve-Path -LiteralPath $Ca).ProviderPath) }
    # What a program writes to its error stream is no exception of ours.
    $ErrorActionPreference = 'Continue'
    & $engine -NoProfile -ExecutionPolicy Bypass -File (Join-Path $unpacked 'install.ps1') @arguments
    if ($LASTEXITCODE -ne 0) { throw "outrunner: install.ps1 ended with exit code $LASTEXITCODE." }
    if ($Foreground) {
      Move-Item -LiteralPath $unpacked -Destination $folder -ErrorAction Stop
      $start = Join-Path (Resolve-Path -LiteralPath $folder).ProviderPath 'start.ps1'
      & $engine -NoProfile -ExecutionPolicy Bypass -File $start
      if ($LASTEXITCODE -ne 0) { throw "outrunner: start.ps1 ended with exit code $LASTEXITCODE." }
    }
  } finally {
    Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
  }
}
. { Install-Outrunner }
`;
  return text.replaceAll(/^ +\n/gm, '').replaceAll('\n', '\r\n');
}

/** What is sent instead when there is nothing to install: a script too, because it goes straight into PowerShell. */
export function refusalPs1(line: string): string {
  return `throw ${powershellWord(`outrunner: ${line}`)}\r\n`;
}

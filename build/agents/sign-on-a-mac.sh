#!/bin/sh
# Signs the agent for macOS with a Developer ID and has Apple notarise it. Runs on a Mac with Xcode's command line tools.
#
#   sh sign-on-a-mac.sh "Developer ID Application: Example (TEAMID1234)" keychain-profile outrunner-agent…
#
# The profile is one that was stored before: xcrun notarytool store-credentials keychain-profile
# Afterwards, where the agents are built: npm run build:agents -- --signed macos-arm64 <file>
set -eu

if [ "$(uname)" != Darwin ]; then
  echo "This runs on a Mac: codesign and notarytool exist nowhere else." >&2
  exit 2
fi
if [ $# -lt 3 ]; then
  echo "Usage: sh sign-on-a-mac.sh <identity> <keychain profile of notarytool> <executable>..." >&2
  exit 2
fi
identity=$1
profile=$2
shift 2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# V8 compiles JavaScript and WebAssembly. Nothing else of the hardened runtime is loosened.
cat > "$work/entitlements.plist" <<'PLIST'
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
  <dict>
    <key>com.apple.security.cs.allow-jit</key>
    <true/>
    <key>com.apple.security.cs.allow-unsigned-executable-memory</key>
    <true/>
  </dict>
</plist>
PLIST

for executable in "$@"; do
  codesign --force --sign "$identity" --identifier outrunner-agent --options runtime --timestamp \
    --entitlements "$work/entitlements.plist" "$executable"
  codesign --verify --strict --verbose=2 "$executable"
  # It has to start here before anybody else gets it.
  "$executable" version
  # A single executable cannot carry its ticket: Gatekeeper asks Apple for it. The zip is only the way there.
  rm -f "$work/agent.zip"
  ditto -c -k "$executable" "$work/agent.zip"
  xcrun notarytool submit "$work/agent.zip" --keychain-profile "$profile" --wait | tee "$work/answer"
  if ! grep -q "status: Accepted" "$work/answer"; then
    echo "Apple did not notarise $executable." >&2
    exit 1
  fi
  echo "$executable: signed and notarised"
done

import type { Configuration } from 'electron-builder';

/**
 * How the desktop console is packaged: `electron-builder --config build/electron-builder.config.ts`. Everything is bundled
 * into `dist/`, so the application holds a few files and no `node_modules`. What a release needs comes from the environment:
 *
 * - `OUTRUNNER_RELEASE=1`: a release. Without it the packages are for trying out, and say so.
 * - `OUTRUNNER_RELEASE_PUBLIC_KEY`: the key that downloads are checked against (`npm run release:keys` prints it). Needed.
 * - `OUTRUNNER_WINDOWS_PUBLISHER`: subject of the Windows certificate, exactly. Needed on Windows: updates are checked by it.
 * - `OUTRUNNER_MAINTAINER` (`Name <mail>`) and `OUTRUNNER_HOMEPAGE`: what the Linux packages say of themselves. Needed there.
 * - `CSC_LINK`, `CSC_KEY_PASSWORD`, `APPLE_…`: certificates, as electron-builder documents them.
 */
export default builderConfig(process.env, process.platform);

/**
 * The configuration for one environment and building platform.
 * @throws Error that names the variable when a release lacks one, or one is malformed.
 */
export function builderConfig(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): Configuration {
  const release = env.OUTRUNNER_RELEASE === '1';
  const releaseKey = publicKey(env.OUTRUNNER_RELEASE_PUBLIC_KEY);
  const publisherName = env.OUTRUNNER_WINDOWS_PUBLISHER || null;
  const maintainer = env.OUTRUNNER_MAINTAINER || null;
  const homepage = env.OUTRUNNER_HOMEPAGE || null;
  const missing = [
    releaseKey === null ? 'OUTRUNNER_RELEASE_PUBLIC_KEY' : null,
    platform === 'win32' && publisherName === null ? 'OUTRUNNER_WINDOWS_PUBLISHER' : null,
    platform === 'linux' && maintainer === null ? 'OUTRUNNER_MAINTAINER' : null,
    platform === 'linux' && homepage === null ? 'OUTRUNNER_HOMEPAGE' : null,
  ].filter((name) => name !== null);
  if (release && missing.length > 0) throw new Error(`A release needs ${missing.join(', ')}.`);
  return {
    appId: 'io.outrunner.console',
    productName: 'Outrunner',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: electron-builder fills these in
    artifactName: 'outrunner-console-${version}-${os}-${arch}.${ext}',
    directories: { output: 'dist/packages', buildResources: 'build/desktop' },
    files: [
      'package.json',
      'dist/electron/main.js',
      'dist/electron/preload.cjs',
      'dist/coordinator/**',
      'dist/renderer/**',
      '!**/*.map',
      '!**/node_modules/**',
    ],
    // Outside of the archive: large, and compressed already. Runners get them as they are.
    extraResources: [{ from: 'dist/agents', to: 'agents', filter: ['manifest.json', '*/*.gz', '*/*.deflate'] }],
    // Read by the console as what it was built with; part of what the integrity check covers.
    extraMetadata: { outrunnerReleaseKey: releaseKey, ...(homepage === null ? {} : { homepage }) },
    asar: true,
    disableAsarIntegrity: false,
    electronFuses: {
      runAsNode: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      grantFileProtocolExtraPrivileges: false,
      loadBrowserProcessSpecificV8Snapshot: false,
      enableCookieEncryption: true,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
    },
    npmRebuild: false,
    nodeGypRebuild: false,
    protocols: [{ name: 'Outrunner', schemes: ['outrunner'] }],
    publish: null,
    forceCodeSigning: release && platform !== 'linux',
    win: {
      target: [{ target: 'nsis', arch: ['x64'] }],
      verifyUpdateCodeSignature: true,
      requestedExecutionLevel: 'asInvoker',
      signtoolOptions: { signingHashAlgorithms: ['sha256'], ...(publisherName === null ? {} : { publisherName }) },
    },
    nsis: {
      oneClick: false,
      perMachine: false,
      allowToChangeInstallationDirectory: true,
      deleteAppDataOnUninstall: false,
    },
    mac: {
      target: [
        { target: 'dmg', arch: ['arm64', 'x64'] },
        { target: 'zip', arch: ['arm64', 'x64'] },
      ],
      category: 'public.app-category.developer-tools',
      hardenedRuntime: true,
      gatekeeperAssess: false,
      entitlements: 'build/desktop/entitlements.mac.plist',
      entitlementsInherit: 'build/desktop/entitlements.mac.plist',
      notarize: release,
    },
    // Packages that set the sandbox up; an AppImage cannot, and would ask people to switch it off.
    linux: {
      target: [
        { target: 'deb', arch: ['x64', 'arm64'] },
        { target: 'rpm', arch: ['x64', 'arm64'] },
      ],
      category: 'System',
      synopsis: 'Runs jobs inside networks that nobody can reach',
      mimeTypes: ['x-scheme-handler/outrunner'],
      ...(maintainer === null ? {} : { maintainer }),
    },
  };
}

/** A raw Ed25519 key, base64url; null when there is none. */
function publicKey(text: string | undefined): string | null {
  if (!text) return null;
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) {
    throw new Error('OUTRUNNER_RELEASE_PUBLIC_KEY must be a raw Ed25519 key: 43 characters of base64url.');
  }
  return text;
}

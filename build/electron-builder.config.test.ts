import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FuseV1Options } from '@electron/fuses';
import { build, Platform } from 'electron-builder';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { BUNDLES } from './bundle.ts';
import { builderConfig } from './electron-builder.config.ts';
import { ROOT } from './paths.ts';

const require = createRequire(import.meta.url);
const builderLib = createRequire(require.resolve('electron-builder'));
/** electron-builder's own check, with which it begins each build. */
const { validateConfiguration } = builderLib('app-builder-lib/out/util/config/config.js') as {
  validateConfiguration(config: unknown, log: { isEnabled: boolean; add(): void }): Promise<void>;
};
const asar = builderLib('@electron/asar') as {
  listPackage(archive: string, options: { isPack: boolean }): string[];
  extractFile(archive: string, file: string): Buffer;
};
const validate = (config: unknown) => validateConfiguration(config, { isEnabled: false, add: () => undefined });

const KEY = 'A'.repeat(43);
const RELEASE = {
  OUTRUNNER_RELEASE: '1',
  OUTRUNNER_RELEASE_PUBLIC_KEY: KEY,
  OUTRUNNER_WINDOWS_PUBLISHER: 'CN=Somebody',
  OUTRUNNER_MAINTAINER: 'Somebody <somebody@example.org>',
  OUTRUNNER_HOMEPAGE: 'https://example.org',
};
const PLATFORMS = ['linux', 'win32', 'darwin'] as const;

describe('the packaging of the desktop console', () => {
  it('is what electron-builder understands, for every platform', async () => {
    for (const platform of PLATFORMS) {
      await validate(builderConfig({}, platform));
      await validate(builderConfig(RELEASE, platform));
    }
    // The check does check.
    await expect(validate({ ...builderConfig({}, 'linux'), electronFuse: {} })).rejects.toThrow('electronFuse');
    await expect(validate({ ...builderConfig({}, 'linux'), asar: 5 })).rejects.toThrow();
  });

  it('burns these fuses', () => {
    expect(builderConfig({}, 'linux').electronFuses).toEqual({
      runAsNode: false,
      enableCookieEncryption: true,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
      loadBrowserProcessSpecificV8Snapshot: false,
      grantFileProtocolExtraPrivileges: false,
    });
    // Every fuse that exists was thought about; this one keeps Electron's default, which is on.
    const known = Object.values(FuseV1Options).filter((name) => typeof name === 'string');
    expect(known).toEqual([
      'RunAsNode',
      'EnableCookieEncryption',
      'EnableNodeOptionsEnvironmentVariable',
      'EnableNodeCliInspectArguments',
      'EnableEmbeddedAsarIntegrityValidation',
      'OnlyLoadAppFromAsar',
      'LoadBrowserProcessSpecificV8Snapshot',
      'GrantFileProtocolExtraPrivileges',
      'WasmTrapHandlers',
    ]);
  });

  it('integrity and archive come together, and are not switched off', () => {
    expect(builderConfig(RELEASE, 'win32')).toMatchObject({ asar: true, disableAsarIntegrity: false });
  });

  it('takes the bundles and nothing of the sources, tests or packages', () => {
    const { files } = builderConfig({}, 'linux');
    expect(files).toEqual([
      'package.json',
      'dist/electron/main.js',
      'dist/electron/preload.cjs',
      'dist/coordinator/**',
      'dist/renderer/**',
      '!**/*.map',
      '!**/node_modules/**',
    ]);
    expect(files).toContain(`dist/${BUNDLES.electronMain.output}`);
    expect(files).toContain(`dist/${BUNDLES.electronPreload.output}`);
    for (const { output } of [BUNDLES.coordinator, BUNDLES.sshInstall])
      expect(`dist/${output}`).toMatch(/^dist\/coordinator\//);
  });

  it('starts the file that the build makes, in the form that it has', async () => {
    const { main, type } = z
      .object({ main: z.string(), type: z.string() })
      .parse(JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')));
    expect(main).toBe(`dist/${BUNDLES.electronMain.output}`);
    expect(type).toBe('module');
    expect(existsSync(join(ROOT, builderConfig({}, 'darwin').mac?.entitlements ?? ''))).toBe(true);
  });

  it('is a release only with the key that downloads are checked by, and on Windows with its publisher', () => {
    expect(() => builderConfig({ OUTRUNNER_RELEASE: '1' }, 'linux')).toThrow(
      'OUTRUNNER_RELEASE_PUBLIC_KEY, OUTRUNNER_MAINTAINER, OUTRUNNER_HOMEPAGE',
    );
    expect(() => builderConfig({ OUTRUNNER_RELEASE: '1' }, 'darwin')).toThrow(/needs OUTRUNNER_RELEASE_PUBLIC_KEY\.$/);
    expect(() => builderConfig({ OUTRUNNER_RELEASE_PUBLIC_KEY: 'short' }, 'linux')).toThrow('43 characters');
    const withoutPublisher = { ...RELEASE, OUTRUNNER_WINDOWS_PUBLISHER: '' };
    expect(() => builderConfig(withoutPublisher, 'win32')).toThrow('OUTRUNNER_WINDOWS_PUBLISHER');
    const release = builderConfig(RELEASE, 'win32');
    expect(release.extraMetadata).toMatchObject({ outrunnerReleaseKey: KEY });
    expect(release.win?.signtoolOptions?.publisherName).toBe('CN=Somebody');
    expect(release.win?.verifyUpdateCodeSignature).toBe(true);
    expect(release.forceCodeSigning).toBe(true);
  });

  it('without a release it signs for nobody, and names no publisher', () => {
    const trial = builderConfig({}, 'win32');
    expect(trial.forceCodeSigning).toBe(false);
    expect(trial.win?.signtoolOptions).not.toHaveProperty('publisherName');
    expect(trial.extraMetadata).toMatchObject({ outrunnerReleaseKey: null });
  });
});

describe('what electron-builder makes of it', () => {
  it('is an archive of the bundles, the release key inside, the agents beside it', async (context) => {
    if (process.platform !== 'linux')
      return context.skip('the runtime that stands in for Electron here is laid out as on Linux');
    const folder = await mkdtemp(join(tmpdir(), 'outrunner-packaging-'));
    try {
      // Everything but the runtime is real: its program is any other one, and so has no fuses.
      const runtime = join(folder, 'electron');
      await mkdir(join(runtime, 'resources'), { recursive: true });
      for (const name of ['electron', 'chrome-sandbox']) await copyFile('/bin/true', join(runtime, name));
      await writeFile(join(runtime, 'version'), '45.4.1');
      const output = join(folder, 'out');
      await build({
        projectDir: ROOT,
        targets: Platform.LINUX.createTarget('dir'),
        config: {
          ...builderConfig({ OUTRUNNER_RELEASE_PUBLIC_KEY: KEY }, 'linux'),
          electronFuses: null,
          electronDist: runtime,
          directories: { output, buildResources: 'build/desktop' },
        },
      });
      const resources = join(output, 'linux-unpacked', 'resources');
      const archive = join(resources, 'app.asar');
      const files = asar
        .listPackage(archive, { isPack: false })
        .filter((file) => !/\/(?:assets|swagger-ui)(?:\/|$)/.test(file));
      expect(files.sort()).toEqual([
        '/dist',
        '/dist/coordinator',
        '/dist/coordinator/main.mjs',
        '/dist/coordinator/ssh-install.mjs',
        '/dist/electron',
        '/dist/electron/main.js',
        '/dist/electron/preload.cjs',
        '/dist/renderer',
        '/dist/renderer/index.html',
        '/dist/renderer/mark.svg',
        '/package.json',
      ]);
      expect(JSON.parse(asar.extractFile(archive, 'package.json').toString())).toMatchObject({
        main: 'dist/electron/main.js',
        type: 'module',
        outrunnerReleaseKey: KEY,
      });
      expect(existsSync(join(resources, 'agents', 'manifest.json'))).toBe(true);
      expect(existsSync(join(resources, 'agents', 'linux-x64', 'outrunner-agent'))).toBe(false);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 180_000);
});

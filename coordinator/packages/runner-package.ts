import type { PlatformTarget, RunnerConfig } from '../../protocol/enrolment.ts';
import { packageFileName, packageFolder } from '../../protocol/package-name.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import {
  AGENT_TARGET_TABLE,
  type ArchiveFormat,
  executableFor,
  type ReleasedExecutable,
  type ReleaseManifest,
} from '../../protocol/release.ts';
import { isoTime } from '../store/stored-forms.ts';
import { type Archive, openArchive } from './archive.ts';
import { readmeText, startScript } from './package-texts.ts';
import type { ReleaseFolder } from './release-folder.ts';

export interface PackageRunner {
  readonly id: string;
  readonly name: string;
}

/** An enrolment that can still be used. */
export interface OpenEnrolment {
  readonly token: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface PackageSettings {
  /** Where agents reach this coordinator. */
  readonly coordinatorUrl: string;
  /** The key that they pin. */
  readonly publicKey: string;
  readonly proxy: string | null;
  /** PEM. */
  readonly ca: string | null;
}

export interface RunnerPackage {
  readonly fileName: string;
  readonly archive: Archive;
}

/**
 * Lays out the package of one Runner for one platform. The same enrolment gives the same bytes, so that a download can be
 * gone on with. @throws OutrunnerError `package-missing` when the executable is not built, `invalid-input` for another format.
 */
export async function runnerPackage(
  folder: ReleaseFolder,
  settings: PackageSettings,
  runner: PackageRunner,
  enrolment: OpenEnrolment,
  wanted: { readonly platform: PlatformTarget; readonly format?: ArchiveFormat | undefined },
): Promise<RunnerPackage> {
  const row = AGENT_TARGET_TABLE[wanted.platform];
  if (wanted.format !== undefined && wanted.format !== row.archive) {
    const message = `Packages for ${row.label} come as ${row.archive}.`;
    throw new OutrunnerError('invalid-input', { detail: message, fields: [{ path: 'query.format', message }] });
  }
  const { manifest, executable } = await needExecutable(folder, wanted.platform);
  const config: RunnerConfig = {
    version: 1,
    coordinator: { url: settings.coordinatorUrl, publicKey: settings.publicKey },
    runner: { id: runner.id, name: runner.name },
    enrolment: { token: enrolment.token, expiresAt: isoTime(enrolment.expiresAt) },
    ...(settings.proxy === null ? {} : { proxy: settings.proxy }),
    ...(settings.ca === null ? {} : { ca: settings.ca }),
  };
  const archive = await openArchive({
    folder: packageFolder(runner.name),
    executableName: row.executable,
    executable,
    compressedPath: folder.pathOf(executable.compressed.file),
    files: [
      { name: 'runner.json', mode: 0o600, content: `${JSON.stringify(config, null, 2)}\n` },
      startScript(wanted.platform),
      readmeText({
        runnerName: runner.name,
        coordinatorUrl: settings.coordinatorUrl,
        target: wanted.platform,
        version: manifest.productVersion,
        executableSha256: executable.sha256,
        development: manifest.development,
        keyId: manifest.key.id,
        tokenExpiresAt: isoTime(enrolment.expiresAt),
      }),
    ],
    modified: new Date(enrolment.createdAt),
  });
  return { fileName: packageFileName(runner.name, wanted.platform, row.archive), archive };
}

async function needExecutable(
  folder: ReleaseFolder,
  platform: PlatformTarget,
): Promise<{ manifest: ReleaseManifest; executable: ReleasedExecutable }> {
  const manifest = (await folder.release())?.manifest;
  const executable = manifest && executableFor(manifest, platform);
  if (manifest !== undefined && executable !== undefined) return { manifest, executable };
  const { label } = AGENT_TARGET_TABLE[platform];
  throw new OutrunnerError('package-missing', { detail: `The executable for ${label} is not built.` });
}

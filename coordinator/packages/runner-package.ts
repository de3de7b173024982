import { createHash } from 'node:crypto';
import type { PlatformTarget, RunnerConfig } from '../../protocol/enrolment.ts';
import { packageFileName, packageFolder } from '../../protocol/package-name.ts';
import { type PackageFormat, type PackageOptions, packageFormats } from '../../protocol/package-options.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { AGENT_TARGET_TABLE, executableFor, type ReleasedExecutable } from '../../protocol/release.ts';
import type { KeyLink } from '../../protocol/trust.ts';
import { isoTime } from '../store/stored-forms.ts';
import { type ArchiveInput, openArchive, type SmallFile } from './archive.ts';
import { openDeb } from './deb.ts';
import { installFacts } from './install-facts.ts';
import { installPs1 } from './install-ps1.ts';
import { installSh } from './install-sh.ts';
import { readmeText, startScript } from './package-texts.ts';
import { releaseFiles } from './release-files.ts';
import type { Release, ReleaseFolder } from './release-folder.ts';
import { openRpm } from './rpm.ts';
import type { Archive } from './segments.ts';
import { systemPackage } from './system-package.ts';

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
  /** How that key came to be, oldest link first. */
  readonly succession: readonly KeyLink[];
  readonly proxy: string | null;
  /** PEM: the coordinator's own authorities. */
  readonly ca: string | null;
}

export interface RunnerPackage {
  readonly fileName: string;
  readonly archive: Archive;
}

/**
 * The form in which a package is asked for, the usual one of its platform when none is named.
 * @throws OutrunnerError `invalid-input` that names the field, of the query or of the body, for one that the platform has not.
 */
export function wantedFormat({ platform, format }: PackageOptions, part: 'query' | 'body'): PackageFormat {
  const formats = packageFormats(platform);
  const found = format === undefined ? formats[0] : formats.find((one) => one === format);
  if (found !== undefined) return found;
  const message = `Packages for ${AGENT_TARGET_TABLE[platform].label} come as ${formats.join(', ')}.`;
  const path = part === 'query' ? 'query.format' : 'format';
  throw new OutrunnerError('invalid-input', { detail: message, fields: [{ path, message }] });
}

/**
 * Lays out the package of one Runner for one platform. The same enrolment gives the same bytes, so that a download can be
 * gone on with. @throws OutrunnerError `package-missing` when the executable is not built.
 */
export async function runnerPackage(
  folder: ReleaseFolder,
  settings: PackageSettings,
  runner: PackageRunner,
  enrolment: OpenEnrolment,
  wanted: PackageOptions & { readonly format: PackageFormat },
): Promise<RunnerPackage> {
  const { release, executable } = await needExecutable(folder, wanted.platform);
  const config = runnerConfig(settings, runner, enrolment, wanted);
  const common = {
    executableName: AGENT_TARGET_TABLE[wanted.platform].executable,
    executable,
    compressedPath: folder.pathOf(executable.compressed.file),
    files: [
      ...filesBeside(release, executable, { settings, runner, enrolment, config, format: wanted.format }),
      ...(await folder.documents(release)),
    ],
    modified: new Date(enrolment.createdAt),
  };
  const archive = await openAs(wanted.format, release, { ...common, folder: packageFolder(runner.name) });
  return { fileName: packageFileName(runner.name, wanted.platform, wanted.format), archive };
}

function openAs(format: PackageFormat, { manifest }: Release, input: ArchiveInput): Promise<Archive> {
  if (format !== 'deb' && format !== 'rpm') return openArchive(input);
  const { productVersion } = manifest;
  // A service is what such a package is for; nobody starts it by hand.
  const files = input.files.filter(({ name }) => name !== 'start.sh');
  const made = systemPackage({ ...input, files, productVersion, builtAt: new Date(manifest.builtAt) });
  return format === 'deb' ? openDeb(made) : openRpm(made);
}

/** The configuration in a package. Proxy and CA stand before the rest: the install script changes these two lines without a JSON reader. */
export function runnerConfig(
  settings: PackageSettings,
  runner: PackageRunner,
  enrolment: OpenEnrolment,
  wanted: Pick<PackageOptions, 'proxy' | 'ca'>,
): RunnerConfig {
  const proxy = wanted.proxy ?? settings.proxy;
  const ca = wanted.ca ?? settings.ca;
  // Its agents take later authorities of the coordinator in place of these; those of the host's network they keep.
  const isOwn = ca !== null && ca === settings.ca;
  return {
    version: 1,
    ...(proxy === null ? {} : { proxy }),
    ...(ca === null ? {} : { ca }),
    coordinator: {
      url: settings.coordinatorUrl,
      publicKey: settings.publicKey,
      ...(settings.succession.length === 0 ? {} : { succession: [...settings.succession] }),
      ...(isOwn ? { authoritiesSha256: createHash('sha256').update(ca).digest('hex') } : {}),
    },
    runner: { id: runner.id, name: runner.name },
    enrolment: { token: enrolment.token, expiresAt: isoTime(enrolment.expiresAt) },
  };
}

interface Package {
  readonly settings: PackageSettings;
  readonly runner: PackageRunner;
  readonly enrolment: OpenEnrolment;
  readonly config: RunnerConfig;
  readonly format: PackageFormat;
}

/** All that lies beside the executable. */
function filesBeside(release: Release, executable: ReleasedExecutable, made: Package): SmallFile[] {
  const { manifest } = release;
  const { target, sha256 } = executable;
  const facts = installFacts(release, executable);
  return [
    { name: 'runner.json', mode: 0o600, content: `${JSON.stringify(made.config, null, 2)}\n` },
    target === 'win-x64' ? installPs1(facts) : installSh(facts),
    startScript(target),
    readmeText({
      runnerName: made.runner.name,
      coordinatorUrl: made.settings.coordinatorUrl,
      target,
      version: manifest.productVersion,
      executableSha256: sha256,
      development: manifest.development,
      keyId: manifest.key.id,
      signedForSsh: release.sshSignature !== undefined,
      tokenExpiresAt: isoTime(made.enrolment.expiresAt),
      format: made.format,
    }),
    ...releaseFiles(release),
  ];
}

async function needExecutable(
  folder: ReleaseFolder,
  platform: PlatformTarget,
): Promise<{ release: Release; executable: ReleasedExecutable }> {
  const release = await folder.release();
  const executable = release === null ? undefined : executableFor(release.manifest, platform);
  if (release !== null && executable !== undefined) return { release, executable };
  const { label } = AGENT_TARGET_TABLE[platform];
  throw new OutrunnerError('package-missing', { detail: `The executable for ${label} is not built.` });
}

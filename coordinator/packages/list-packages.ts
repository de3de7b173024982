import { stat } from 'node:fs/promises';
import type { z } from 'zod';
import type { Package, packageRoutes } from '../../protocol/api/packages.ts';
import { PLATFORM_TARGETS, type PlatformTarget } from '../../protocol/enrolment.ts';
import { packageFormats } from '../../protocol/package-options.ts';
import { AGENT_TARGET_TABLE, executableFor, type ReleasedExecutable } from '../../protocol/release.ts';
import type { ReleaseFolder } from './release-folder.ts';
import { fitsRpm } from './rpm.ts';

export type PackageList = z.output<(typeof packageRoutes.listPackages)['answer']>;

/** What can be downloaded for which platform; what cannot comes with the reason and what to do. */
export async function listPackages(folder: ReleaseFolder): Promise<PackageList> {
  const signed = await folder.release();
  const packages = await Promise.all(
    PLATFORM_TARGETS.map((target) => packageOf(folder, target, signed && executableFor(signed.manifest, target))),
  );
  return {
    version: signed?.manifest.productVersion ?? null,
    development: signed?.manifest.development ?? false,
    manifest: signed?.manifestText ?? null,
    signature: signed?.signature ?? null,
    packages,
  };
}

async function packageOf(
  folder: ReleaseFolder,
  target: PlatformTarget,
  executable: ReleasedExecutable | null | undefined,
): Promise<Package> {
  const { label, executable: fileName } = AGENT_TARGET_TABLE[target];
  const common = { platform: target, label, formats: [...packageFormats(target)] };
  if (!executable) {
    const reason = `The executable for this platform is not built. Build it with: npm run build:agents ${target}`;
    return { ...common, available: false, reason, downloadSize: null, executable: null, compressed: null };
  }
  const { compressed } = executable;
  const formats = common.formats.filter((format) => format !== 'rpm' || fitsRpm(executable.size));
  const reason = await whyUnusable(folder.pathOf(compressed.file), compressed.size);
  return {
    ...common,
    formats,
    available: reason === null,
    reason,
    downloadSize: compressed.size,
    executable: {
      fileName,
      size: executable.size,
      sha256: executable.sha256,
      platformSignature: executable.platformSignature ?? null,
    },
    compressed: { size: compressed.size, sha256: compressed.sha256 },
  };
}

async function whyUnusable(path: string, size: number): Promise<string | null> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (found?.size === size) return null;
  return 'The built executable is missing or was altered. Build it again with: npm run build:agents';
}

import { z } from 'zod';
import { EnrolmentTokenSchema, PlatformTargetSchema, RunnerConfigSchema } from '../enrolment.ts';
import { IdSchema } from '../fields.ts';
import { PackageFormatSchema } from '../package-options.ts';
import { PlatformSignatureSchema } from '../release.ts';
import { SignatureSchema } from '../trust-fields.ts';
import { route } from './route.ts';

/** What a coordinator has to hand out. `available: false` comes with the reason and what to do. */
export const PackageSchema = z
  .object({
    platform: PlatformTargetSchema,
    label: z.string(),
    available: z.boolean(),
    reason: z.string().nullable(),
    /** The usual one first. */
    formats: z.array(PackageFormatSchema),
    /** Bytes of the download, up to the few hundred that differ per Runner. */
    downloadSize: z.number().int().nullable(),
    executable: z
      .object({
        fileName: z.string(),
        size: z.number().int(),
        sha256: z.string(),
        /** What the platform finds in it; null when it was built by a version that did not say. */
        platformSignature: PlatformSignatureSchema.nullable(),
      })
      .nullable(),
    /** SHA-256 of the executable in its compressed form, as it stands inside the download. */
    compressed: z.object({ size: z.number().int(), sha256: z.string() }).nullable(),
  })
  .meta({ id: 'Package' });
export type Package = z.infer<typeof PackageSchema>;

const byToken = z.object({ token: EnrolmentTokenSchema });

export const packageRoutes = {
  listPackages: route({
    method: 'GET',
    path: '/packages',
    summary: 'Platforms, formats, sizes, SHA-256, signature of the release, version',
    access: 'user',
    status: 200,
    answer: z.object({
      version: z.string().nullable(),
      /** Built with a development key: not a release. */
      development: z.boolean(),
      /** The signed text (JSON) and its signature by the release key, as the build made them; null when nothing is built. */
      manifest: z.string().nullable(),
      signature: SignatureSchema.nullable(),
      packages: z.array(PackageSchema),
    }),
  }),
  describeInstall: route({
    method: 'GET',
    path: '/runners/{id}/install',
    summary:
      'What a host is installed with in one line or as a container: addresses with the single-use token, configuration',
    access: 'admin',
    params: z.object({ id: IdSchema }),
    status: 200,
    answer: z.object({ sh: z.string(), ps1: z.string(), config: RunnerConfigSchema }).meta({ id: 'Install' }),
  }),
  installSh: route({
    method: 'GET',
    path: '/install/{token}.sh',
    summary:
      'The script of the one-line install for Linux and macOS; with a token that is no longer open, one that says why',
    access: 'anyone',
    params: byToken,
    status: 200,
    stream: { contentType: 'text/x-shellscript', description: 'A script for every POSIX shell' },
  }),
  installPs1: route({
    method: 'GET',
    path: '/install/{token}.ps1',
    summary: 'The script of the one-line install for Windows; with a token that is no longer open, one that says why',
    access: 'anyone',
    params: byToken,
    status: 200,
    stream: { contentType: 'text/plain', description: 'A script for Windows PowerShell 5.1 and PowerShell 7' },
  }),
  installPackage: route({
    method: 'POST',
    path: '/install/package',
    summary: 'What the script of the one-line install fetches: the package that the token belongs to',
    access: 'anyone',
    body: z.strictObject({ token: EnrolmentTokenSchema, platform: PlatformTargetSchema }),
    status: 200,
    stream: { contentType: 'application/octet-stream', description: 'The package, as .tar.gz or .zip' },
  }),
} as const;

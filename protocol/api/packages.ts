import { z } from 'zod';
import { PlatformTargetSchema, SignatureSchema } from '../enrolment.ts';
import { PackageFormatSchema } from '../package-options.ts';
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
    executable: z.object({ fileName: z.string(), size: z.number().int(), sha256: z.string() }).nullable(),
    /** SHA-256 of the executable in its compressed form, as it stands inside the download. */
    compressed: z.object({ size: z.number().int(), sha256: z.string() }).nullable(),
  })
  .meta({ id: 'Package' });
export type Package = z.infer<typeof PackageSchema>;

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
} as const;

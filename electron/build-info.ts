import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const BuildInfoSchema = z.object({
  version: z.string(),
  /** Written by the packaging: the release key that this console trusts (raw Ed25519, base64url). */
  outrunnerReleaseKey: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .nullable()
    .default(null),
});
export type BuildInfo = z.infer<typeof BuildInfoSchema>;

/** What this console was built as, from the `package.json` inside the application (covered by its integrity check). */
export async function readBuildInfo(appPath: string): Promise<BuildInfo> {
  return BuildInfoSchema.parse(JSON.parse(await readFile(join(appPath, 'package.json'), 'utf8')));
}

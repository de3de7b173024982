import { z } from 'zod';
import { type PlatformTarget, PlatformTargetSchema } from './enrolment.ts';
import { AGENT_TARGET_TABLE } from './release.ts';
import { CaPemSchema } from './trust-fields.ts';

/** What a person chooses about the package of one host: for which platform, in which form, and how it reaches us. */

export const PACKAGE_FORMATS = ['tar.gz', 'zip', 'deb', 'rpm'] as const;
export const PackageFormatSchema = z
  .enum(PACKAGE_FORMATS, 'Format must be one of tar.gz, zip, deb, rpm.')
  .meta({ id: 'PackageFormat' });
export type PackageFormat = z.infer<typeof PackageFormatSchema>;

/** The forms in which the package of a platform can be had, the usual one first. */
export function packageFormats(target: PlatformTarget): readonly PackageFormat[] {
  const { archive, platform } = AGENT_TARGET_TABLE[target];
  return platform === 'linux' ? [archive, 'deb', 'rpm'] : [archive];
}

/** `http://[user:password@]host:port` or `socks5://…`. Characters that a shell or JSON would need help with are not in URLs. */
export const ProxyUrlSchema = z
  .string()
  .max(2000)
  .regex(
    /^(?:https?|socks(?:4a?|5h?)?):\/\/[\x21\x24-\x2e\x30-\x3e\x40-\x5b\x5d-\x7e]+\/?$/,
    'must be like http://host:port or socks5://host:port.',
  );

/** What goes into `runner.json` beside what the coordinator's own settings say. */
export const PackageOptionsSchema = z.strictObject({
  platform: PlatformTargetSchema,
  format: PackageFormatSchema.optional(),
  proxy: ProxyUrlSchema.optional(),
  ca: CaPemSchema.optional(),
});
export type PackageOptions = z.infer<typeof PackageOptionsSchema>;

/** Name of a service on a host; also that of its folders there. */
export const ServiceNameSchema = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'must be 1 to 31 small letters, digits and hyphens, a letter first.');
export const DEFAULT_SERVICE_NAME = 'outrunner-agent';

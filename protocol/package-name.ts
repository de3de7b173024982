import type { PlatformTarget } from './enrolment.ts';
import type { PackageFormat } from './package-options.ts';

/** How a package and the folder inside it are called. Whoever makes one and whoever explains it must agree. */

/** A Runner's name as a plain part of file names: letters, digits and hyphens, at most 40. */
export function runnerSlug(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return plain === '' ? 'runner' : plain;
}

/** The one folder at the top of a package. */
export function packageFolder(runnerName: string): string {
  return `outrunner-${runnerSlug(runnerName)}`;
}

/** The file name under which a package is downloaded. */
export function packageFileName(runnerName: string, platform: PlatformTarget, format: PackageFormat): string {
  return `${packageFolder(runnerName)}-${platform}.${format}`;
}

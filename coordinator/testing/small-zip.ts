import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type ZipEntry, zipDirectory, zipLocalHeader } from '../packages/zip-records.ts';
import type { SmallPackage } from './small-package.ts';

/** The one folder at the top of such a package. */
export const ZIP_FOLDER = 'outrunner-test';

/** A zip with these files, by their whole paths, whatever those are. */
export function zipOf(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  const entries: ZipEntry[] = [];
  const offsets: number[] = [];
  let at = 0;
  for (const [path, text] of Object.entries(files)) {
    const content = Buffer.from(text);
    const size = content.length;
    const facts = { mode: 0o644, modified: new Date('2026-11-23T00:00:00Z'), method: 'stored' as const };
    const entry = { path, ...facts, crc32: crc32(content), compressedSize: size, size };
    entries.push(entry);
    offsets.push(at);
    parts.push(zipLocalHeader(entry), content);
    at = parts.reduce((sum, one) => sum + one.length, 0);
  }
  return Buffer.concat([...parts, zipDirectory(entries, offsets, at)]);
}

/** A package for Windows, whose agent is this script of a POSIX shell; see `windows-stand-in.ts` for who runs it. */
export function smallZip(agent: string, more: Readonly<Record<string, string>> = {}): SmallPackage {
  const inFolder = {
    '': '',
    'outrunner-agent.exe': `#!/bin/sh\n${agent}\n`,
    'install.ps1': '#Requires -Version 5.1\r\n',
    'runner.json': '{}\n',
    ...more,
  };
  const files = Object.entries(inFolder).map(([name, text]) => [`${ZIP_FOLDER}/${name}`, text] as const);
  return packageOf(zipOf(Object.fromEntries(files)));
}

/** A package of these bytes, whatever they are. */
export function packageOf(bytes: Buffer): SmallPackage {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { bytes, sha256, unpackedSize: bytes.length, folder: ZIP_FOLDER };
}

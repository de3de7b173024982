import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A package as the coordinator makes it, with a script of the test for its installation. */
export interface SmallPackage {
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly unpackedSize: number;
  /** The one folder at its top. */
  readonly folder: string;
}

/** Makes one. `ballast`: bytes that cannot be compressed and lie beside the script. */
export function smallPackage(script: string, ballast = 0): SmallPackage {
  const work = mkdtempSync(join(tmpdir(), 'outrunner-package-'));
  const folder = 'outrunner-test';
  try {
    execFileSync('mkdir', [join(work, folder)]);
    writeFileSync(join(work, folder, 'install.sh'), `#!/bin/sh\n${script}\n`);
    writeFileSync(join(work, folder, 'ballast'), randomBytes(ballast));
    const bytes = execFileSync('tar', ['-cz', '-C', work, folder], { maxBuffer: 64 << 20 });
    return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), unpackedSize: ballast + 4096, folder };
  } finally {
    rmSync(work, { recursive: true });
  }
}

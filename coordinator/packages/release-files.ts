import type { SignedRelease } from '../../protocol/release.ts';
import { releaseBytes } from '../../protocol/release.ts';
import type { SmallFile } from './archive.ts';

/**
 * The signed manifest as files of a package: for the agent (`release.json`), and once more as the exact bytes that were
 * signed and the bare signature, which any tool that knows Ed25519 can check.
 */
export function releaseFiles(release: SignedRelease): SmallFile[] {
  return [
    { name: 'release.json', mode: 0o644, content: `${JSON.stringify(release, null, 2)}\n` },
    { name: 'release.signed', mode: 0o644, content: releaseBytes(release.manifest) },
    { name: 'release.sig', mode: 0o644, content: Buffer.from(release.signature, 'base64url') },
  ];
}

import type { SmallFile } from './archive.ts';
import type { Release } from './release-folder.ts';

/**
 * The signed manifest as files of a package: for the agent (`release.json`), and once more as the exact bytes that were
 * signed and the bare signature, which any tool that knows Ed25519 can check.
 */
export function releaseFiles({ text, signedBytes, signature }: Release): SmallFile[] {
  return [
    { name: 'release.json', mode: 0o644, content: text },
    { name: 'release.signed', mode: 0o644, content: signedBytes },
    { name: 'release.sig', mode: 0o644, content: Buffer.from(signature, 'base64url') },
  ];
}

import type { SmallFile } from './archive.ts';
import type { Release } from './release-folder.ts';
import { sshSignatureFile } from './release-signature.ts';

/**
 * The signed manifest as files of a package: for the agent (`release.json`), and once more as the exact bytes that were
 * signed, with the bare signature, which any tool that knows Ed25519 can check, and the one that OpenSSH checks.
 */
export function releaseFiles({ manifest, text, signedBytes, signature, sshSignature }: Release): SmallFile[] {
  const forSsh = sshSignature === undefined ? [] : [sshSignatureFile(manifest.key.publicKey, sshSignature)];
  return [
    { name: 'release.json', mode: 0o644, content: text },
    { name: 'release.signed', mode: 0o644, content: signedBytes },
    { name: 'release.sig', mode: 0o644, content: Buffer.from(signature, 'base64url') },
    ...forSsh.map((content) => ({ name: 'release.sshsig', mode: 0o644, content })),
  ];
}

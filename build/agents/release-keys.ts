import { BuildError } from './build-error.ts';
import { loadReleaseKey } from './release-key.ts';

/** `npm run release:keys`: says which key signs here, and makes the development key when there is none. */
try {
  const key = await loadReleaseKey();
  console.log(key.development ? 'Development key (vouches for nothing beyond this machine)' : 'Release key');
  console.log(`  file        ${key.path}`);
  console.log(`  id          ${key.id}`);
  console.log(`  public key  ${key.publicKey}`);
  if (key.development) console.log('Give a real one with OUTRUNNER_RELEASE_KEY=<path of an Ed25519 private key, PEM>.');
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

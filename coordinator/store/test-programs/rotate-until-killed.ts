import { writeSync } from 'node:fs';
import { SigningKeys } from '../signing-keys.ts';

/** Rotates and retires and says after each what it has, as fast as it can. Killed by its test. */
const keys = SigningKeys.open(process.argv[2] as string);
const first = keys.succession[0]?.from ?? keys.publicKey;
for (let at = 1; ; at++) {
  if (keys.previousKey === null) keys.rotate(at);
  else keys.retire();
  writeSync(1, `${JSON.stringify({ first, links: keys.succession.length, previous: keys.previousKey })}\n`);
}

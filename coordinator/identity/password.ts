import { randomBytes, randomInt, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { OutrunnerError } from '../../protocol/problems.ts';

/** 128 MiB and about a third of a second for each guess. */
const COST = { ln: 17, r: 8, p: 1 } as const;
const HASH_BYTES = 32;
/** No look-alikes: it is read from a terminal and typed. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';

/** `$scrypt$ln=17,r=8,p=1$salt$hash`, base64url. */
const STORED = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w-]+)\$([\w-]+)$/;

/** At most so many at once: each takes its memory and a thread. */
const AT_ONCE = 2;
/** Who comes when so many wait already is sent away: a crowd of guessers must not take our memory. */
const WAITING_AT_MOST = 100;
let running = 0;
const queue: (() => void)[] = [];

/** The text to keep of a password. Parameters stand in it, so that they can be raised later. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, COST, HASH_BYTES);
  return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

/**
 * Whether `password` is the one that was kept. With `stored` null (there is no such account, or it has no password) it takes
 * as long and says no, so that its time does not tell which names exist.
 */
export async function isPassword(password: string, stored: string | null): Promise<boolean> {
  const match = stored === null ? null : STORED.exec(stored);
  if (match === null) {
    await derive(password, Buffer.alloc(16), COST, HASH_BYTES);
    return false;
  }
  const [, ln, r, p, salt, hash] = match as unknown as [string, string, string, string, string, string];
  const expected = Buffer.from(hash, 'base64url');
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  return timingSafeEqual(await derive(password, Buffer.from(salt, 'base64url'), cost, expected.length), expected);
}

/** A password that nobody chose: 100 random bits in groups of five. */
export function generatePassword(): string {
  const letters = Array.from({ length: 20 }, () => ALPHABET[randomInt(ALPHABET.length)]);
  return [0, 5, 10, 15].map((at) => letters.slice(at, at + 5).join('')).join('-');
}

async function derive(password: string, salt: Buffer, cost: { ln: number; r: number; p: number }, bytes: number) {
  await turn();
  try {
    const N = 2 ** cost.ln;
    const options: ScryptOptions = { N, r: cost.r, p: cost.p, maxmem: 129 * N * cost.r + (1 << 20) };
    return await new Promise<Buffer>((resolve, reject) => {
      scrypt(password.normalize('NFKC'), salt, bytes, options, (error, key) => (error ? reject(error) : resolve(key)));
    });
  } finally {
    running -= 1;
    queue.shift()?.();
  }
}

async function turn(): Promise<void> {
  if (queue.length >= WAITING_AT_MOST) throw new OutrunnerError('too-many-requests');
  while (running >= AT_ONCE) await new Promise<void>((resolve) => queue.push(resolve));
  running += 1;
}

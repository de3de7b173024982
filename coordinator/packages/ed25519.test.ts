import { execFileSync } from 'node:child_process';
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { AGENT_TARGET_TABLE } from '../../protocol/release.ts';
import { powershellParser } from '../testing/powershell-grammar.ts';
import {
  csharpVerifier,
  hasMono,
  hasPython,
  pythonVerifier,
  type SignatureVerifier,
} from '../testing/signature-verifiers.ts';
import { writeSmallRelease } from '../testing/small-release.ts';
import { releaseFolder } from './release-folder.ts';
import { runnerPackage } from './runner-package.ts';

/**
 * The checks of signatures as they are shipped: cut out of an install script that was unpacked from a package, and asked beside
 * Node's, which is OpenSSL's. The C# is compiled by mono's compiler as C# 5 (`-langversion:5`).
 */
interface Shipped {
  readonly platform: PlatformTarget;
  readonly script: string;
  /** The key (base64) in the script. */
  readonly key: RegExp;
  /** Finds the text of the check in the script. */
  cut(script: string): Promise<string>;
  start(folder: string, source: string): Promise<SignatureVerifier>;
}

const IN_CSHARP: Shipped = {
  platform: 'win-x64',
  script: 'install.ps1',
  key: /^\$ReleaseKey = '([^']+)'\r$/m,
  // The one here-string, as PowerShell hands it to Add-Type.
  async cut(script) {
    const held = (await powershellParser())(script).nodes.filter(
      ({ kind }) => kind === 'verbatim_here_string_characters',
    );
    expect(held).toHaveLength(1);
    return held[0]?.text.replace(/^@'\r\n/, '').replace(/\r\n'@$/, '') ?? '';
  },
  start: csharpVerifier,
};

const IN_PYTHON: Shipped = {
  platform: 'linux-x64',
  script: 'install.sh',
  key: /verify\.py" (\S+) release\.signed/,
  // The text that the shell writes into a file.
  async cut(script) {
    const text = /verify\.py" <<'END'\n([\s\S]*?)\nEND\n/.exec(script)?.[1] ?? '';
    return `${text}\n`;
  },
  start: pythonVerifier,
};

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** L, the order of the base point, and p, the prime of the field (RFC 8032, section 5.1). */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const P = 2n ** 255n - 19n;
/** The bit that says which of its two values x has. */
const SIGN = 2n ** 255n;

function littleEndian(number: bigint): Buffer {
  return hex(number.toString(16).padStart(64, '0')).reverse();
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

const sha512 = (...parts: readonly Uint8Array[]) => createHash('sha512').update(Buffer.concat(parts)).digest();

/** What stands before the 32 bytes of an Ed25519 private key in DER (PKCS#8). */
const PKCS8 = hex('302e020100300506032b657004220420');

function keyOf(seed: Uint8Array) {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const raw = Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '', 'base64url');
  // Section 5.1.5: the secret scalar.
  const secret = sha512(seed).subarray(0, 32);
  secret.writeUInt8(secret.readUInt8(0) & 248, 0);
  secret.writeUInt8((secret.readUInt8(31) & 127) | 64, 31);
  return { raw, scalar: numberOf(secret), sign: (message: Uint8Array) => sign(null, message, privateKey) };
}

/** What Node says. */
function byNode(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const x = Buffer.from(key).toString('base64url');
  try {
    return verify(null, message, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), signature);
  } catch {
    return false; // Not 32 bytes.
  }
}

function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return copy;
}

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
const messages = fc.uint8Array({ maxLength: 2000 });

describe.skipIf(!hasMono)('the check of signatures in install.ps1 (needs mono-mcs and mono-runtime)', () => {
  judges(IN_CSHARP);
});

describe.skipIf(!hasPython)('the check of signatures in install.sh by Python (needs python3)', () => {
  judges(IN_PYTHON);
});

/** The tests of one of them. */
function judges(shipped: Shipped): void {
  let base: string;
  let verifier: SignatureVerifier;
  let script: string;
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'outrunner-ed25519-'));
    await unpackPackage();
    script = await readFile(join(base, shipped.script), 'utf8');
    verifier = await shipped.start(base, await shipped.cut(script));
  });
  afterAll(async () => {
    await verifier?.stop();
    await rm(base, { recursive: true, force: true });
  });

  async function unpackPackage(): Promise<void> {
    const agents = join(base, 'agents');
    const { platform } = shipped;
    await writeSmallRelease(agents, Buffer.from('an agent'), [platform]);
    const { archive } = await runnerPackage(
      releaseFolder(agents),
      { coordinatorUrl: 'https://a.example', publicKey: 'A'.repeat(43), succession: [], proxy: null, ca: null },
      { id: '7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10', name: 'lab' },
      { token: `ore_${'t'.repeat(43)}`, createdAt: 0, expiresAt: 1000 },
      { platform, format: AGENT_TARGET_TABLE[platform].archive },
    );
    const packed = join(base, 'package');
    await writeFile(packed, archive.stream());
    if (platform === 'win-x64') execFileSync('unzip', ['-q', '-j', packed, '-d', base]);
    else execFileSync('tar', ['-xmzf', packed, '-C', base, '--strip-components=1']);
  }

  const right = async (key: Uint8Array, message: Uint8Array, signature: Uint8Array) => ({
    node: byNode(key, message, signature),
    here: await verifier.verify(key, message, signature),
  });
  const both = (answer: boolean) => ({ node: answer, here: answer });

  it('takes the release of a package with the key that stands in its script, and nothing else', async () => {
    const key = Buffer.from(shipped.key.exec(script)?.[1] ?? '', 'base64');
    const signed = await readFile(join(base, 'release.signed'));
    const signature = await readFile(join(base, 'release.sig'));
    expect(await right(key, signed, signature)).toEqual(both(true));
    expect(await right(key, Buffer.concat([signed, Buffer.from('\n')]), signature)).toEqual(both(false));
    expect(await right(key, flipped(signed, 1000), signature)).toEqual(both(false));
    expect(await right(key, signed, flipped(signature, 300))).toEqual(both(false));
    expect(await right(keyOf(Buffer.alloc(32)).raw, signed, signature)).toEqual(both(false));
  });

  it('takes the examples of RFC 8032, section 7.1', async () => {
    for (const { key, message, signature } of EXAMPLES)
      expect(await right(hex(key), hex(message), hex(signature))).toEqual(both(true));
  });

  it('takes what Node signs, by any key, and nothing of it with one bit changed', async () => {
    const places = fc.constantFrom('key', 'message', 'R', 'S');
    const property = fc.asyncProperty(seeds, messages, places, fc.nat(), async (seed, message, place, at) => {
      const key = keyOf(seed);
      const signature = key.sign(message);
      expect(await right(key.raw, message, signature)).toEqual(both(true));
      const bit = at % 256;
      const changed = {
        key: () => right(flipped(key.raw, bit), message, signature),
        message: () =>
          right(key.raw, message.length === 0 ? hex('00') : flipped(message, at % (8 * message.length)), signature),
        R: () => right(key.raw, message, flipped(signature, bit)),
        S: () => right(key.raw, message, flipped(signature, 256 + bit)),
      }[place];
      expect(await changed()).toEqual(both(false));
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('says what Node says of any bytes at all', async () => {
    const property = fc.asyncProperty(seeds, seeds, seeds, messages, async (key, r, s, message) => {
      expect(await right(key, message, Buffer.concat([r, s]))).toEqual(both(false));
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it('takes one signature for one message and one R, and not its double with L added to S', async () => {
    const key = keyOf(Buffer.alloc(32, 1));
    const signature = key.sign(hex('00'));
    const [r, s] = [signature.subarray(0, 32), numberOf(signature.subarray(32))];
    expect(await right(key.raw, hex('00'), signature)).toEqual(both(true));
    for (let more = s + L; more < 2n ** 256n; more += L)
      expect(await right(key.raw, hex('00'), Buffer.concat([r, littleEndian(more)]))).toEqual(both(false));
  });

  it('takes no R of small order, nor one that is written in another way', async () => {
    const key = keyOf(Buffer.alloc(32, 3));
    // The public key of another as R, its secret as the nonce: right. The same with the other sign: for that R it would be -nonce.
    const nonce = keyOf(Buffer.alloc(32, 7));
    const withNonce = (r: Buffer) => {
      const s = (nonce.scalar + numberOf(sha512(r, key.raw, hex('07'))) * key.scalar) % L;
      return right(key.raw, hex('07'), Buffer.concat([r, littleEndian(s)]));
    };
    expect(await withNonce(nonce.raw)).toEqual(both(true));
    expect(await withNonce(flipped(nonce.raw, 255))).toEqual(both(false));
    // With the nonce 0, R is the neutral point and S is ka: the equation holds.
    const neutral = littleEndian(1n);
    for (const r of [neutral, littleEndian(P + 1n), littleEndian(SIGN + 1n), littleEndian(SIGN + P + 1n)]) {
      const s = (numberOf(sha512(r, key.raw, hex('07'))) * key.scalar) % L;
      expect(await right(key.raw, hex('07'), Buffer.concat([r, littleEndian(s)]))).toEqual(both(false));
    }
  });

  it('takes no key of small order, in whatever way it is written: signatures of anything can be made up for it', async () => {
    const one = keyOf(Buffer.alloc(32, 4));
    const made = Buffer.concat([one.raw, littleEndian(one.scalar % L)]);
    let holds = 0;
    for (const key of SMALL_ORDER) {
      for (let message = 0; message < 30; message++) {
        expect([key, await right(hex(key), Buffer.of(message), made)]).toEqual([key, both(false)]);
        // R is [S]B, so the equation holds whenever k times the key is the neutral point.
        const k = numberOf(sha512(one.raw, hex(key), Buffer.of(message))) % L;
        if (k % 8n === 0n) holds++;
      }
    }
    expect(holds).toBeGreaterThan(20);
  });

  it('takes no key that is no point of the curve', async () => {
    const message = hex('00');
    const signature = keyOf(Buffer.alloc(32, 5)).sign(message);
    for (const y of [2n, 7n, P - 2n, P + 2n]) {
      expect(await right(littleEndian(y), message, signature)).toEqual(both(false));
      expect(await right(littleEndian(SIGN + y), message, signature)).toEqual(both(false));
    }
  });

  it('takes no key and no signature of another length', async () => {
    const key = keyOf(Buffer.alloc(32, 6));
    const message = hex('0102');
    const signature = key.sign(message);
    for (const wrong of [Buffer.alloc(0), key.raw.subarray(1), Buffer.concat([key.raw, Buffer.of(0)])])
      expect(await right(wrong, message, signature)).toEqual(both(false));
    for (const wrong of [Buffer.alloc(0), signature.subarray(0, 63), Buffer.concat([signature, Buffer.of(0)])])
      expect(await right(key.raw, message, wrong)).toEqual(both(false));
  });
}

const EXAMPLES = [
  {
    key: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155 5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    key: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da 085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    key: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac 18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
  {
    key: 'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    message:
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    signature:
      'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589 09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  },
] as const;

/** All points that eight times give the neutral one, in all ways in which a y of 255 bits and a sign can write them. */
const SMALL_ORDER = [
  // (0, 1), the neutral point, also with p added to y, each with both signs.
  `01${'00'.repeat(31)}`,
  `01${'00'.repeat(30)}80`,
  `ee${'ff'.repeat(30)}7f`,
  'ff'.repeat(32).replace(/^ff/, 'ee'),
  // (0, -1), of order 2.
  `ec${'ff'.repeat(30)}7f`,
  'ff'.repeat(32).replace(/^ff/, 'ec'),
  // y = 0, of order 4; also written as p.
  '00'.repeat(32),
  `${'00'.repeat(31)}80`,
  `ed${'ff'.repeat(30)}7f`,
  'ff'.repeat(32).replace(/^ff/, 'ed'),
  // Of order 8.
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
] as const;

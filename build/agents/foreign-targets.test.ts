import { createHash } from 'node:crypto';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NtExecutable, NtExecutableResource, Resource } from 'resedit';
import { afterAll, beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { PRODUCT_VERSION } from '../../protocol/version.ts';
import { type BaseRuntime, nodeLicence, provideBaseRuntime } from './base-runtime.ts';
import { blankMacSymbols } from './blank-mac-symbols.ts';
import { BuildError } from './build-error.ts';
import { checkBaseSignature } from './check-base-signature.ts';
import { describeWindowsRuntime } from './describe-windows.ts';
import { signedOnAMac, signForPlatform } from './finish-executable.ts';
import { readMacSignature } from './read-mac-signature.ts';
import { runTool } from './run-tool.ts';
import { signAdHoc } from './sign-mac.ts';
import { describeSigner, readAuthenticode } from './sign-windows.ts';
import { arm64Machine } from './testing/arm64-machine.ts';
import { packedProbe } from './testing/packed-probe.ts';
import { startTimestampServer } from './testing/timestamp-server.ts';
import { makeWindowsCertificate } from './testing/windows-certificate.ts';

/** Packing takes up to twenty seconds on a machine of its own, and several times that on one that is shared. */
const SLOW = 300_000;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-foreign-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The runtime of another platform; npm fetches it once. */
async function runtimeOf(target: PlatformTarget, context: TestContext): Promise<BaseRuntime> {
  try {
    return await provideBaseRuntime(target, () => undefined);
  } catch (error) {
    if (error instanceof BuildError) context.skip(`needs the runtime of ${target}: ${error.message}`);
    throw error;
  }
}

async function flipByte(path: string, position: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, position);
    byte[0] = (byte[0] ?? 0) ^ 1;
    await file.write(byte, 0, 1, position);
  } finally {
    await file.close();
  }
}

describe('the executable for Linux arm64', () => {
  it(
    'starts under QEMU, with nothing but the C and C++ libraries',
    async (context) => {
      const base = await runtimeOf('linux-arm64', context);
      const machine = await arm64Machine();
      if (typeof machine === 'string') return context.skip(`no machine for arm64: ${machine}`);
      const executable = join(folder, 'arm64');
      await packedProbe(base, executable);
      const end = await runTool(machine.emulator, ['-L', machine.root, executable, '--probe']);
      expect(end?.code, end?.output).toBe(0);
      expect(JSON.parse(end?.output ?? '')).toEqual({
        sea: true,
        execArgv: ['--use-system-ca', '--disable-sigusr1'],
        version: base.version,
        platform: 'linux-arm64',
        argument: '--probe',
        one: 1,
        injected: false,
      });
    },
    SLOW,
  );
});

describe('the executable for Windows', () => {
  it(
    'carries our name, and no signature when there is no certificate',
    async (context) => {
      const base = await runtimeOf('win-x64', context);
      const executable = join(folder, 'plain.exe');
      await packedProbe(base, executable);
      expect(await signForPlatform('win-x64', executable)).toEqual({ kind: 'none', signer: null });
      const program = NtExecutable.from(await readFile(executable));
      const [info] = Resource.VersionInfo.fromEntries(NtExecutableResource.from(program).entries);
      expect(info?.getStringValues({ lang: 0x409, codepage: 1200 })).toMatchObject({
        ProductName: 'Outrunner',
        ProductVersion: PRODUCT_VERSION,
        OriginalFilename: 'outrunner-agent.exe',
      });
      await expect(readFile(join(base.folder, 'LICENSE')), 'npm has none in this package').rejects.toThrow('ENOENT');
      expect(await nodeLicence(base.version, base.folder, () => undefined)).toContain('OpenSSL');
      const runtime = await readFile(base.path);
      const described = () => {
        const description = { fileName: 'x.exe', productVersion: '1.2.3', nodeVersion: base.version };
        return createHash('sha256').update(describeWindowsRuntime(runtime, description)).digest('hex');
      };
      expect(described(), 'the same bytes each time').toBe(described());
      const verified = await runTool('osslsigncode', ['verify', '-in', executable]);
      if (!verified) return context.skip('needs osslsigncode');
      expect(verified.output).toContain('No signature found');
      expect(verified.output).not.toContain('invalid PE checksum');
    },
    SLOW,
  );

  it(
    'is signed with the certificate and at the time that the settings name, and one flipped byte is seen',
    async (context) => {
      if (!(await runTool('osslsigncode', ['--version']))) return context.skip('needs osslsigncode');
      const base = await runtimeOf('win-x64', context);
      expect(await checkBaseSignature(base)).toContain('OpenJS Foundation');
      const executable = join(folder, 'signed.exe');
      await packedProbe(base, executable);
      const made = await makeWindowsCertificate(folder, 'Example Signer');
      vi.stubEnv('OUTRUNNER_WINDOWS_CERT', made.certificate);
      vi.stubEnv('OUTRUNNER_WINDOWS_KEY', made.key);
      const time = await startTimestampServer(folder);
      vi.stubEnv('OUTRUNNER_WINDOWS_TIMESTAMP', time.url);
      try {
        expect(await signForPlatform('win-x64', executable)).toEqual({ kind: 'signed', signer: 'Example Signer' });
      } finally {
        vi.unstubAllEnvs();
        await time.close();
      }
      expect(time.given()).toBe(1);
      const trusted = ['-CAfile', made.authority, '-TSA-CAfile', time.authority];
      const verify = () => runTool('osslsigncode', ['verify', ...trusted, '-in', executable]);
      const verified = await verify();
      expect(verified).toMatchObject({ code: 0, output: expect.stringContaining('Succeeded') });
      expect(verified?.output).toContain('Timestamp Server Signature verification: ok');
      await flipByte(executable, 1_000_000);
      expect((await verify())?.code).not.toBe(0);
      expect(await readAuthenticode(executable)).toMatchObject({ intact: false });
      // The authority vouches for itself alone.
      expect(await describeSigner(made.authority)).toEqual({ kind: 'development', signer: 'Test Authority' });
    },
    SLOW,
  );
});

describe('the executable for Apple silicon', () => {
  it(
    'is made from a runtime that Node signed, and carries a signature of every page',
    async (context) => {
      const base = await runtimeOf('macos-arm64', context);
      // Apple's own signature is what the reader is measured with: it understands one that was made elsewhere.
      expect(await checkBaseSignature(base)).toMatch(/Node's team HX7739G8FX, 35582 pages intact/);
      const executable = join(folder, 'mac');
      await packedProbe(base, executable);
      await expect(async () => readMacSignature(await readFile(executable))).rejects.toThrow('no signature');
      expect(await signForPlatform('macos-arm64', executable)).toEqual({ kind: 'ad-hoc', signer: null });
      const content = await readFile(executable);
      const signature = readMacSignature(content);
      expect(signature).toMatchObject({ adHoc: true, team: null, identifier: 'outrunner-agent' });
      expect(signature.pages).toBeGreaterThan(20_000);
      content[5_000_000] = (content[5_000_000] ?? 0) ^ 1;
      expect(() => readMacSignature(content)).toThrow(`page ${Math.floor(5_000_000 / 4096)} of`);

      // Node's binary with Apple's signature and with ours is one program; one with other symbols is another.
      const official = await readFile(base.path);
      const blanked = Buffer.from(official);
      blankMacSymbols(blanked);
      expect(signedOnAMac(signAdHoc(official, 'node'), official)).toEqual({
        kind: 'signed',
        signer: 'Apple team HX7739G8FX',
      });
      expect(() => signedOnAMac(signAdHoc(blanked, 'node'), official)).toThrow(
        'not the executable that was built here',
      );
      expect(() => signedOnAMac(official, signAdHoc(official, 'node'))).toThrow('not signed with a Developer ID');

      const symbols = async (path: string) => (await runTool('llvm-nm', ['--extern-only', path]))?.output;
      const expected = await symbols(base.path);
      // A third reader, where it is installed: what the loader looks up is what it was.
      if (expected !== undefined) expect(await symbols(executable)).toBe(expected);
    },
    SLOW,
  );
});

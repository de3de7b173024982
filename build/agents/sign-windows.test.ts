import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { NODE_MODULES } from '../paths.ts';
import { runTool } from './run-tool.ts';
import { describeSigner, readAuthenticode, signWindowsExecutable, windowsSigning } from './sign-windows.ts';
import { makeSoftToken } from './testing/soft-token.ts';
import { makeWindowsCertificate } from './testing/windows-certificate.ts';

/** A small program for Windows that is not signed: electron-builder brings it. */
const SMALL_PROGRAM = join(NODE_MODULES, 'electron-winstaller', 'vendor', 'StubExecutable.exe');

it('signs nothing for Windows without settings, and says which one is missing', () => {
  expect(windowsSigning({})).toBeUndefined();
  expect(() => windowsSigning({ OUTRUNNER_WINDOWS_KEY: 'key.pem' })).toThrow(/OUTRUNNER_WINDOWS_CERT is missing/);
  expect(() => windowsSigning({ OUTRUNNER_WINDOWS_CERT: 'cert.pem' })).toThrow(/OUTRUNNER_WINDOWS_KEY, a file/);
  const module = { OUTRUNNER_WINDOWS_CERT: 'cert.pem', OUTRUNNER_WINDOWS_PKCS11_MODULE: 'token.so' };
  expect(() => windowsSigning(module)).toThrow(/OUTRUNNER_WINDOWS_PKCS11_KEY/);
});

it('takes the key from a file or from a token', () => {
  const file = { OUTRUNNER_WINDOWS_CERT: 'cert.pem', OUTRUNNER_WINDOWS_KEY: 'key.pem' };
  expect(windowsSigning(file)).toEqual({ certificates: 'cert.pem', key: { file: 'key.pem' } });
  const token = {
    OUTRUNNER_WINDOWS_CERT: 'cert.pem',
    OUTRUNNER_WINDOWS_PKCS11_MODULE: 'token.so',
    OUTRUNNER_WINDOWS_PKCS11_KEY: 'pkcs11:object=code',
    OUTRUNNER_WINDOWS_KEY_PASSWORD_FILE: 'pin',
    OUTRUNNER_WINDOWS_TIMESTAMP: 'http://time.example',
  };
  expect(windowsSigning(token)).toEqual({
    certificates: 'cert.pem',
    key: { module: 'token.so', id: 'pkcs11:object=code' },
    passwordFile: 'pin',
    timestamp: 'http://time.example',
  });
});

it('names a certificate that cannot be read', async () => {
  await expect(describeSigner('/nowhere/cert.pem')).rejects.toThrow('/nowhere/cert.pem');
});

it('signs with a key that never leaves its token (needs SoftHSM and osslsigncode)', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'outrunner-token-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const made = await makeWindowsCertificate(folder, 'Example Signer');
  const token = await makeSoftToken(folder, made.key);
  if (token === null || !(await runTool('osslsigncode', ['--version'])))
    return context.skip('needs softhsm2, libengine-pkcs11-openssl and osslsigncode');
  await rm(made.key);
  vi.stubEnv('SOFTHSM2_CONF', token.env.SOFTHSM2_CONF);
  onTestFinished(() => void vi.unstubAllEnvs());
  const executable = join(folder, 'small.exe');
  await copyFile(SMALL_PROGRAM, executable);
  const unsigned = await readFile(executable);
  const settings = {
    OUTRUNNER_WINDOWS_CERT: made.certificate,
    OUTRUNNER_WINDOWS_PKCS11_MODULE: token.module,
    OUTRUNNER_WINDOWS_PKCS11_KEY: token.key,
    OUTRUNNER_WINDOWS_KEY_PASSWORD_FILE: token.pinFile,
  };
  const sign = async (change: NodeJS.ProcessEnv = {}) => {
    const signing = windowsSigning({ ...settings, ...change });
    return signing && signWindowsExecutable(executable, signing);
  };
  const wrongPin = join(folder, 'wrong-pin');
  await writeFile(wrongPin, '0815');
  // What is wrong is said by its name, and the executable stays as it was.
  const refusals: [NodeJS.ProcessEnv, RegExp][] = [
    [{ OUTRUNNER_WINDOWS_KEY_PASSWORD_FILE: wrongPin }, /PIN incorrect/],
    [{ OUTRUNNER_WINDOWS_PKCS11_KEY: 'pkcs11:token=release;object=other' }, /object=other/],
    [{ OUTRUNNER_WINDOWS_PKCS11_MODULE: join(folder, 'none.so') }, /none\.so/],
    [{ OUTRUNNER_WINDOWS_CERT: made.authority }, /consistency|mismatch/],
  ];
  for (const [change, said] of refusals) {
    await expect(sign(change)).rejects.toThrow(said);
    expect(await readFile(executable)).toEqual(unsigned);
  }
  expect(await sign()).toEqual({ kind: 'signed', signer: 'Example Signer' });
  expect(await readAuthenticode(executable)).toMatchObject({ intact: true });
  const verified = await runTool('osslsigncode', ['verify', '-CAfile', made.authority, '-in', executable]);
  expect(verified).toMatchObject({ code: 0, output: expect.stringContaining('Succeeded') });
});

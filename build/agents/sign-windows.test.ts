import { expect, it } from 'vitest';
import { describeSigner, windowsSigning } from './sign-windows.ts';

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

import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENROLMENT_TOKEN_PREFIX } from '../../protocol/enrolment.ts';
import { StartError } from '../start-error.ts';
import { folderProblem, isMissing, writeWhole } from './private-files.ts';

/** The secrets of a coordinator that are not in its database, so that a stolen copy of the database cannot act for it. */
export interface CoordinatorKeys {
  /** Raw Ed25519 public key, base64url: what agents pin. */
  readonly publicKey: string;
  /** Ed25519 signature over the UTF-8 bytes of `text`, base64url. */
  sign(text: string): string;
  /** The single-use token of an enrolment. The same id gives the same token: a package can be put together again. */
  enrolmentToken(enrolmentId: string): string;
  /** 32 bytes for `purpose`, different for each; for sealing what is kept for a short time. */
  derive(purpose: string): Buffer;
}

/** Reads the keys of the folder, or makes them the first time. @throws StartError when a key is unreadable or damaged. */
export function openKeys(folder: string): CoordinatorKeys {
  const signingPath = join(folder, 'coordinator-ed25519.pem');
  const signing = readSigningKey(
    signingPath,
    readOrMake(
      signingPath,
      () => generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    ),
  );
  const secretPath = join(folder, 'enrolment-secret');
  const secret = Buffer.from(
    readOrMake(secretPath, () => `${randomBytes(32).toString('base64url')}\n`).trim(),
    'base64url',
  );
  if (secret.length !== 32) throw damaged(secretPath);
  const publicKey = createPublicKey(signing).export({ format: 'jwk' }).x;
  if (publicKey === undefined) throw damaged(signingPath);
  return {
    publicKey,
    sign: (text) => sign(null, Buffer.from(text), signing).toString('base64url'),
    enrolmentToken: (id) => ENROLMENT_TOKEN_PREFIX + createHmac('sha256', secret).update(id).digest('base64url'),
    derive: (purpose) => createHmac('sha256', secret).update(`outrunner-derive-v1\n${purpose}`).digest(),
  };
}

function readOrMake(path: string, make: () => string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (!isMissing(error)) throw folderProblem(path, error);
  }
  const made = make();
  writeWhole(path, made);
  return made;
}

function readSigningKey(path: string, pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw damaged(path, cause);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw damaged(path);
  return key;
}

function damaged(path: string, cause?: unknown): StartError {
  return new StartError('data', `The key ${path} is damaged. Restore it from a copy of the data folder.`, cause);
}

import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENROLMENT_TOKEN_PREFIX } from '../../protocol/enrolment.ts';
import { folderProblem, isMissing, writeWhole } from './private-files.ts';
import { damagedKey, SigningKeys } from './signing-keys.ts';

/** The secrets of a coordinator that are not in its database, so that a stolen copy of the database cannot act for it. */
export interface CoordinatorKeys {
  /** What it signs with: the keys that agents believe. */
  readonly signing: SigningKeys;
  /** The single-use token of an enrolment. The same id gives the same token: a package can be put together again. */
  enrolmentToken(enrolmentId: string): string;
  /** 32 bytes for `purpose`, different for each; for sealing what is kept for a short time. */
  derive(purpose: string): Buffer;
}

/** Reads the keys of the folder, or makes them the first time. @throws StartError when a key is unreadable or damaged. */
export function openKeys(folder: string): CoordinatorKeys {
  const signing = SigningKeys.open(folder);
  const secretPath = join(folder, 'enrolment-secret');
  const secret = Buffer.from(
    readOrMake(secretPath, () => `${randomBytes(32).toString('base64url')}\n`).trim(),
    'base64url',
  );
  if (secret.length !== 32) throw damagedKey(secretPath);
  return {
    signing,
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

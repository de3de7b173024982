import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProxyUrlSchema } from '../../../protocol/package-options.ts';
import { type OneLine, oneLineCommand } from './one-line-command.ts';

const sh = `https://coordinator.example:4440/api/v1/install/ore_${'t'.repeat(43)}.sh`;
const ps1 = sh.replace(/sh$/, 'ps1');
const plain: OneLine = { platform: 'linux-x64', mode: 'service', sh, ps1, proxy: '', ca: '' };
const ca = '-----BEGIN CERTIFICATE-----\r\nMIIB+/==\r\n-----END CERTIFICATE-----\r\n';

it('is one short line where nothing special is wanted', () => {
  expect(oneLineCommand(plain)).toBe(`curl -sSL ${sh} | sudo sh`);
  expect(oneLineCommand({ ...plain, mode: 'user' })).toBe(`curl -sSL ${sh} | sh -s -- --user`);
  expect(oneLineCommand({ ...plain, platform: 'macos-arm64', mode: 'foreground' })).toBe(
    `curl -sSL ${sh} | sh -s -- --foreground`,
  );
  expect(oneLineCommand({ ...plain, platform: 'win-x64' })).toBe(`irm '${ps1}' | iex`);
  expect(oneLineCommand({ ...plain, platform: 'win-x64', mode: 'user' })).toBe(
    `& ([scriptblock]::Create((irm '${ps1}'))) -User`,
  );
});

it('lets Windows fetch with curl through a proxy or with certificates', () => {
  expect(oneLineCommand({ ...plain, platform: 'win-x64', proxy: "http://o'neill:3128", ca })).toBe(
    [
      `@'\n-----BEGIN CERTIFICATE-----\nMIIB+/==\n-----END CERTIFICATE-----\n'@ | Set-Content -Encoding ascii outrunner-ca.pem`,
      `& ([scriptblock]::Create(((curl.exe -sSL --proxy 'http://o''neill:3128' --cacert outrunner-ca.pem --ssl-revoke-best-effort '${ps1}') -join "\`n"))) -Proxy 'http://o''neill:3128' -Ca outrunner-ca.pem`,
    ].join('\n'),
  );
});

describe.skipIf(process.platform === 'win32')('in a real shell (needs sh)', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrunner-one-line-command-'));
    // Stand-ins that write down how they were called.
    for (const name of ['curl', 'sudo']) {
      const script = `#!/bin/sh\nprintf '%s\\0' "$@" >"$SAID.${name}"\n${name === 'curl' ? 'echo true' : 'cat >/dev/null'}\n`;
      await writeFile(join(folder, name), script);
      await chmod(join(folder, name), 0o755);
    }
  });
  afterAll(() => rm(folder, { recursive: true }));

  const called = async (name: string) =>
    (await readFile(join(folder, `said.${name}`), 'utf8')).split('\0').slice(0, -1);
  const proxies = fc
    .string()
    .map((text) => `http://u:${text}@proxy:3128`)
    .filter((url) => ProxyUrlSchema.safeParse(url).success);

  it('gives curl and the script each word as it was typed', async () => {
    await fc.assert(
      fc.asyncProperty(proxies, async (proxy) => {
        const line = oneLineCommand({ ...plain, proxy, ca });
        execFileSync('sh', ['-c', line], {
          cwd: folder,
          env: { PATH: `${folder}:${process.env.PATH}`, SAID: join(folder, 'said') },
        });
        expect(await called('curl')).toEqual(['-sSL', '--proxy', proxy, '--cacert', 'outrunner-ca.pem', sh]);
        expect(await called('sudo')).toEqual(['sh', '-s', '--', '--proxy', proxy, '--ca', 'outrunner-ca.pem']);
        expect(await readFile(join(folder, 'outrunner-ca.pem'), 'utf8')).toBe(ca.replaceAll('\r', ''));
      }),
      { numRuns: 20 },
    );
    expect(spawnSync('sh', ['-n', '-c', oneLineCommand({ ...plain, ca })]).status).toBe(0);
  });
});

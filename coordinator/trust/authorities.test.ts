import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCoordinator } from '../coordinator.ts';
import { readSettings } from '../settings/read-settings.ts';
import { downloaded, given, hired, movedTo, trustCalls, untilCounts } from '../testing/hired-agent.ts';
import { startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';
import { describeAuthorities, leadsToAuthority, readAuthorities } from './authorities.ts';

const openssl = ['/usr/bin/openssl', '/opt/homebrew/bin/openssl'].find((path) => existsSync(path));

describe.skipIf(openssl === undefined)('the authorities of --tls-ca (needs openssl)', () => {
  let folder: string;
  let one: string;
  let two: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outrunner-authorities-'));
    one = await makeAuthority('one');
    two = await makeAuthority('two');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function makeAuthority(name: string): Promise<string> {
    const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
    const how = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const subject = ['-subj', `/CN=${name}/O=Outrunner`];
    execFileSync(openssl ?? '', [...how, ...subject, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
    return readFile(certificate, 'utf8');
  }

  it('are the certificates of the file and nothing else of it', () => {
    const file = `# ours\nsubject=CN = one\n${one.replaceAll('\n', '\r\n')}\n\nsubject=CN = two\n${two}trailing`;
    expect(readAuthorities(file)).toBe(`${one}${two}`);
    const { fingerprint256, validTo } = new X509Certificate(two);
    expect(describeAuthorities(readAuthorities(file))[1]).toMatchObject({
      subject: 'CN=two, O=Outrunner',
      fingerprint: fingerprint256,
      notAfter: new Date(validTo).toISOString(),
    });
  });

  it('are compared with the certificate of the coordinator, which may have others between', async () => {
    const path = (name: string) => join(folder, name);
    const run = (...args: string[]) => execFileSync(openssl ?? '', args, { stdio: 'ignore' });
    const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    run('req', ...fresh, '-subj', '/CN=localhost', '-keyout', path('leaf.key'), '-out', path('leaf.csr'));
    const by = ['-CA', path('one.pem'), '-CAkey', path('one.key'), '-CAcreateserial'];
    run('x509', '-req', '-in', path('leaf.csr'), ...by, '-days', '1', '-out', path('leaf.pem'));
    const leaf = await readFile(path('leaf.pem'), 'utf8');
    expect([leadsToAuthority(leaf, one), leadsToAuthority(leaf, two), leadsToAuthority(leaf, two + one)]).toEqual([
      true,
      false,
      true,
    ]);
    expect(leadsToAuthority(one, one)).toBe(true);
    const settings = { tlsKey: path('leaf.key'), tlsCert: path('leaf.pem'), tlsCa: path('two.pem') };
    const log: string[] = [];
    const whole = await createCoordinator({
      settings: {
        ...readSettings({ argv: [], env: {}, readFile: () => '{}' }).settings,
        ...settings,
        dataDir: path('data'),
        port: 0,
        embedded: true,
      },
      logTo: { write: (line) => void log.push(line) },
    });
    await whole.stop();
    expect(log.join('')).toMatch(/of none of the authorities in --tls-ca/);
  });

  it.each([
    ['holds none', () => 'nothing', /--tls-ca: the file holds no certificate in PEM/],
    ['holds a damaged one', () => one + two.replace('MII', 'MIX'), /--tls-ca: certificate 2 of the file is damaged/],
    ['holds too many', () => one.repeat(1000), /--tls-ca: the file holds too many certificates/],
  ])('are refused with the name of the setting when the file %s', (_, text, message) => {
    expect(() => readAuthorities(text())).toThrow(
      expect.objectContaining({ kind: 'settings', message: expect.stringMatching(message) }),
    );
  });

  describe('that are', () => {
    let whole: WholeCoordinator;
    let file: string;
    beforeEach(async () => {
      whole = await startWhole();
      file = join(folder, 'ca.pem');
    });
    afterEach(() => whole.stop());

    const statement = () => trustCalls(whole).statement();
    const startWith = async (text: string | null) => {
      await whole.coordinator.stop();
      whole.clock.advance(1000);
      if (text !== null) await writeFile(file, text);
      const settings = text === null ? {} : { tlsCa: file };
      whole = await startWhole({ folder: whole.folder, clock: whole.clock, settings });
    };

    it('added, changed and removed are each announced once; unchanged ones are not', async () => {
      const serials = [(await statement()).serial];
      for (const [text, wanted] of [
        [one, one],
        [`${one}\nof another form\n`, one],
        [one + two, one + two],
        [two, two],
        [two, two],
        [null, null],
        [null, null],
      ] as const) {
        await startWith(text);
        const said = await statement();
        expect(said.authorities).toBe(wanted);
        serials.push(said.serial);
        const isNew = said.serial > (serials.at(-2) ?? 0);
        expect(whole.log.join('').includes('Runners are told')).toBe(isNew);
      }
      const rises = serials.slice(1).map((serial, at) => serial > (serials[at] as number));
      expect(rises).toEqual([true, false, true, true, false, true, false]);
    });

    it('changed are learned by connected and by new agents; those that cannot be told are named', async () => {
      await startWith(one);
      const [agent, old] = [await hired(whole, 'agent'), await hired(whole, 'old', { learns: false })];
      for (const each of [agent, old]) await each.connect();
      await untilCounts(whole, { current: 2 });
      expect(agent.trust?.authorities).toBe(one);
      await startWith(one + two);
      expect((await whole.call('getTrust')).body).toMatchObject({
        authorities: [{ subject: 'CN=one, O=Outrunner' }, { subject: 'CN=two, O=Outrunner' }],
        replicas: { total: 2, away: 1, unable: 1 },
      });
      const [moved, stays] = [movedTo(whole, agent), movedTo(whole, old)];
      for (const each of [moved, stays]) await each.connect();
      await untilCounts(whole, { current: 1, unable: 1 });
      expect(moved.trust?.authorities).toBe(one + two);
      await given(whole, stays);
      const fresh = await hired(whole, 'fresh', { learns: false });
      await fresh.connect();
      await untilCounts(whole, { current: 2, unable: 1 });
    });

    it('in a package are named as the coordinator’s own, unless others were given for the host', async () => {
      await startWith(one);
      const { config } = await downloaded(whole, 'named');
      expect(config.ca).toBe(one);
      expect(config.coordinator.authoritiesSha256).toBe(createHash('sha256').update(one).digest('hex'));
    });
  });
});

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SshInstall, SshInstallSchema } from '../../protocol/api/ssh-installs.ts';
import { targetOfHost } from '../../protocol/release.ts';
import { LiveReader } from '../testing/live-reader.ts';
import { writeSmallRelease } from '../testing/small-release.ts';
import { NO_CODES, type SshServer, startSshServer } from '../testing/ssh-server.ts';
import { newRunner, startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

const target = targetOfHost(process.platform, process.arch) ?? 'linux-x64';

describe.skipIf(NO_CODES !== null)(
  `a host that asks for a one-time code (needs OpenSSH and a PAM module for it: ${NO_CODES ?? ''})`,
  () => {
    let server: SshServer;
    let base: string;
    let whole: WholeCoordinator;
    let live: LiveReader;
    beforeAll(async () => {
      base = await mkdtemp(join(tmpdir(), 'outrunner-questions-'));
      const agentsDir = join(base, 'agents');
      await mkdir(agentsDir);
      await writeSmallRelease(agentsDir, Buffer.from('#!/bin/sh\necho "service: $*"\n'), [target]);
      [server, whole] = await Promise.all([startSshServer({ codes: true }), startWhole({ settings: { agentsDir } })]);
      live = await LiveReader.open(whole.url, whole.token);
    });
    afterAll(async () => {
      live.close();
      await Promise.all([whole.stop(), server.stop()]);
      await rm(base, { recursive: true });
    });

    let runners = 0;
    const begin = async (auth: object, port = server.port, hostKey = server.fingerprint) => {
      const { body: made } = await whole.call('createRunner', { body: newRunner(`asked-${++runners}`) });
      const { body } = await whole.call('startSshInstall', {
        params: { id: made.runner.id },
        body: { host: '127.0.0.1', port, user: 'plain', mode: 'user', start: false, hostKey, auth },
      });
      return SshInstallSchema.parse(body).id;
    };
    const until = async (id: string, fits: (install: SshInstall) => boolean): Promise<SshInstall> => {
      const event = await live.until((one) => one.topic === 'ssh-install' && one.id === id && fits(one.install));
      return event.topic === 'ssh-install' ? event.install : expect.fail();
    };
    /** Waits until something is asked that contains this text. */
    const asked = async (id: string, text: string) => {
      const { questions } = await until(
        id,
        (one) => one.questions?.questions.some((q) => q.text.includes(text)) ?? false,
      );
      return questions ?? expect.fail();
    };
    const ended = (id: string) => until(id, ({ endedAt }) => endedAt !== null);
    const answer = (id: string, questions: string, ...answers: string[]) =>
      whole.call('answerSshQuestions', { params: { id }, body: { questions, answers } });

    it('gets the password by itself, and the code from a person', async () => {
      const id = await begin({ method: 'password', password: 'plain-secret' });
      const asking = await asked(id, 'Verification code');
      expect(asking.questions).toEqual([{ text: 'Verification code:', visible: false }]);
      const early = await answer(id, crypto.randomUUID(), server.code());
      expect([early.status, early.body.code]).toEqual([409, 'conflict']);
      const two = await answer(id, asking.id, server.code(), 'another');
      expect([two.status, two.body.fields[0].path]).toEqual([400, 'answers']);
      expect((await answer(id, asking.id, server.code())).body).toMatchObject({ state: 'running', questions: null });
      const end = await ended(id);
      expect([end.state, end.problem, server.leftovers()]).toEqual(['succeeded', null, []]);
    });

    it('says that an answer was not right, and shows it nowhere', async () => {
      const id = await begin({ method: 'password', password: 'plain-secret' });
      await answer(id, (await asked(id, 'Verification code')).id, '31415926');
      const end = await ended(id);
      expect([end.problem?.code, end.problem?.detail]).toEqual([
        'ssh-sign-in-refused',
        `127.0.0.1:${server.port} refused what plain answered, or the password.`,
      ]);
      const places = [JSON.stringify(live.events), whole.log.join()].join();
      expect([places.includes('31415926'), places.includes('plain-secret')]).toEqual([false, false]);
    });

    it('asks a person everything when nothing was given', async () => {
      const id = await begin({ method: 'questions' });
      await answer(id, (await asked(id, 'Password')).id, 'plain-secret');
      await answer(id, (await asked(id, 'Verification code')).id, server.code());
      expect((await ended(id)).state).toBe('succeeded');
    });

    it('asks after a key, where the host wants both', async () => {
      const both = await startSshServer({
        codes: true,
        config: ['AuthenticationMethods publickey,keyboard-interactive'],
      });
      try {
        const auth = { method: 'key', privateKey: both.privateKey };
        const id = await begin(auth, both.port, both.fingerprint);
        await answer(id, (await asked(id, 'Password')).id, 'plain-secret');
        await answer(id, (await asked(id, 'Verification code')).id, both.code());
        expect((await ended(id)).state).toBe('succeeded');
      } finally {
        await both.stop();
      }
    });

    it('withdraws the question when the host waits no longer, and when it is cancelled', async () => {
      const impatient = await startSshServer({ codes: true, config: ['LoginGraceTime 1'] });
      try {
        const id = await begin({ method: 'password', password: 'plain-secret' }, impatient.port, impatient.fingerprint);
        await asked(id, 'Verification code');
        const end = await ended(id);
        expect([end.questions, end.problem?.detail]).toEqual([
          null,
          `127.0.0.1:${impatient.port} did not wait longer for the answers.`,
        ]);
      } finally {
        await impatient.stop();
      }
      const id = await begin({ method: 'password', password: 'plain-secret' });
      await asked(id, 'Verification code');
      await whole.call('cancelSshInstall', { params: { id } });
      const end = await ended(id);
      expect([end.questions, end.problem?.code]).toEqual([null, 'ssh-install-cancelled']);
    });
  },
);

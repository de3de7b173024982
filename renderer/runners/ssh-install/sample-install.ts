import { SSH_STEPS, type SshInstall } from '../../../protocol/api/ssh-installs.ts';

const TIME = '2026-11-23T20:00:00.000Z';

/** A whole installation for tests, which has just begun; changed where the test says so. */
export function sampleInstall(change: Pick<SshInstall, 'runner'> & Partial<SshInstall>): SshInstall {
  return {
    id: crypto.randomUUID(),
    from: 'coordinator',
    where: 'ssh',
    host: 'db.example',
    port: 22,
    user: 'ann',
    mode: 'system',
    name: 'outrunner-agent',
    state: 'running',
    by: 'owner',
    startedAt: TIME,
    endedAt: null,
    platform: null,
    hostKey: null,
    knownHostKey: null,
    questions: null,
    steps: SSH_STEPS.map((step) => ({ step, state: 'waiting', detail: '', progress: null })),
    output: [],
    problem: null,
    ...change,
  };
}

import { existsSync, readdirSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { BareRoot, NO_BARE_ROOT } from '../testing/bare-root.ts';
import { TestCoordinator } from '../testing/test-coordinator.ts';

const HOME = '/root';
const PACKAGE = `${HOME}/a package`;

test.skipIf(NO_BARE_ROOT !== '')(
  `where nothing starts it, a person’s agent runs in the background until it is stopped (needs root on Linux and the packed agent${NO_BARE_ROOT === '' ? '' : `: ${NO_BARE_ROOT}`})`,
  async () => {
    const root = new BareRoot();
    onTestFinished(() => root.close());
    const coordinator = await new TestCoordinator().start();
    onTestFinished(() => coordinator.stop());
    root.putAgent(PACKAGE);
    root.write(`${PACKAGE}/runner.json`, JSON.stringify(coordinator.config()), 0o600);
    const service = (...args: string[]) =>
      root.run([`${PACKAGE}/outrunner-agent`, 'service', ...args, '--user'], { HOME, OUTRUNNER_CGROUPS: 'off' });

    expect((await service('start')).code).toBe(AGENT_EXIT.serviceAbsent);
    const installed = await service('install');
    expect([installed.code, installed.stderr, installed.stdout]).toEqual([
      0,
      '',
      expect.stringMatching(/runs in the background, until this computer is restarted[\s\S]*Healthy: "Test Runner"/),
    ]);
    await coordinator.connected();
    const log = `${HOME}/.local/state/outrunner-agent/agent.log`;
    expect(root.read(log)).toContain('Connected to');
    const status = await service('status', '--json');
    expect([status.code, JSON.parse(status.stdout)]).toEqual([
      0,
      expect.objectContaining({ manager: 'background', service: expect.objectContaining({ activity: 'running' }) }),
    ]);
    const pid = () => JSON.parse(root.read(`${HOME}/.local/state/outrunner-agent/agent.lock`)).pid as number;
    const before = pid();
    // A repair does not disturb it.
    expect((await service('install')).code).toBe(0);
    expect(pid()).toBe(before);

    expect((await service('stop')).code).toBe(0);
    expect(root.processes()).toEqual([]);
    expect((await service('status')).code).toBe(AGENT_EXIT.serviceStopped);
    expect((await service('start')).code).toBe(0);
    await coordinator.connected();
    expect(pid()).not.toBe(before);

    // Nobody starts it again after an end for good, and the reason is said.
    coordinator.behaviour.reject = 'replica-revoked';
    const revoked = await service('start');
    expect(revoked.code).toBe(0);
    await expect.poll(() => root.processes()).toEqual([]);
    expect((await service('status')).stdout).toContain('(replica-revoked)');
    coordinator.behaviour.reject = null;

    expect((await service('uninstall', '--purge')).code).toBe(0);
    expect(root.processes()).toEqual([]);
    for (const folder of ['.config', '.local/state', '.local/share'])
      expect(
        existsSync(root.path(`${HOME}/${folder}`)) ? readdirSync(root.path(`${HOME}/${folder}`)) : [],
      ).not.toContain('outrunner-agent');
    expect(coordinator.faults).toEqual([]);
  },
);

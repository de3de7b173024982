import { z } from 'zod';
import { RunnerConfigSchema } from '../../protocol/enrolment.ts';
import type { TrustStatement } from '../../protocol/trust.ts';
import {
  enrolSimulated,
  makeEnrolmentKeys,
  packageTrust,
  SimulatedAgent,
  type SimulatedSettings,
} from './simulated-agent.ts';
import { eventually } from './test-coordinator.ts';
import { newRunner, type WholeCoordinator } from './whole-coordinator.ts';

/** What a host has that was given the package of a Runner, which has its own name as its tag. */
export async function downloaded(whole: WholeCoordinator, name: string) {
  const { body } = await whole.call('createRunner', { body: newRunner(name, { tags: [name] }) });
  const id = z.string().parse(body.runner.id);
  const config = RunnerConfigSchema.parse((await whole.call('describeInstall', { params: { id } })).body.config);
  return { id, config, token: config.enrolment?.token ?? '' };
}

/** An agent with a Runner of its own, enrolled with the key of its package. `learns`: false for one that pins a key for good. */
export async function hired(
  whole: WholeCoordinator,
  name: string,
  { learns = true, ...settings }: SimulatedSettings & { learns?: boolean } = {},
): Promise<SimulatedAgent> {
  const { id, config, token } = await downloaded(whole, name);
  const trust = learns ? packageTrust(config.coordinator.publicKey) : undefined;
  const identity = await enrolSimulated(whole.url, id, token, makeEnrolmentKeys(), trust);
  return new SimulatedAgent(identity, { now: () => whole.clock.now(), ...settings });
}

/** The same agent, for a coordinator that has moved to another address. */
export function movedTo(
  whole: WholeCoordinator,
  agent: SimulatedAgent,
  settings: SimulatedSettings = {},
): SimulatedAgent {
  const { trust, identity } = agent;
  const moved = { ...identity, url: whole.url, ...(trust === null ? {} : { trust }) };
  return new SimulatedAgent(moved, { now: () => whole.clock.now(), instance: agent.instance, ...settings });
}

/** Starts a command for one Runner and resolves with the operation that its agent was given, which it checked. */
export async function given(whole: WholeCoordinator, agent: SimulatedAgent) {
  const { tags } = (await whole.call('getRunner', { params: { id: agent.identity.runner } })).body;
  const body = { command: 'true', runnerTags: tags };
  const answer = await whole.call('runAdHoc', { params: { project: 'Welcome' }, body });
  if (answer.status !== 201) throw new Error(`The command was refused: ${JSON.stringify(answer.body)}`);
  const operation = await agent.nextOperation();
  return { id: String(answer.body.id), operation };
}

/** How far the agents are, once that is so. */
export function untilCounts(whole: WholeCoordinator, wanted: Record<string, number>): Promise<unknown> {
  return eventually(async () => {
    const { replicas } = (await whole.call('getTrust')).body;
    return Object.entries(wanted).every(([name, count]) => replicas[name] === count);
  });
}

/** What an administrator does to the coordinator's key, and what is announced of it. */
export function trustCalls(whole: WholeCoordinator) {
  return {
    rotate: () => whole.call('rotateKey'),
    retire: (body: object = {}) => whole.call('retireKey', { body }),
    view: async () => (await whole.call('getTrust')).body,
    statement: async (): Promise<TrustStatement> =>
      JSON.parse((await whole.request('GET', '/runner/v1/trust', { token: null })).body.statement),
  };
}

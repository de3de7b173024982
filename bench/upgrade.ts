import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { SimulatedAgent } from '../coordinator/testing/simulated-agent.ts';
import { writeSmallRelease } from '../coordinator/testing/small-release.ts';
import type { UpgradePhase } from '../protocol/upgrade.ts';
import type { ToAgent } from '../protocol/wire.ts';
import type { ApiClient } from './harness/api-client.ts';
import { type CoordinatorProcess, startCoordinator } from './harness/coordinator.ts';
import type { Benchmark } from './harness/figures.ts';
import { FleetFileSchema, writeFleet } from './harness/fleet.ts';
import { usageOf } from './harness/process-usage.ts';

const AGENTS = 2_000;
/** How an agent gets on: half a second in each phase, and of its download it tells four times. */
const STEP_MS = 500;
const PARTS = 4;
const TOTAL = 40_000_000;

/**
 * An upgrade of two thousand simulated agents, all in one ring, while one console listens: what is published of it. Floor:
 * each phase of each agent said once, in the fewest words.
 */
export const upgrade: Benchmark = {
  name: 'upgrade',
  what: `one upgrade of ${AGENTS} simulated agents, as a console hears it`,
  async run(work) {
    const dataDir = path.join(work, 'data');
    const file = path.join(work, 'fleet.json');
    const agentsDir = path.join(work, 'agents');
    await writeSmallRelease(agentsDir, Buffer.from('#!/bin/sh\n'), ['linux-x64'], '9.0.0');
    await writeFleet(dataDir, file, AGENTS);
    const coordinator = await startCoordinator({ dataDir, args: ['--agents-dir', agentsDir] });
    await connectAll(coordinator, file);
    const console = listen(coordinator.api);
    const { api } = coordinator;
    const begun = performance.now();
    const cpu = usageOf(coordinator.pid).cpu;
    const { id } = await api.call('createUpgrade', { body: {} });
    const isOver = async () => (await api.call('getUpgrade', { params: { id } })).state === 'finished';
    while (!(await isOver())) await pass(2_000);
    const seconds = (performance.now() - begun) / 1000;
    const used = usageOf(coordinator.pid).cpu - cpu;
    const heard = console.stop();
    const list = Buffer.byteLength(await (await api.fetch('/api/v1/upgrades')).text());
    return [
      { what: 'said to one console, in all', value: heard.bytes / 1e6, floor: floorBytes(id) / 1e6, unit: 'MB' },
      { what: 'largest event', value: heard.largest / 1e3, unit: 'KB' },
      { what: 'events', value: heard.events / seconds, unit: '/s' },
      { what: 'console cut off because it was too slow', value: heard.cuts, unit: '×' },
      { what: 'list of upgrades afterwards', value: list / 1e3, unit: 'KB' },
      { what: 'CPU of the coordinator', value: used, unit: 's' },
      { what: 'ordered → finished', value: seconds, unit: 's' },
    ];
  },
};

function floorBytes(upgradeId: string): number {
  const phases: UpgradePhase[] = ['downloading', 'waiting', 'switching', 'checked-in'];
  // A replica has an id of the same length.
  const said = phases.map((phase) => JSON.stringify({ replica: upgradeId, phase }).length);
  return AGENTS * said.reduce((sum, bytes) => sum + bytes, 0);
}

async function connectAll({ url }: CoordinatorProcess, file: string): Promise<void> {
  const { coordinatorPublicKey, runners } = FleetFileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  const agents = runners.map(({ runner, replica, signingKey }) => {
    const der = { key: Buffer.from(signingKey, 'base64url'), format: 'der', type: 'pkcs8' } as const;
    const identity = { url, runner, replica, coordinatorPublicKey, signingKey: createPrivateKey(der) };
    const onMessage = (message: ToAgent, agent: SimulatedAgent) => {
      if (message.type === 'upgrade') void carryOut(agent, message.upgrade);
    };
    return new SimulatedAgent(identity, { upgradable: { can: true, why: '' }, onMessage });
  });
  for (let at = 0; at < agents.length; at += 50) {
    await Promise.all(agents.slice(at, at + 50).map((agent) => agent.connect()));
  }
  setInterval(() => {
    for (const agent of agents) agent.beat();
  }, 5_000).unref();
}

async function carryOut(agent: SimulatedAgent, id: string): Promise<void> {
  const say = (phase: UpgradePhase, received = 0) =>
    agent.send({ type: 'upgrade-report', upgrade: id, phase, version: '9.0.0', detail: '', received, total: TOTAL });
  for (let part = 0; part <= PARTS; part++) {
    say('downloading', (TOTAL * part) / PARTS);
    await pass(STEP_MS / PARTS);
  }
  for (const phase of ['waiting', 'switching', 'checked-in'] as const) {
    say(phase);
    await pass(STEP_MS);
  }
}

/** Reads the live stream as a console does, again when it is cut off, and counts what is said of upgrades. */
function listen(api: ApiClient) {
  const heard = { bytes: 0, events: 0, largest: 0, cuts: 0 };
  const over = new AbortController();
  const read = async () => {
    const answer = await api.fetch('/api/v1/live', { signal: over.signal });
    let rest = '';
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        if (!block.includes('"topic":"upgrade"')) continue;
        heard.bytes += block.length + 2;
        heard.events += 1;
        heard.largest = Math.max(heard.largest, block.length + 2);
      }
    }
  };
  const readOn = async () => {
    while (!over.signal.aborted) {
      await read().catch(() => undefined);
      if (!over.signal.aborted) heard.cuts += 1;
    }
  };
  void readOn();
  return {
    stop() {
      over.abort();
      return heard;
    },
  };
}

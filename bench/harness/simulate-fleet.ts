import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as pass } from 'node:timers/promises';
import { backOffMs } from '../../agent/connection/back-off.ts';
import { SimulatedAgent } from '../../coordinator/testing/simulated-agent.ts';
import { HEARTBEAT_MS } from '../../protocol/status.ts';
import { FleetFileSchema } from './fleet.ts';

/**
 * The program that plays many Runners: `simulate-fleet.ts URL FILE`. Each connects with the real handshake, beats, answers
 * pings, and comes back after the waits of a real agent. It ends with SIGTERM.
 */

/** Beats are spread evenly over the interval, as those of a fleet are that was not switched on by one hand. */
const SLOTS = 100;
/** As the agent: a session of this length shows that the other end is well. */
const STEADY_MS = 5_000;
const SHAKY_FAILURES = 3;

const [url = '', file = ''] = process.argv.slice(2);
const { coordinatorPublicKey, runners } = FleetFileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
const connected = new Set<SimulatedAgent>();
let failures = 0;
let round = 0;
let isComplete = false;

async function play(agent: SimulatedAgent): Promise<void> {
  let failed = 0;
  for (;;) {
    let welcomeAt: number | null = null;
    try {
      await agent.connect();
      welcomeAt = performance.now();
      welcome(agent);
      await agent.closed();
    } catch {
      failures += 1;
    }
    connected.delete(agent);
    isComplete = false;
    if (welcomeAt !== null) failed = performance.now() - welcomeAt >= STEADY_MS ? 0 : Math.min(failed, SHAKY_FAILURES);
    failed += 1;
    await pass(backOffMs(failed, Math.random));
  }
}

function welcome(agent: SimulatedAgent): void {
  connected.add(agent);
  if (connected.size < runners.length || isComplete) return;
  isComplete = true;
  round += 1;
  console.log(`round ${round}: all welcome at ${Date.now()}, ${failures} failures`);
}

const agents = runners.map(
  ({ runner, replica, signingKey }) =>
    new SimulatedAgent(
      {
        url,
        runner,
        replica,
        coordinatorPublicKey,
        signingKey: createPrivateKey({ key: Buffer.from(signingKey, 'base64url'), format: 'der', type: 'pkcs8' }),
      },
      {
        onMessage(message, agent) {
          if (message.type === 'ping') agent.send({ type: 'pong', id: message.id });
        },
      },
    ),
);

let slot = 0;
setInterval(() => {
  for (let n = slot; n < agents.length; n += SLOTS) {
    const agent = agents[n];
    if (agent !== undefined && connected.has(agent)) agent.beat();
  }
  slot = (slot + 1) % SLOTS;
}, HEARTBEAT_MS / SLOTS);

// The first time they come over five seconds: a fleet that was there before the coordinator is measured by the restart.
for (const [n, agent] of agents.entries()) {
  if (n % 100 === 0) await pass((HEARTBEAT_MS * 100) / agents.length);
  void play(agent);
}
